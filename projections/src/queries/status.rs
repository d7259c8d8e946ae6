//! How far each view is, and what holds it up.

use kippu_events::Time;
use serde::Serialize;

use super::Queries;
use crate::runner::Reached;

/// How far the views are.
#[derive(Clone, PartialEq, Debug, Serialize, schemars::JsonSchema)]
pub struct Status {
    /// Whether the log has been folded up to where it ended when the runner started.
    pub caught_up: bool,
    /// Why the runner has ended, if it has: nothing goes on then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Each view.
    pub views: Vec<ViewStatus>,
}

#[cfg(test)]
impl Status {
    /// Whether some view does not go on in some partition.
    pub(crate) fn is_stalled(&self) -> bool {
        self.failed.is_some()
            || self.views.iter().any(|view| view.partitions.iter().any(|partition| partition.halted.is_some()))
    }
}

/// How far one view is.
#[derive(Clone, PartialEq, Debug, Serialize, schemars::JsonSchema)]
pub struct ViewStatus {
    /// The view.
    pub name: String,
    /// The revision that this version of the code writes.
    pub revision: u32,
    /// The revision that answers queries; nothing while the view is filled for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<u32>,
    /// What its answers reflect, or will.
    pub cut: String,
    /// Entries of the log that it has not read.
    pub lag: u64,
    /// Each partition.
    pub partitions: Vec<PartitionStatus>,
}

/// How far one view is in one partition.
#[derive(Clone, PartialEq, Debug, Serialize, schemars::JsonSchema)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: u16,
    /// The last record that is reflected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// Its number; 0 before the genesis too.
    pub number: u64,
    /// When the last event was decided that is reflected; nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// The first entry that has not been read.
    pub offset: u64,
    /// The end of the log; nothing where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// Entries that were read and do not count.
    pub skipped: u64,
    /// Why it does not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
    /// The event that this view cannot take; the other views go on. Nothing where it is the record that is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<StalledAt>,
}

/// The event that one view cannot take. The view tries it again when the node is started.
#[derive(Clone, PartialEq, Debug, Serialize, schemars::JsonSchema)]
pub struct StalledAt {
    /// The event, as `3-17.0`.
    pub event: String,
    /// The number of its record.
    pub record: u64,
    /// Why not.
    pub reason: String,
}

impl Queries {
    /// How far each view is.
    #[must_use]
    pub fn status(&self) -> Status {
        let published = self.0.published.borrow().clone();
        let views = published.views.iter().map(|view| {
            let live = view.live.as_ref().map(|(_, reached)| reached);
            let reached = live.or(view.filling.as_ref()).map(|reached| Reached::clone(reached)).unwrap_or_default();
            let partitions: Vec<_> = (0..self.0.log.partitions()).map(|p| self.partition(&reached, p)).collect();
            ViewStatus {
                name: view.name.to_owned(),
                revision: view.revision,
                answers: view.live.as_ref().map(|_| view.revision),
                cut: reached.cut().to_string(),
                lag: partitions.iter().filter_map(|p| Some(p.end?.saturating_sub(p.offset))).sum(),
                partitions,
            }
        });
        let views = views.collect();
        let failed = published.failed.as_ref().map(ToString::to_string);
        Status { caught_up: published.caught_up, failed, views }
    }

    fn partition(&self, reached: &Reached, partition: u16) -> PartitionStatus {
        let cursor = reached.cursors.get(usize::from(partition)).copied().unwrap_or_default();
        let halt = reached.halt(partition);
        PartitionStatus {
            partition,
            position: reached.position(partition).map(|position| position.to_string()),
            number: cursor.number(),
            time: (cursor.time != Time::default()).then_some(cursor.time),
            offset: cursor.offset,
            end: self.0.log.known_end(partition).ok(),
            skipped: cursor.skipped,
            halted: halt.map(|halt| format!("offset {}: {}", halt.offset, halt.reason)),
            stalled_at: halt.and_then(|halt| {
                let event = halt.event?;
                Some(StalledAt { event: event.to_string(), record: event.number, reason: halt.reason.clone() })
            }),
        }
    }
}
