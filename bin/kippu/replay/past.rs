//! What the commands have in common that tell the past: what they read, and why they do not tell it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kippu_events::Family;
use kippu_events::secrets::{Secrets, SecretsError};
use kippu_projections::past::NotFolded;
use kippu_projections::stored::StoredViews;
use kippu_projections::{Moment, NotOpened, View, catalogue};
use kippu_replay::history::{Folding, NotTold, Past};
use serde_json::Value;
use tempfile::TempDir;

use super::{History, NotRead, Where, data_dir};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// What is read, and how.
#[derive(clap::Args)]
pub(crate) struct Reading {
    #[command(flatten)]
    pub(super) place: Where,
    /// Show personal fields in plain text, with the keys in the data directory.
    #[arg(long)]
    decrypt: bool,
    /// Read the whole partition of an entity, even where the node's views say where its events lie.
    #[arg(long)]
    scan: bool,
}

/// A moment on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct At(pub(crate) Moment);

impl FromStr for At {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "neither a position or cut that a node gave out, nor a time as 2026-11-21T09:30:00Z";
        text.parse().map(Self).map_err(|_| wrong)
    }
}

/// An open history, with all that is known beside it.
pub(super) struct Opened {
    pub(super) history: History,
    pub(super) views: Option<StoredViews>,
    secrets: Option<Secrets>,
    scratch: TempDir,
}

/// Why the past is not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untold {
    #[error(transparent)]
    NotRead(#[from] NotRead),
    #[error(transparent)]
    NotTold(#[from] NotTold),
    #[error("no keys to show personal fields with: name the data directory with --data")]
    NoKeys,
    #[error("no views to compare with: name the data directory of the node with --data")]
    NoViews,
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Views(#[from] NotOpened),
    #[error("there is no {0}")]
    Unknown(String),
    #[error("no directory for temporary files: {0}")]
    Scratch(std::io::Error),
}

impl Untold {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::NotRead(error) => error.exit(),
            Self::NoKeys | Self::NoViews | Self::Unknown(_) => Exit::Usage,
            Self::NotTold(error) => exit_of(error),
            Self::Secrets(_) | Self::Views(_) | Self::Scratch(_) => Exit::CouldNotRun,
        }
    }
}

pub(super) fn exit_of(error: &NotTold) -> Exit {
    match error {
        NotTold::Unreadable(error) if error.is_damage() => Exit::Found,
        NotTold::Event { newer: false, .. } | NotTold::View(NotFolded::Halted { transient: false, .. }) => Exit::Found,
        NotTold::OtherPartition { .. }
        | NotTold::OnePartition(_)
        | NotTold::Cut { .. }
        | NotTold::Backwards(..)
        | NotTold::NoField { .. }
        | NotTold::Fields { .. }
        | NotTold::NoTable(_) => Exit::Usage,
        NotTold::Unreadable(_)
        | NotTold::NoEntity(_)
        | NotTold::NotYet(..)
        | NotTold::BeforeAll(_)
        | NotTold::OtherHistory(_)
        | NotTold::Ahead { .. }
        | NotTold::Event { .. }
        | NotTold::NoRow { .. }
        | NotTold::NotKept(_)
        | NotTold::Secrets(_)
        | NotTold::View(_)
        | NotTold::Store(_)
        | NotTold::Row(_)
        | NotTold::Shown(_) => Exit::CouldNotRun,
    }
}

impl Reading {
    /// Opens the history, and lets `tell` tell of it.
    pub(super) fn tell(&self, output: &Output, tell: impl FnOnce(&Opened) -> Result<Exit, Untold>) -> Exit {
        match self.open(output).and_then(|opened| tell(&opened)) {
            Ok(exit) => exit,
            Err(error) => output.failed(error.exit(), error),
        }
    }

    fn open(&self, output: &Output) -> Result<Opened, Untold> {
        let config = self.place.config(1)?;
        // Before the log, which then has all that they reflect.
        let views = if self.scan { None } else { views(&config, output) };
        let history = self.place.open(&config, output)?;
        let secrets = if self.decrypt { Some(secrets(&config, &history)?) } else { None };
        let scratch = kippu_events::files::scratch().map_err(Untold::Scratch)?;
        Ok(Opened { history, views, secrets, scratch })
    }
}

/// The views of the node. Without them everything is told all the same, more slowly.
fn views(config: &Config, output: &Output) -> Option<StoredViews> {
    config.data.as_ref()?;
    StoredViews::open(&data_dir(config).views()).unwrap_or_else(|error| {
        output.note(format_args!("the node's views are not used: {error}"));
        None
    })
}

fn secrets(config: &Config, history: &History) -> Result<Secrets, Untold> {
    if config.data.is_none() {
        return Err(Untold::NoKeys);
    }
    Ok(Secrets::open_secondary(&data_dir(config).keys(), history.log.id())?)
}

impl Opened {
    pub(super) fn past(&self) -> Past<'_> {
        let (log, embedded) = (&*self.history.log, self.history.embedded);
        Past { log, embedded, views: self.views.as_ref(), secrets: self.secrets.as_ref() }
    }

    pub(super) fn folding<'a>(&'a self, progress: &'a dyn Fn(u64)) -> Folding<'a> {
        Folding { log: Arc::clone(&self.history.log), dir: self.scratch.path(), progress }
    }

    /// Entries of the whole history, for a progress bar.
    pub(super) fn entries(&self) -> u64 {
        let log = &self.history.log;
        (0..log.partitions()).filter_map(|partition| log.end(partition).ok()).sum()
    }
}

/// The view `name`.
pub(super) fn view_of(name: &str) -> Result<Arc<dyn View>, Untold> {
    let found = catalogue::views().into_iter().find(|view| view.name() == name && view.table().is_some());
    found.ok_or_else(|| Untold::Unknown(format!("view {name:?}")))
}

/// The family `name`.
pub(super) fn family_of(name: &str) -> Result<Family, Untold> {
    Family::from_name(name).ok_or_else(|| Untold::Unknown(format!("family {name:?}")))
}

/// A value as people see it: what is encrypted, in a word.
pub(super) struct Plain<'a>(pub(super) &'a Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Object(members) if members.len() == 1 && members.contains_key("xchacha20poly1305") => {
                f.write_str("(encrypted)")
            }
            Value::Object(members) if members.len() == 1 && members.contains_key("forgotten") => {
                f.write_str("(forgotten)")
            }
            Value::Object(members) => {
                f.write_str("{")?;
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    // A forger may name a member in any way.
                    if name.bytes().all(|byte| byte.is_ascii_graphic()) {
                        write!(f, "{name}: {}", Plain(value))?;
                    } else {
                        write!(f, "{name:?}: {}", Plain(value))?;
                    }
                }
                f.write_str("}")
            }
            Value::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    Plain(item).fmt(f)?;
                }
                f.write_str("]")
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other.fmt(f),
        }
    }
}
