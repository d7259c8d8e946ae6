//! How a record looks: a line, and a line for each event; or one JSON object with the events as they lie in the log.

use std::fmt;

use kippu_events::log::walk::Skip;
use kippu_events::log::{Content, Entry, Head, Record};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// An entry of the log, to be shown.
#[derive(Serialize)]
pub(super) struct Shown {
    partition: u16,
    offset: u64,
    /// None where it does not count: nobody knows the number of a claim then.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    kind: &'static str,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    bytes: usize,
    hash: String,
    #[serde(flatten)]
    rest: Rest,
}

/// What only some kinds have.
#[derive(Serialize, Default)]
struct Rest {
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Box<RawValue>>,
}

impl Shown {
    /// `record`, which lies in `entry`. With `head` where it counts.
    pub(super) fn of(
        partition: u16,
        entry: &Entry,
        record: &Record<'_>,
        head: Option<Head>,
        skip: Option<Skip>,
    ) -> Self {
        let (kind, epoch, number, rest) = match &record.content {
            Content::Genesis(genesis) => {
                let (log, partitions) = (Some(genesis.log.to_string()), Some(genesis.partitions));
                ("genesis", None, None, Rest { log, partitions, ..Rest::default() })
            }
            Content::Claim(claim) => {
                let (node, url) = (Some(claim.node.clone()), Some(claim.url.clone()));
                ("claim", Some(claim.epoch), None, Rest { node, url, ..Rest::default() })
            }
            Content::Commit(commit) => {
                let events = std::str::from_utf8(commit.body).ok();
                let events = events.and_then(|body| RawValue::from_string(body.to_owned()).ok());
                let rest = Rest { acked: Some(commit.acked), events, ..Rest::default() };
                ("commit", Some(commit.epoch), Some(commit.number), rest)
            }
            Content::Seal(seal) => {
                let rest = Rest { acked: Some(seal.acked), next: Some(seal.next.clone()), ..Rest::default() };
                ("seal", Some(seal.epoch), Some(seal.number), rest)
            }
        };
        Self {
            partition,
            offset: entry.offset,
            number: head.map(|head| head.number).or(number),
            kind,
            skipped: skip.map(Skip::name),
            epoch,
            bytes: entry.stored.len(),
            hash: head.map_or(record.digest, |head| head.hash).to_string(),
            rest,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rest { log, partitions, node, url, acked, next, events } = &self.rest;
        match self.number {
            Some(number) => write!(f, "{}-{number}", self.partition)?,
            None => write!(f, "{}-?", self.partition)?,
        }
        write!(f, "  {:.16}  {}", self.hash, self.kind)?;
        if let Some(epoch) = self.epoch {
            write!(f, " of epoch {epoch}")?;
        }
        if let (Some(log), Some(partitions)) = (log, partitions) {
            write!(f, " of log {log} with {partitions} partitions")?;
        }
        if let (Some(node), Some(url)) = (node, url) {
            write!(f, " by {node} {url}")?;
        }
        if let Some(acked) = acked {
            write!(f, ", {acked} acked")?;
        }
        if let Some(next) = next {
            write!(f, ", goes on at {next}")?;
        }
        if let Some(skipped) = self.skipped {
            write!(f, ", skipped: {skipped}")?;
        }
        events.iter().try_for_each(|events| events_of(events.get(), f))
    }
}

fn events_of(body: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let events: Vec<Value> = serde_json::from_str(body).unwrap_or_default();
    events.iter().try_for_each(|event| {
        let text = |name: &str| {
            event.get(name).map_or_else(String::new, |value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        };
        let (time, kind, subject, version) = (text("time"), text("type"), text("subject"), text("entityversion"));
        write!(f, "\n    {time}  {kind}  {subject} v{version}  {}", text("data"))
    })
}
