//! What verify found, for programs and for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kippu_events::blobs::BlobId;
use kippu_events::event::EventId;
use kippu_events::log::walk::Skip;
use kippu_events::log::{Content, Hash, LogId};
use kippu_events::money::Currency;
use serde::Serialize;

use super::Options;
use super::blobs::Blobs;
use crate::rules::{Breach, Open, Rule};

/// The outcome for a whole log.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The log.
    pub log: LogId,
    /// No damage and no breach anywhere, and all of it was read.
    pub sound: bool,
    /// In order.
    pub partitions: Vec<Partition>,
    /// Over all partitions.
    pub totals: Totals,
    /// What became of the blobs that events name, where these were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blobs: Option<Blobs>,
    /// The cut behind which it was looked into, where it was not from the beginning. No rules were held then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Whether the history was compared with an earlier checkpoint.
    pub since_checkpoint: bool,
    /// How many walked at once.
    pub threads: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Sums over partitions.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct Totals {
    /// Valid records.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Records of deposed writers.
    pub stale: u64,
    /// Repeated records.
    pub duplicates: u64,
    /// Records without a predecessor.
    pub orphans: u64,
    /// Partitions with damage.
    pub damaged: u64,
    /// Partitions that only a later version of kippu reads to their end.
    pub newer: u64,
    /// Breaches of rules.
    pub breaches: u64,
}

/// The outcome for one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Its index.
    pub partition: u16,
    /// Valid records, genesis and claims included.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Valid claims.
    pub epochs: u64,
    /// Records of deposed writers, skipped.
    pub stale: u64,
    /// Repeated records, skipped.
    pub duplicates: u64,
    /// Records whose predecessor was never written, skipped.
    pub orphans: u64,
    /// The first of those that were skipped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// The last valid record.
    pub head: Option<Head>,
    /// Where the walk halted.
    pub damage: Option<Damage>,
    /// The first place at which a later version of kippu has written: no damage. Behind it the records were followed, as far as
    /// their format is known, and their events were not read.
    pub newer: Option<Damage>,
    /// The blobs that its events name, each with the first event that does, where they were to be collected.
    #[serde(skip)]
    pub named: BTreeMap<BlobId, EventId>,
    /// How many rules were broken.
    pub breaches: u64,
    /// The first of them.
    pub first_breaches: Vec<Breach>,
    /// How many of each.
    #[serde(skip)]
    pub breaches_of: BTreeMap<Rule, u64>,
    /// What is reserved by approvals that are open.
    #[serde(skip)]
    pub open: BTreeMap<Currency, Open>,
}

/// A record that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Where it lies in the log.
    pub offset: u64,
    /// The number of the record that counts before it.
    pub after: u64,
    /// Its epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The number that it gives itself; a claim gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// `stale`, `duplicate` or `orphan`.
    pub cause: &'static str,
    /// What that means.
    pub reason: &'static str,
}

impl Skipped {
    pub(super) const fn new(offset: u64, after: u64, content: &Content<'_>, skip: Skip, reason: &'static str) -> Self {
        let (epoch, number) = match content {
            Content::Genesis(_) => (None, None),
            Content::Claim(claim) => (Some(claim.epoch), None),
            Content::Commit(commit) => (Some(commit.epoch), Some(commit.number)),
            Content::Seal(seal) => (Some(seal.epoch), Some(seal.number)),
        };
        Self { offset, after, epoch, number, cause: skip.name(), reason }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, after, epoch, number, cause, reason } = self;
        write!(f, "offset {offset}, behind record {after}: {cause}, {reason}")?;
        if let Some(epoch) = epoch {
            write!(f, ", epoch {epoch}")?;
        }
        if let Some(number) = number {
            write!(f, ", number {number}")?;
        }
        Ok(())
    }
}

/// The last valid record of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Whether it ends the partition in this location.
    pub sealed: bool,
}

/// The first place from which a partition cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The number that the record there should have.
    pub number: u64,
    /// Where it lies in the log.
    pub offset: u64,
    /// The field that shows it.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether a later version of kippu reads it.
    #[serde(skip)]
    pub(super) newer: bool,
}

impl Report {
    pub(super) fn new(
        log: LogId,
        partitions: Vec<Partition>,
        options: &Options<'_>,
        threads: usize,
        took: Duration,
    ) -> Self {
        let mut totals = Totals::default();
        for partition in &partitions {
            totals.records += partition.records;
            totals.events += partition.events;
            totals.bytes += partition.bytes;
            totals.stale += partition.stale;
            totals.duplicates += partition.duplicates;
            totals.orphans += partition.orphans;
            totals.damaged += u64::from(partition.damage.is_some());
            totals.newer += u64::from(partition.newer.is_some());
            totals.breaches += partition.breaches;
        }
        Self {
            log,
            sound: totals.damaged == 0 && totals.breaches == 0 && totals.newer == 0,
            partitions,
            totals,
            blobs: None,
            since: options.behind.map(ToString::to_string),
            since_checkpoint: options.since.is_some(),
            threads,
            seconds: took.as_secs_f64(),
        }
    }

    /// Whether nothing is wrong with what was read, and a later version of kippu has to read the rest.
    #[must_use]
    pub fn is_only_newer(&self) -> bool {
        self.totals.newer > 0 && self.totals.damaged == 0 && self.totals.breaches == 0 && self.wrong_blobs() == 0
    }

    /// Blobs that events name, and that are missing or altered.
    fn wrong_blobs(&self) -> u64 {
        self.blobs.as_ref().map_or(0, |blobs| blobs.missing + blobs.altered)
    }

    /// The blobs that events name, each with an event that does.
    #[must_use]
    pub fn named_blobs(&self) -> BTreeMap<BlobId, EventId> {
        self.partitions.iter().flat_map(|partition| &partition.named).map(|(id, event)| (*id, *event)).collect()
    }

    /// Adds what became of these blobs. A history is not sound without what it names.
    #[must_use]
    pub fn with_blobs(self, blobs: Blobs) -> Self {
        let sound = self.sound && blobs.missing == 0 && blobs.altered == 0;
        Self { sound, blobs: Some(blobs), ..self }
    }
}

impl fmt::Display for Report {
    /// A table of partitions, what is wrong with each, and a last line that begins with `verify:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}", self.log)?;
        writeln!(f, "{:>9} {:>10} {:>10} {:>6} {:>7}  head", "partition", "records", "events", "epochs", "skipped")?;
        for partition in &self.partitions {
            let skipped = partition.stale + partition.duplicates + partition.orphans;
            write!(
                f,
                "{:>9} {:>10} {:>10} {:>6} {:>7}  ",
                partition.partition, partition.records, partition.events, partition.epochs, skipped
            )?;
            match &partition.head {
                Some(head) => {
                    let sealed = if head.sealed { ", sealed" } else { "" };
                    writeln!(f, "{} {:.16}{sealed}", head.number, head.hash)?;
                }
                None => writeln!(f, "none")?,
            }
        }
        for partition in &self.partitions {
            let place = partition.partition;
            if let Some(damage) = &partition.damage {
                let Damage { number, field, reason, .. } = damage;
                writeln!(f, "DAMAGE partition {place}, number {number}, field {field}: {reason}")?;
            }
            for skipped in &partition.skipped {
                writeln!(f, "SKIPPED partition {place}, {skipped}")?;
            }
            let all = partition.stale + partition.duplicates + partition.orphans;
            let more = all.saturating_sub(partition.skipped.len() as u64);
            if more > 0 {
                writeln!(f, "SKIPPED partition {place}: and {more} more")?;
            }
            if let Some(Damage { number, field, reason, .. }) = &partition.newer {
                writeln!(f, "NEWER  partition {place}, number {number}, field {field}: {reason}")?;
            }
            for Breach { number, event, rule, detail } in &partition.first_breaches {
                writeln!(f, "BREACH partition {place}, number {number}, event {event}, rule {rule}: {detail}")?;
            }
            let more = partition.breaches.saturating_sub(partition.first_breaches.len() as u64);
            if more > 0 {
                writeln!(f, "BREACH partition {place}: and {more} more")?;
            }
        }
        if let Some(blobs) = &self.blobs {
            write!(f, "{blobs}")?;
        }
        let Totals { records, events, damaged, breaches, newer, .. } = self.totals;
        if let Some(cut) = &self.since {
            writeln!(f, "looked into behind the cut {cut}; no rules were held")?;
        }
        writeln!(f, "{records} records, {events} events, {:.1} s on {} threads", self.seconds, self.threads)?;
        if self.sound {
            write!(f, "verify: sound")
        } else if self.is_only_newer() {
            write!(
                f,
                "verify: NOT VERIFIED ({newer} partitions go on in a format of a later version of kippu, which reads them)"
            )
        } else {
            write!(f, "verify: DAMAGED ({damaged} partitions damaged, {breaches} rules broken")?;
            match self.wrong_blobs() {
                0 => write!(f, ")"),
                wrong => write!(f, ", {wrong} blobs missing or altered)"),
            }
        }
    }
}
