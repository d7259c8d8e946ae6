//! The walk over one partition.

use kippu_events::NotAnEvent;
use kippu_events::event::{self, EventId};
use kippu_events::log::walk::{Broken, Skip, Step};
use kippu_events::log::{self, Bound, Content, ReadError, ReadLog};

use super::Options;
use super::entities::{Entities, Own};
use super::report::{Damage, Head, Partition};
use crate::rules::Breaches;

/// Walks `partition` from its genesis to its end or its first damage.
pub(super) fn walk(log: &dyn ReadLog, partition: u16, options: &Options<'_>) -> Partition {
    let mut walk = Verifier {
        log,
        options,
        own: Own { partition, partitions: log.partitions(), source: log.id().to_string() },
        walk: log::walk::Walk::new(log, partition),
        head: None,
        entities: Entities::default(),
        breaches: Breaches::new(options.most_breaches),
        found: Partition { partition, ..Partition::default() },
    };
    let ended = walk.run().err();
    let Verifier { mut found, head, breaches, .. } = walk;
    match ended {
        Some(place) if place.newer => found.newer = found.newer.or(Some(place)),
        damage => found.damage = damage,
    }
    found.head = head.map(|h| Head { number: h.number, hash: h.hash, sealed: h.sealed });
    found.breaches = breaches.count;
    found.first_breaches = breaches.first;
    found
}

struct Verifier<'a> {
    log: &'a dyn ReadLog,
    options: &'a Options<'a>,
    own: Own,
    walk: log::walk::Walk,
    /// The last record that was found good.
    head: Option<log::Head>,
    entities: Entities,
    breaches: Breaches,
    found: Partition,
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
        let (skipped, field, what) = match self.walk.take(offset, stored)? {
            Step::Valid(record) => return self.follow(offset, &record.content),
            Step::Skipped(_, Skip::Stale) => (&mut self.found.stale, "epoch", "of an epoch that is over"),
            Step::Skipped(_, Skip::Duplicate) => {
                (&mut self.found.duplicates, "number", "a record that was here before")
            }
            Step::Skipped(_, Skip::Orphan) => {
                (&mut self.found.orphans, "number", "a record whose predecessor is missing")
            }
        };
        *skipped += 1;
        if self.options.embedded {
            return Err(Fault::new(field, format!("{what}, which the only writer of an embedded log never writes")));
        }
        Ok(())
    }

    /// Looks at a record that counts.
    fn follow(&mut self, offset: u64, content: &Content<'_>) -> Result<(), Fault> {
        let Some(head) = self.walk.head() else { return Ok(()) };
        if let Some(known) = self.options.since.and_then(|since| since.head(self.own.partition))
            && known.number == head.number
            && known.hash != head.hash
        {
            return Err(Fault::new(
                "checkpoint",
                format!("the checkpoint has hash {}, but the record hashes to {}", known.hash, head.hash),
            ));
        }
        match content {
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
        let own = self.own.partition;
        let number = self.head.map(|head| head.number);
        if number.is_none() {
            return Err(self.damage(end, &Fault::new("kind", "the partition is empty: its genesis is missing")));
        }
        match self.options.since.and_then(|since| since.head(own)) {
            Some(known) if number < Some(known.number) => {
                let cut = format!("the history ends here, but the checkpoint saw it go on to number {}", known.number);
                Err(self.damage(end, &Fault::new("checkpoint", cut)))
            }
            Some(_) | None => Ok(()),
        }
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
