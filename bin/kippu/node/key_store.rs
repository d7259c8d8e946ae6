//! The key store of a node: opened, or made for a history that is new.

use std::sync::Arc;

use kippu_events::log::{Log, ReadError};
use kippu_events::secrets::{Secrets, SecretsError, SharedKeys};

use super::{DataDir, NodeError};

/// The key store in `dir`, of the history in `log`. New keys are made only where neither is there yet.
pub(super) fn open(
    dir: &DataDir,
    is_unfinished: bool,
    log: &dyn Log,
    shared: Option<Arc<dyn SharedKeys>>,
) -> Result<Secrets, NodeError> {
    let (keys, id) = (dir.keys(), log.id());
    let opened = match &shared {
        Some(shared) => Secrets::open_shared(&keys, id, Arc::clone(shared)),
        None => Secrets::open(&keys, id),
    };
    match opened {
        Ok(secrets) => return Ok(secrets),
        Err(SecretsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // New keys only for a new history: they make other tokens and other ids.
    if !is_unfinished || !is_new(log)? {
        return Err(NodeError::KeysLost(dir.path().display().to_string()));
    }
    Ok(match shared {
        Some(shared) => Secrets::create_shared(&keys, id, shared)?,
        None => Secrets::create(&keys, id)?,
    })
}

/// Whether the log holds its genesis records and nothing else.
fn is_new(log: &dyn Log) -> Result<bool, ReadError> {
    for partition in 0..log.partitions() {
        if log.end(partition)? > 1 {
            return Ok(false);
        }
    }
    Ok(true)
}
