//! `kippu replay access-log`: who was shown whose personal fields.

use kippu_events::EntityId;
use kippu_replay::access_log::{Disclosed, access_log};
use kippu_replay::history::Unreadable;
use serde::Serialize;

use super::{NotRead, Where};
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only what was shown of this person: the id of a user.
    #[arg(long, value_name = "ID")]
    person: Option<EntityId>,
    #[command(flatten)]
    place: Where,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
enum NotListed {
    #[error(transparent)]
    History(#[from] NotRead),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl NotListed {
    fn exit(&self) -> Exit {
        match self {
            Self::History(error) => error.exit(),
            Self::Unreadable(error) if error.is_damage() => Exit::Found,
            Self::Unreadable(_) => Exit::CouldNotRun,
        }
    }
}

/// What it prints.
#[derive(Serialize)]
struct Listed {
    disclosures: Vec<Disclosed>,
}

/// Lists them, oldest first.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match list(args, output) {
        Ok(disclosures) => {
            let text = disclosures.iter().map(line).collect::<Vec<_>>().join("\n");
            let text = if text.is_empty() { "nobody was shown personal fields".to_owned() } else { text };
            output.result(&Listed { disclosures }, text);
            Exit::Sound
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

fn list(args: &Args, output: &Output) -> Result<Vec<Disclosed>, NotListed> {
    let config = args.place.config(1)?;
    let history = args.place.open(&config, output)?;
    let log = &*history.log;
    let records = (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum();
    let bar = output.progress(records, "access log");
    let found = access_log(log, args.person, |read| bar.inc(read));
    bar.finish_and_clear();
    if let Some(remark) = history.remark {
        output.note(remark);
    }
    Ok(found?)
}

fn line(one: &Disclosed) -> String {
    let persons: Vec<String> = one.persons.iter().map(ToString::to_string).collect();
    format!("{}  {}  {}  {}  {}", one.time, one.event, one.by, one.query, persons.join(" "))
}
