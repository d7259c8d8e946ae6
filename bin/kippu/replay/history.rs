//! `kippu replay history`: what has happened to an entity, a line for each event.

use std::fmt;

use kippu_events::EntityKey;
use kippu_replay::history::{Happened, history};

use super::past::{At, Plain, Reading};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The entity, as users/ID.
    #[arg(value_name = "FAMILY/ID")]
    entity: EntityKey,
    /// Up to this time, position or cut.
    #[arg(long, value_name = "TIME|POSITION|CUT")]
    at: Option<At>,
    #[command(flatten)]
    reading: Reading,
}

/// Tells the events.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    args.reading.tell(output, |opened| {
        history(&opened.past(), args.entity, args.at.as_ref().map(|At(at)| at), &mut |event| {
            output.result(&event, Line(&event));
            output.is_whole()
        })?;
        Ok(Exit::Sound)
    })
}

/// An event in one line.
pub(super) struct Line<'a>(pub(super) &'a Happened);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Happened { event, time, kind, version, principal, command, causation, data, .. } = self.0;
        write!(f, "{time}  {event}  v{version}  {kind}  by {principal}  command {command}")?;
        if let Some(causation) = causation {
            write!(f, "  because of {causation}")?;
        }
        write!(f, "  {}", Plain(data))
    }
}
