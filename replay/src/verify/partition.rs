//! The walk over one partition.

use std::convert::Infallible;

use kippu_events::NotAnEvent;
use kippu_events::event::{self, EventId};
use kippu_events::log::walk::{Broken, Skip, Step};
use kippu_events::log::{self, Bound, Content, Genesis, ReadError, ReadLog, Record};
use tlog_tiles::record_hash;

use super::Options;
use super::entities::{Entities, Own};
use super::report::{Damage, Head, Partition, Skipped};
use crate::evidence::{Frontier, Tree};
use crate::rules::{Breaches, Rules};

/// Stands before `partition`, or right behind the cut that `options` names.
pub(super) fn begin<'a>(log: &'a dyn ReadLog, partition: u16, options: &'a Options<'a>) -> Verifier<'a> {
    let behind = options.behind.and_then(|cut| cut.0.get(usize::from(partition)).copied());
    let resumed = behind.filter(|_| options.embedded).and_then(|number| resume(log, partition, number));
    let (walk, head) = resumed.unwrap_or_else(|| (log::walk::Walk::new(log, partition), None));
    // Rules look back to what is not read here.
    let rules = if options.behind.is_some() { Rules::NONE } else { options.rules };
    Verifier {
        log,
        options,
        own: Own { partition, partitions: log.partitions(), source: log.id().to_string() },
        walk,
        head,
        behind,
        known: options.since.and_then(|cut| cut.tree(partition).ok()),
        tree: Frontier::default(),
        entities: Entities::default(),
        breaches: Breaches::new(rules, options.most_breaches),
        found: Partition { partition, ..Partition::default() },
        ended: None,
    }
}

/// A walk that stands behind the last commit at or before record `number` of an embedded log, whose hash it says itself.
fn resume(log: &dyn ReadLog, partition: u16, number: u64) -> Option<(log::walk::Walk, Option<log::Head>)> {
    let one = Bound { entries: 1, ..Bound::default() };
    for number in (1..=number).rev() {
        let page = log.read(partition, number, one).ok()?;
        let stored = page.entries.first().filter(|entry| entry.offset == number)?;
        let record = Record::decode(&stored.stored).ok()?;
        if let Content::Commit(commit) = &record.content {
            let hash = record.hash(number, commit.prev);
            let head = log::Head { epoch: commit.epoch, number, hash, sealed: false };
            let genesis = Genesis::of(log, partition);
            let walk = log::walk::Walk::resume(genesis, number + 1, head, None, [record.digest]);
            return Some((walk, Some(head)));
        }
    }
    None
}

/// One partition, as far as it was walked.
pub(super) struct Verifier<'a> {
    log: &'a dyn ReadLog,
    options: &'a Options<'a>,
    own: Own,
    walk: log::walk::Walk,
    /// The last record that was found good.
    head: Option<log::Head>,
    /// What lies up to this record is not looked into.
    behind: Option<u64>,
    /// What the checkpoint has of this partition.
    known: Option<Tree>,
    /// Over the records, as far as that is compared.
    tree: Frontier,
    entities: Entities,
    breaches: Breaches,
    found: Partition,
    /// Why it goes no further.
    ended: Option<Damage>,
}

/// Where the walk ends, before it is known which record that is.
struct Fault {
    field: String,
    reason: String,
    /// Whether a later version of kippu reads on.
    newer: bool,
}

impl Fault {
    fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into(), newer: false }
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self { newer: broken.newer, ..named(&broken.reason) }
    }
}

/// `field prev: …` as the log's own errors have it.
fn named(text: &str) -> Fault {
    match text.strip_prefix("field ").and_then(|rest| rest.split_once(": ")) {
        Some((field, reason)) => Fault::new(field, reason),
        None => Fault::new("record", text),
    }
}

impl From<NotAnEvent> for Fault {
    fn from(error: NotAnEvent) -> Self {
        let field = match &error {
            NotAnEvent::Json(_) | NotAnEvent::Newer(_) => "body",
            NotAnEvent::Id(_) => "id",
            NotAnEvent::Subject(_) | NotAnEvent::Family(_) => "subject",
            NotAnEvent::Schema { .. } => "schemaversion",
            NotAnEvent::Kind(_) => "type",
            NotAnEvent::Data { .. } => "data",
            NotAnEvent::Attribute { attribute, .. } => attribute,
        };
        Self { newer: error.is_newer(), ..Self::new(field, error.to_string()) }
    }
}

impl Verifier<'_> {
    /// Walks on to where the partition ends by now, or to its first damage.
    pub(super) fn go_on(&mut self) {
        if self.ended.is_none() {
            self.ended = self.run().err();
        }
    }

    /// What was found so far.
    pub(super) fn found(&self) -> Partition {
        let mut found = self.found.clone();
        match self.ended.clone() {
            Some(place) if place.newer => found.newer = found.newer.or(Some(place)),
            damage => found.damage = damage,
        }
        found.head = self.head.map(|h| Head { number: h.number, hash: h.hash, sealed: h.sealed });
        found.breaches = self.breaches.counts.values().sum();
        found.breaches_of.clone_from(&self.breaches.counts);
        found.first_breaches.clone_from(&self.breaches.first);
        found.open = self.entities.open();
        found
    }

    fn run(&mut self) -> Result<(), Damage> {
        let partition = self.own.partition;
        let end = self.log.end(partition).map_err(|e| self.damage(0, &Fault::new("medium", e.to_string())))?;
        let mut bound = Bound::default();
        while self.walk.offset() < end {
            let first = self.walk.offset();
            let mut taken = Ok(());
            let log = self.log;
            let visited = log.visit(partition, first, bound, &mut |at, stored| {
                if taken.is_ok() && at < end {
                    let offset = self.walk.offset();
                    taken = self.take(at, stored).map_err(|fault| self.damage(offset, &fault));
                }
            });
            let offset = self.walk.offset();
            (self.options.progress)(offset - first);
            taken?;
            let fault = match visited {
                Ok(_) if offset > first => continue,
                Ok(_) => {
                    let gone = format!("the log goes on to offset {end}, but nothing can be read from {offset} on");
                    Fault::new("offset", gone)
                }
                // Somewhere in this page: one by one, to name the place.
                Err(_) if bound.entries > 1 => {
                    bound.entries = 1;
                    continue;
                }
                Err(ReadError::Medium { reason, .. }) => Fault::new("medium", reason),
                Err(ReadError::Newer { reason, .. }) => Fault { newer: true, ..Fault::new("format", reason) },
                Err(error @ ReadError::NoPartition { .. }) => Fault::new("medium", error.to_string()),
            };
            return Err(self.damage(offset, &fault));
        }
        self.compare_tail(end)
    }

    /// What was to follow the head, and lies at `offset`, is damage.
    fn damage(&self, offset: u64, fault: &Fault) -> Damage {
        let number = self.head.map_or(0, |head| head.number + 1);
        let newer = fault.newer;
        Damage { number, offset, field: fault.field.clone(), reason: fault.reason.clone(), newer }
    }

    fn take(&mut self, offset: u64, stored: &[u8]) -> Result<(), Fault> {
        self.found.bytes += stored.len() as u64;
        let (record, skip) = match self.walk.take(offset, stored)? {
            Step::Valid(record) => return self.follow(offset, &record.content),
            Step::Skipped(record, skip) => (record, skip),
        };
        let (skipped, field, what) = match skip {
            Skip::Stale => (&mut self.found.stale, "epoch", "of an epoch that is over"),
            Skip::Duplicate => (&mut self.found.duplicates, "number", "a record that was here before"),
            Skip::Orphan => (&mut self.found.orphans, "number", "a record whose predecessor is missing"),
        };
        *skipped += 1;
        if self.found.skipped.len() < self.options.most_skipped {
            let after = self.head.map_or(0, |head| head.number);
            self.found.skipped.push(Skipped::new(offset, after, &record.content, skip, what));
        }
        if self.options.embedded {
            return Err(Fault::new(field, format!("{what}, which the only writer of an embedded log never writes")));
        }
        Ok(())
    }

    /// Looks at a record that counts.
    fn follow(&mut self, offset: u64, content: &Content<'_>) -> Result<(), Fault> {
        let Some(head) = self.walk.head() else { return Ok(()) };
        if !matches!(content, Content::Seal(_)) {
            self.compare(&head)?;
        }
        let is_behind = self.behind.is_none_or(|behind| head.number > behind);
        match content {
            Content::Commit(_) if !is_behind => {}
            // Behind events that only a later version reads, what entities did is not known; that the records follow each
            // other still is.
            Content::Commit(_) if self.found.newer.is_some() => {}
            Content::Commit(commit) => match self.body(commit.number, commit.body) {
                Err(fault) if fault.newer => self.found.newer = Some(self.damage(offset, &fault)),
                taken => taken?,
            },
            Content::Claim(_) => self.found.epochs += 1,
            Content::Genesis(_) | Content::Seal(_) => {}
        }
        self.found.records += 1;
        self.head = Some(head);
        Ok(())
    }

    fn compare_tail(&self, end: u64) -> Result<(), Damage> {
        if self.head.is_none() {
            return Err(self.damage(end, &Fault::new("kind", "the partition is empty: its genesis is missing")));
        }
        if let Some((behind, head)) = self.behind.zip(self.head)
            && head.number < behind
        {
            let cut = format!("the history ends here, but the cut says that it went on to number {behind}");
            return Err(self.damage(end, &Fault::new("cut", cut)));
        }
        match self.known {
            Some(known) if self.tree.size() < known.size => {
                let cut =
                    format!("the history ends here, but the checkpoint saw it go on to number {}", known.size - 1);
                Err(self.damage(end, &Fault::new("checkpoint", cut)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Compares what there is up to `head` with what the checkpoint has of this partition, once it has come that far.
    fn compare(&mut self, head: &log::Head) -> Result<(), Fault> {
        let Some(known) = self.known.filter(|known| self.tree.size() < known.size) else { return Ok(()) };
        let Ok(()) = self.tree.push(record_hash(&head.hash.0), &mut |_, _| Ok::<_, Infallible>(()));
        if self.tree.size() < known.size {
            return Ok(());
        }
        let root = self.tree.root().map_err(|error| Fault::new("checkpoint", error.to_string()))?;
        if root == known.root {
            return Ok(());
        }
        let size = known.size;
        let other =
            format!("the checkpoint has the root {} over the first {size} records, which have {root}", known.root);
        Err(Fault::new("checkpoint", other))
    }

    fn body(&mut self, number: u64, body: &[u8]) -> Result<(), Fault> {
        let events = event::read_body(body)?;
        self.found.events += events.len() as u64;
        let place = EventId { partition: self.own.partition, number, index: 0 };
        self.entities.take(&events, place, &self.own, &mut self.breaches)?;
        if let Some(blobs) = self.options.blobs {
            for (index, event) in (0..).zip(&events) {
                for id in blobs(event)? {
                    self.found.named.entry(id).or_insert(EventId { index, ..place });
                }
            }
        }
        Ok(())
    }
}
