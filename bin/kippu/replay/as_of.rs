//! `kippu replay as-of`: an entity as it was, a row as it was, or a whole view as it was.

use std::fmt;

use kippu_events::{EntityKey, Family};
use kippu_projections::Moment;
use kippu_replay::history::{PastRows, RowAt, State, as_of, row_as_of, rows_as_of};
use serde::Serialize;
use serde_json::{Value, json};

use super::past::{At, Opened, Reading, Untold, view_of};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The entity, the row or the view.
    #[arg(value_name = "FAMILY/ID|VIEW|VIEW/KEY")]
    what: String,
    /// At this time, right behind this position, or at this cut; now, where it is not given.
    #[arg(long, value_name = "TIME|POSITION|CUT")]
    at: Option<At>,
    /// The row of the view, also where a family of entities has the same name.
    #[arg(long)]
    view: bool,
    #[command(flatten)]
    reading: Reading,
}

/// Tells what was.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    args.reading.tell(output, |opened| {
        let at = args.at.as_ref().map(|At(at)| at);
        match args.what.split_once('/') {
            Some((name, _)) if !args.view && Family::from_name(name).is_some() => {
                let entity: EntityKey =
                    args.what.parse().map_err(|_| Untold::Unknown(format!("entity {:?}", args.what)))?;
                let state = as_of(&opened.past(), entity, at)?;
                output.result(&state, Entity(&state));
            }
            Some((name, key)) => row(opened, name, key, at, output)?,
            None => rows(opened, &args.what, at, output)?,
        }
        Ok(Exit::Sound)
    })
}

fn row(opened: &Opened, name: &str, key: &str, at: Option<&Moment>, output: &Output) -> Result<(), Untold> {
    let bar = output.progress(opened.entries(), "fold");
    let found = row_as_of(&opened.past(), &opened.folding(&|read| bar.inc(read)), view_of(name)?, key, at);
    bar.finish_and_clear();
    let row = found?;
    output.result(&row, Pretty(&row.row));
    Ok(())
}

fn rows(opened: &Opened, name: &str, at: Option<&Moment>, output: &Output) -> Result<(), Untold> {
    let bar = output.progress(opened.entries(), "fold");
    let folded = rows_as_of(&opened.past(), &opened.folding(&|read| bar.inc(read)), view_of(name)?, at);
    bar.finish_and_clear();
    let (rows, mut count) = (folded?, 0_u64);
    rows.each(&opened.past(), &mut |row| {
        count += 1;
        output.result(&row, Row(&row));
        Ok(())
    })?;
    let PastRows { cut, .. } = &rows;
    let value = json!({ "view": name, "cut": cut.to_string(), "rows": count });
    output.result(&value, format_args!("{count} rows of {name} at the cut {cut}"));
    Ok(())
}

struct Entity<'a>(&'a State);

impl fmt::Display for Entity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { entity, version, event, position, time, state } = self.0;
        writeln!(f, "{entity} v{version}, since {event} at {time}, position {position}")?;
        Pretty(state).fmt(f)
    }
}

struct Row<'a>(&'a RowAt);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.0.key, self.0.row)
    }
}

/// JSON over several lines.
struct Pretty<'a>(&'a Value);

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::pretty(&mut text);
        self.0.serialize(&mut writer).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}
