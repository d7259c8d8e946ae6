//! A buyer's terminal: it has a key for its authentication server, and neither account nor key anywhere else. What it knows lies in
//! a directory of its own; the key of every command is there before the command is sent, so that each takes effect once however
//! often it is given.
//!
//! ```text
//! asked ─(shop)─▶ offered ─(user)─▶ confirmed ─(authentication server)─▶ (pending) ─▶ approved ─(settlement server)─▶ presented
//!   ─▶ held: the files are here ─▶ settled          every one of them may end in: over
//! ```

pub(crate) mod approve;
pub(crate) mod buy;
pub(crate) mod hand_over;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod qr;
pub(crate) mod take;

mod approval;
mod code;
mod confirm;
mod directory;
mod error;
mod files;
mod offer;
mod parties;
mod person;
mod purchase;
mod report;
mod settlement;

pub(crate) use error::Error;

use directory::{Directory, Settings};
use parties::Parties;

use std::path::PathBuf;
use std::time::Duration;

/// Which terminal.
#[derive(clap::Args)]
pub(crate) struct Which {
    /// The terminal's directory.
    #[arg(long, env = "KIPPU_TERMINAL_DIR", value_name = "DIR")]
    dir: PathBuf,
}

/// How long parties are waited for.
#[derive(clap::Args)]
pub(crate) struct Patience {
    /// How long a party that does not answer is asked again, and a settlement under way is looked at.
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    patience_secs: u64,
}

impl Which {
    /// Its directory, and the parties that it knows.
    fn open(&self, patience: &Patience) -> Result<(Directory, Settings, Parties), Error> {
        let directory = Directory::open(&self.dir)?;
        let settings = directory.settings()?;
        let parties = Parties::new(&settings, patience.time())?;
        Ok((directory, settings, parties))
    }
}

impl Patience {
    const fn time(&self) -> Duration {
        Duration::from_secs(self.patience_secs)
    }
}
