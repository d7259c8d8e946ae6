//! What a bundle shows, for programs and for people.

use std::collections::BTreeMap;
use std::fmt;

use kippu_events::EntityKey;
use kippu_events::event::{EventId, read_body};
use kippu_events::log::{Content, LogId};
use serde::Serialize;

use super::cut::Cut;
use super::signed::{Anchored, Cosigned};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The log.
    pub log: LogId,
    /// How many cuts its checkpoint is over.
    pub checkpoint: u64,
    /// Whether a key of the verifier's own has signed it. Otherwise anybody may have made it.
    pub anchored: bool,
    /// By whom.
    #[serde(flatten)]
    pub by: Option<Anchored>,
    /// Records that it has.
    pub records: u64,
    /// Events in them that this version reads.
    pub events: u64,
    /// Of which partitions.
    pub partitions: Vec<PartitionShown>,
    /// Of which entities, by name.
    pub entities: BTreeMap<String, EntityShown>,
    #[serde(skip)]
    sizes: Vec<u64>,
}

/// The records of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionShown {
    /// The partition.
    pub partition: u16,
    /// Records in the bundle.
    pub records: u64,
    /// How many the partition had.
    pub of: u64,
    /// The first one's number.
    pub first: u64,
    /// The last one's number.
    pub last: u64,
}

/// The events of one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EntityShown {
    /// Its version after the first one.
    pub first: u64,
    /// Its version after the last one.
    pub last: u64,
    /// Events in the bundle.
    pub events: u64,
}

impl PartitionShown {
    /// Whether nothing between the first and the last is left out.
    fn is_whole(&self) -> bool {
        self.last - self.first + 1 == self.records
    }
}

impl EntityShown {
    /// The same for the events of an entity: its versions have no gaps.
    fn is_whole(&self) -> bool {
        // Whoever signs a history may have written any versions into it.
        (self.last - self.first).checked_add(1) == Some(self.events)
    }
}

impl Shown {
    pub(super) fn new(log: LogId, cut: &Cut, checkpoint: u64, by: Option<Anchored>) -> Self {
        let sizes = cut.0.iter().map(|tree| tree.size).collect();
        let (partitions, entities) = (Vec::new(), BTreeMap::new());
        Self { log, checkpoint, anchored: by.is_some(), by, records: 0, events: 0, partitions, entities, sizes }
    }

    /// Adds a record, which MUST be in the tree.
    pub(super) fn add(&mut self, partition: u16, number: u64, content: &Content<'_>) -> Result<(), String> {
        self.records += 1;
        match self.partitions.last_mut().filter(|shown| shown.partition == partition) {
            Some(shown) => (shown.records, shown.last) = (shown.records + 1, number),
            None => {
                let of = self.sizes.get(usize::from(partition)).copied().unwrap_or_default();
                self.partitions.push(PartitionShown { partition, records: 1, of, first: number, last: number });
            }
        }
        let Content::Commit(commit) = content else { return Ok(()) };
        let events = match read_body(commit.body) {
            Ok(events) => events,
            // A later version wrote it. It is in the tree all the same.
            Err(error) if error.is_newer() => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let log = self.log.to_string();
        let partitions = u16::try_from(self.sizes.len()).unwrap_or(u16::MAX);
        for (index, event) in (0..).zip(&events) {
            if event.id != (EventId { partition, number, index }) || event.source != log {
                return Err(format!("the event {} of {} does not belong there", event.id, event.source));
            }
            // Whoever signs a history may have written into any partition of it.
            if event.entity.id.slot().partition(partitions) != partition {
                return Err(format!("{} does not belong to partition {partition}", event.entity));
            }
            self.events += 1;
            self.entity(event.entity, event.version)?;
        }
        Ok(())
    }

    fn entity(&mut self, entity: EntityKey, version: u64) -> Result<(), String> {
        let shown = self.entities.entry(entity.to_string());
        let shown = shown.or_insert(EntityShown { first: version, last: version, events: 0 });
        if version < shown.last || (version == shown.last && shown.events > 0) {
            return Err(format!("{entity} goes from version {} to {version}", shown.last));
        }
        (shown.last, shown.events) = (version, shown.events + 1);
        Ok(())
    }
}

impl fmt::Display for Shown {
    /// What is shown of what, and a last line that begins with `evidence:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}, checkpoint of size {}", self.log, self.checkpoint)?;
        if let Some(Anchored { signed, cosigned }) = &self.by {
            signed.iter().try_for_each(|key| writeln!(f, "signed by {key}"))?;
            cosigned.iter().try_for_each(|Cosigned { by, at }| writeln!(f, "cosigned by {by} at {at}"))?;
        }
        writeln!(f, "records of {} of {} partitions", self.partitions.len(), self.sizes.len())?;
        for shown in &self.partitions {
            let PartitionShown { partition, records, of, first, last } = shown;
            let gap = if shown.is_whole() { "with nothing left out between" } else { "with gaps" };
            writeln!(f, "partition {partition}: {records} of {of} records, {first} to {last}, {gap}")?;
        }
        for (entity, shown) in &self.entities {
            let gap = if shown.is_whole() { "without a gap" } else { "with gaps" };
            writeln!(f, "{entity}: versions {} to {}, {gap}", shown.first, shown.last)?;
        }
        let Self { records, events, .. } = self;
        if self.anchored {
            write!(f, "evidence: verified ({records} records, {events} events)")
        } else {
            write!(
                f,
                "evidence: NOT ANCHORED ({records} records are whole, but no key of yours has signed them: give --key)"
            )
        }
    }
}
