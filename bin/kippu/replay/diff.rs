//! `kippu replay diff`: what changed between two moments.

use std::fmt;

use kippu_replay::history::{Between, Change, Changed, ChangedRow, NotTold, Sides, diff, diff_rows};
use serde::Serialize;

use super::past::{At, Opened, Plain, Reading, Untold, family_of, view_of};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The earlier moment: a time, a position, or a cut. Between positions, their partition alone is compared.
    #[arg(value_name = "A")]
    before: At,
    /// The later moment.
    #[arg(value_name = "B")]
    after: At,
    /// Entities of this family alone.
    #[arg(long, value_name = "FAMILY", conflicts_with = "view")]
    family: Option<String>,
    /// The rows of this view, instead of entities.
    #[arg(long, value_name = "VIEW")]
    view: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// Tells what changed.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    args.reading.tell(output, |opened| {
        let sides = Sides { before: &args.before.0, after: &args.after.0 };
        match &args.view {
            Some(view) => rows(opened, view, sides, output)?,
            None => entities(opened, args.family.as_deref(), sides, output)?,
        }
        Ok(Exit::Sound)
    })
}

fn entities(opened: &Opened, family: Option<&str>, sides: Sides<'_>, output: &Output) -> Result<(), Untold> {
    let family = family.map(family_of).transpose()?;
    let mut count = 0_u64;
    let between = diff(&opened.past(), sides, family, &mut |changed: Changed| {
        count += 1;
        output.result(&changed, Entity(&changed));
        Ok::<_, NotTold>(())
    })?;
    let text = format!("{count} entities changed between {between}");
    output.result(&Compared { between, view: None, entities: Some(count), rows: None }, text);
    Ok(())
}

fn rows(opened: &Opened, view: &str, sides: Sides<'_>, output: &Output) -> Result<(), Untold> {
    let bar = output.progress(opened.entries(), "fold");
    let mut count = 0_u64;
    let found = diff_rows(&opened.past(), &opened.folding(&|read| bar.inc(read)), view_of(view)?, sides, &mut |row| {
        count += 1;
        output.result(&row, Row(&row));
        Ok(())
    });
    bar.finish_and_clear();
    let between = found?;
    let text = format!("{count} rows of {view} changed between {between}");
    output.result(&Compared { between, view: Some(view), entities: None, rows: Some(count) }, text);
    Ok(())
}

/// The last line.
#[derive(Serialize)]
struct Compared<'a> {
    #[serde(flatten)]
    between: Between,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
}

struct Entity<'a>(&'a Changed);

impl fmt::Display for Entity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changed { entity, from, to, changes } = self.0;
        if *from == 0 {
            write!(f, "{entity}  new, v{to}")?
        } else {
            write!(f, "{entity}  v{from} -> v{to}")?
        }
        members(f, changes)
    }
}

struct Row<'a>(&'a ChangedRow);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChangedRow { key, changes } = self.0;
        match changes.as_slice() {
            [Change { field, before: None, .. }] if field.is_empty() => write!(f, "{key}  new")?,
            [Change { field, after: None, .. }] if field.is_empty() => write!(f, "{key}  gone")?,
            _ => f.write_str(key)?,
        }
        members(f, changes)
    }
}

fn members(f: &mut fmt::Formatter<'_>, changes: &[Change]) -> fmt::Result {
    changes.iter().try_for_each(|Change { field, before, after }| {
        f.write_str("\n  ")?;
        if !field.is_empty() {
            write!(f, "{field}: ")?;
        }
        match (before, after) {
            (Some(before), Some(after)) => write!(f, "{} -> {}", Plain(before), Plain(after)),
            (None, Some(after)) => write!(f, "+ {}", Plain(after)),
            (Some(before), None) => write!(f, "- {}", Plain(before)),
            (None, None) => Ok(()),
        }
    })
}
