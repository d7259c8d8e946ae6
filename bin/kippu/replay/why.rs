//! `kippu replay why`: the event that made a value what it is, and what led to it.

use std::fmt;

use kippu_events::EntityKey;
use kippu_replay::history::{Happened, Node, Why, why};
use serde_json::Value;

use super::past::{At, Plain, Reading};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The entity, as users/ID.
    #[arg(value_name = "FAMILY/ID")]
    entity: EntityKey,
    /// A member of its state, by its name or as a JSON pointer; its last event, where it is not given.
    field: Option<String>,
    /// As it was at this time, right behind this position, or at this cut; now, where it is not given.
    #[arg(long, value_name = "TIME|POSITION|CUT")]
    at: Option<At>,
    #[command(flatten)]
    reading: Reading,
}

/// Tells why.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    args.reading.tell(output, |opened| {
        let at = args.at.as_ref().map(|At(at)| at);
        let found = why(&opened.past(), args.entity, args.field.as_deref(), at)?;
        output.result(&found, Tree(&found));
        Ok(Exit::Sound)
    })
}

struct Tree<'a>(&'a Why);

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Why { entity, field, before, after, because } = self.0;
        write!(f, "{entity}")?;
        if let Some(field) = field {
            let told =
                |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), |value| Plain(value).to_string());
            write!(f, " {field}: {} -> {}", told(before), told(after))?;
        }
        branch(f, because, "because of", 1)
    }
}

fn branch(f: &mut fmt::Formatter<'_>, node: &Node, label: &str, depth: usize) -> fmt::Result {
    let Node { event, began, caller, together, cause } = node;
    let Happened { event, time, entity, version, kind, principal, command, correlation, data, .. } = event;
    let indent = 2 * depth;
    write!(f, "\n{:indent$}{label} {event}  {time}  {kind}  {entity} v{version}", "")?;
    write!(f, "\n{:indent$}  by {principal}, command {command}", "")?;
    if let Some(correlation) = correlation {
        write!(f, ", of the flow that began with command {correlation}")?;
    }
    write!(f, "\n{:indent$}  {}", "", Plain(data))?;
    let branches = [(began, "its entity began with"), (caller, "the caller began with"), (cause, "in answer to")];
    for (node, label) in branches {
        if let Some(node) = node {
            branch(f, node, label, depth + 1)?;
        }
    }
    together.iter().try_for_each(|node| branch(f, node, "together with", depth + 1))
}
