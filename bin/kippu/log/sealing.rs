//! Ending the source of a copy: by the node that serves it, where there is one, and otherwise here.

use std::path::Path;

use kippu_events::log::lock::LockError;
use kippu_events::log::seal::seal;
use kippu_events::log::{AppendError, Claimant, Log};
use serde_json::json;

use super::LogError;
use super::ends::Source;
use super::transfer::RecordTransfer;
use crate::config::Config;
use crate::node::{self, DataDirError, LogLocation};
use crate::remote::{self, RemoteError};

/// How often another writer may come in between. A node claims when it is told to serve, and one that was deposed again after
/// some seconds; a seal is written long before that, and behind it nobody claims.
const MOST_CLAIMS: usize = 16;
/// What claims of this command call themselves.
const NODE: &str = "kippu log copy";

/// See the module.
pub(super) struct Sealing<'a> {
    pub(super) source: &'a Source,
    pub(super) key_file: Option<&'a Path>,
    pub(super) server: Option<&'a str>,
}

impl Sealing<'_> {
    /// Seals every partition of the source; the history goes on at `next`.
    pub(super) fn seal(&self, transfer: &RecordTransfer<'_>, next: &str, config: &Config) -> Result<(), LogError> {
        if let Some((partition, other)) = (0..).zip(transfer.nexts()).find_map(|(partition, found)| {
            found.filter(|found| *found != next).map(|found| (partition, found.to_owned()))
        }) {
            return Err(LogError::SealedTo { partition, next: other });
        }
        if transfer.nexts().all(|found| found.is_some()) {
            return Ok(());
        }
        match (&self.source.location, self.key_file) {
            // Whoever serves it there is deposed by the claim.
            (LogLocation::Kafka(_), _) | (LogLocation::Embedded(_), None) => self.here(next, config),
            (LogLocation::Embedded(_), Some(key_file)) => {
                let server = self.server.or(transfer.url()).ok_or(LogError::NoServer)?;
                let node = remote::node_at(server, key_file, config.tls.roots.as_deref())?;
                let request = node.command("/v1/log/seal", NODE, json!({ "next": next }).to_string());
                node::on_a_system(node.done(request)).map_err(RemoteError::Call)?;
                Ok(())
            }
        }
    }

    fn here(&self, next: &str, config: &Config) -> Result<(), LogError> {
        let lock = match (&self.source.location, &self.source.dir) {
            (LogLocation::Embedded(_), Some(dir)) => Some(dir.lock().map_err(|error| match error {
                DataDirError::Lock(LockError::Held { .. }) => LogError::Served(error.to_string()),
                error => LogError::Dir(error),
            })?),
            (LogLocation::Embedded(_) | LogLocation::Kafka(_), _) => None,
        };
        let log = self.source.location.open_to_seal(config)?;
        for partition in 0..log.partitions() {
            persistently(&*log, partition, next).map_err(|error| LogError::Seal { partition, error })?;
        }
        drop(lock);
        Ok(())
    }
}

/// Seals `partition`, also where a node has just been told to serve it and claims in between.
fn persistently(log: &dyn Log, partition: u16, next: &str) -> Result<(), AppendError> {
    let claimant = Claimant { node: NODE.to_owned(), url: String::new() };
    let mut sealed = seal(log, partition, &claimant, next);
    for _ in 0..MOST_CLAIMS {
        match sealed {
            Err(AppendError::Deposed { .. }) => sealed = seal(log, partition, &claimant, next),
            _ => break,
        }
    }
    sealed
}
