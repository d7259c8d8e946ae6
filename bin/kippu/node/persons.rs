//! Persons' keys where nodes share them: whether they can be reached, and whether they are missing. A node that makes a
//! second key for a person whose names were encrypted under a first makes those names unreadable for ever, and nobody notices.

use std::sync::Arc;
use std::time::Duration;

use kippu_events::EntityId;
use kippu_events::event::read_body;
use kippu_events::log::{Bound, Content, ReadLog, Record};
use kippu_events::secrets::{Secrets, SecretsError, SharedKeys};

use super::NodeError;

/// The one member of an encrypted name, as it lies in an event. Within text its quotes would be escaped.
const ENCRYPTED: &str = "\"xchacha20poly1305\"";

/// How often keys that could not be reached are tried again, also where nobody gives a command that names a person.
const AGAIN: Duration = Duration::from_secs(1);

/// Tries again to reach persons' keys, each time that they could not be reached. Ends when it is not polled any more.
pub(crate) async fn reach(secrets: Arc<Secrets>) {
    let mut again = tokio::time::interval(AGAIN);
    again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        again.tick().await;
        if secrets.away().is_none() {
            continue;
        }
        let its = Arc::clone(&secrets);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || its.try_again()).await {
            tracing::debug!(%error, "persons' keys are tried again");
        }
    }
}

/// Whether `log` has encrypted names and `keys` not one key. Reads the log up to the first such name, where there are no keys.
pub(crate) fn are_missing(log: &dyn ReadLog, keys: &dyn SharedKeys) -> Result<bool, NodeError> {
    let is_empty = || keys.end().map(|end| end == 0).map_err(SecretsError::from);
    if !is_empty()? {
        return Ok(false);
    }
    for partition in 0..log.partitions() {
        if has_encrypted(log, partition)? {
            // A person's key is there before the name: perhaps both have just come.
            return Ok(is_empty()?);
        }
    }
    Ok(false)
}

fn has_encrypted(log: &dyn ReadLog, partition: u16) -> Result<bool, NodeError> {
    let (mut next, end) = (0, log.end(partition)?);
    while next < end {
        let page = log.read(partition, next, Bound::BULK)?;
        let Some(last) = page.entries.last() else { break };
        next = last.offset + 1;
        if page.entries.iter().any(|entry| is_encrypted(&entry.stored)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_encrypted(stored: &[u8]) -> bool {
    match Record::decode(stored).map(|record| record.content) {
        Ok(Content::Commit(commit)) => holds_names(commit.body),
        Ok(Content::Genesis(_) | Content::Claim(_) | Content::Seal(_)) | Err(_) => false,
    }
}

fn holds_names(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|body| body.contains(ENCRYPTED))
}

/// The persons whose names are encrypted in the body of a record.
pub(crate) fn named_in(body: &[u8]) -> Vec<EntityId> {
    if !holds_names(body) {
        return Vec::new();
    }
    // What does not decode is for whoever serves or verifies the history to tell.
    let events = read_body(body).unwrap_or_default();
    events.iter().filter(|event| event.data.contains(ENCRYPTED)).map(|event| event.entity.id).collect()
}
