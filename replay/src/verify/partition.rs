//! The walk over one partition.

use kippu_events::event::{self, EventId, NotAnEvent};
use kippu_events::log::judge::judge;
use kippu_events::log::{self, Bound, Content, Genesis, NotARecord, ReadError, ReadLog, Record, Verdict};

use super::entities::Entities;
use super::recent::Recent;
use super::report::{Damage, Head, Partition};
use super::{Options, report};
use crate::rules::Breaches;

/// Walks `partition` from its genesis to its end or its first damage.
pub(super) fn walk(log: &dyn ReadLog, partition: u16, options: &Options<'_>) -> Partition {
    let mut walk = Walk {
        log,
        options,
        own: Own { partition, partitions: log.partitions(), source: log.id().to_string() },
        head: None,
        recent: Recent::new(log, partition),
        entities: Entities::default(),
        breaches: Breaches::new(options.most_breaches),
        found: Partition { partition, ..Partition::default() },
    };
    let damage = walk.run().err();
    let Walk { mut found, head, breaches, .. } = walk;
    found.damage = damage;
    found.head = head.map(|h| Head { number: h.number, hash: h.hash.to_string(), sealed: h.sealed });
    found.breaches = breaches.count;
    found.first_breaches = breaches.first;
    found
}

/// What every event of this partition must say of itself.
pub(super) struct Own {
    pub(super) partition: u16,
    pub(super) partitions: u16,
    pub(super) source: String,
}

struct Walk<'a> {
    log: &'a dyn ReadLog,
    options: &'a Options<'a>,
    own: Own,
    head: Option<log::Head>,
    recent: Recent<'a>,
    entities: Entities,
    breaches: Breaches,
    found: Partition,
}

/// Where a damage shows, before it is known which record that is.
struct Fault {
    field: String,
    reason: String,
}

impl Fault {
    fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }
}

/// `field prev: …` as the log's own errors have it.
fn named(text: &str) -> Fault {
    match text.strip_prefix("field ").and_then(|rest| rest.split_once(": ")) {
        Some((field, reason)) => Fault::new(field, reason),
        None => Fault::new("record", text),
    }
}

impl From<NotARecord> for Fault {
    fn from(error: NotARecord) -> Self {
        named(&error.to_string())
    }
}

impl From<NotAnEvent> for Fault {
    fn from(error: NotAnEvent) -> Self {
        let field = match &error {
            NotAnEvent::Json(_) => "body",
            NotAnEvent::Id(_) => "id",
            NotAnEvent::Subject(_) => "subject",
            NotAnEvent::Kind(_) => "type",
            NotAnEvent::Data { .. } => "data",
            NotAnEvent::Attribute { attribute, .. } => attribute,
        };
        Self::new(field, error.to_string())
    }
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Damage> {
        let partition = self.own.partition;
        let end = self.log.end(partition).map_err(|e| self.damage(0, &Fault::new("medium", e.to_string())))?;
        let mut offset = 0;
        let mut bound = Bound::default();
        while offset < end {
            let first = offset;
            let mut fault = None;
            let log = self.log;
            let visited = log.visit(partition, first, bound, &mut |at, stored| {
                if fault.is_some() || at >= end {
                    return;
                }
                let taken = if at == offset {
                    self.take(at, stored)
                } else {
                    Err(Fault::new("offset", format!("nothing lies here; the next entry is at offset {at}")))
                };
                match taken {
                    Ok(()) => offset += 1,
                    Err(found) => fault = Some(found),
                }
            });
            (self.options.progress)(offset - first);
            if let Some(fault) = fault {
                return Err(self.damage(offset, &fault));
            }
            match visited {
                Ok(_) if offset > first => {}
                Ok(_) => {
                    let gone = format!("the log goes on to offset {end}, but nothing can be read from {offset} on");
                    return Err(self.damage(offset, &Fault::new("offset", gone)));
                }
                // Somewhere in this page: one by one, to name the place.
                Err(_) if bound.entries > 1 => bound.entries = 1,
                Err(ReadError::Medium { reason, .. }) => {
                    return Err(self.damage(offset, &Fault::new("medium", reason)));
                }
                Err(error @ ReadError::NoPartition { .. }) => {
                    return Err(self.damage(offset, &Fault::new("medium", error.to_string())));
                }
            }
        }
        self.compare_tail(offset)
    }

    fn damage(&self, offset: u64, fault: &Fault) -> Damage {
        let number = match (&self.head, self.options.embedded) {
            (_, true) => offset,
            (Some(head), false) => head.number + 1,
            (None, false) => 0,
        };
        Damage { number, offset, field: fault.field.clone(), reason: fault.reason.clone() }
    }

    fn take(&mut self, offset: u64, stored: &[u8]) -> Result<(), Fault> {
        self.found.bytes += stored.len() as u64;
        let record = Record::decode(stored)?;
        let Some(head) = self.head else { return self.open(&record, offset) };
        let verdict = judge(&head, &record, |number| self.recent.digest_at(&head, number));
        let (skipped, field, what) = match verdict {
            Verdict::Valid(next) => {
                self.move_to(next, record.digest, offset)?;
                return match record.content {
                    Content::Commit(commit) => self.body(commit.number, commit.body),
                    Content::Claim(_) => {
                        self.found.epochs += 1;
                        Ok(())
                    }
                    Content::Genesis(_) | Content::Seal(_) => Ok(()),
                };
            }
            Verdict::Damage(damage) => return Err(named(&damage.to_string())),
            Verdict::Stale => (&mut self.found.stale, "epoch", "of an epoch that is over"),
            Verdict::Duplicate => (&mut self.found.duplicates, "number", "a record that was here before"),
            Verdict::Orphan => (&mut self.found.orphans, "number", "a record whose predecessor is missing"),
        };
        *skipped += 1;
        if self.options.embedded {
            return Err(Fault::new(field, format!("{what}, which the only writer of an embedded log never writes")));
        }
        Ok(())
    }

    fn open(&mut self, record: &Record<'_>, offset: u64) -> Result<(), Fault> {
        let Content::Genesis(Genesis { log, partition, partitions }) = &record.content else {
            return Err(Fault::new("kind", "a partition begins with its genesis, and this is none"));
        };
        let ours = self.log.id();
        if *log != ours {
            return Err(Fault::new("log", format!("this is of log {log}, not {ours}")));
        }
        if *partition != self.own.partition {
            let own = self.own.partition;
            return Err(Fault::new("partition", format!("this is of partition {partition}, not {own}")));
        }
        if *partitions != self.own.partitions {
            let own = self.own.partitions;
            return Err(Fault::new("partitions", format!("this is of a log with {partitions} partitions, not {own}")));
        }
        self.move_to(log::Head::at_genesis(record.digest), record.digest, offset)
    }

    fn move_to(&mut self, head: log::Head, digest: log::Hash, offset: u64) -> Result<(), Fault> {
        if let Some(known) = self.options.since.and_then(|since| since.head(self.own.partition))
            && known.number == head.number
            && known.hash != head.hash.to_string()
        {
            return Err(Fault::new(
                "checkpoint",
                format!("the checkpoint has hash {}, but the record hashes to {}", known.hash, head.hash),
            ));
        }
        self.found.records += 1;
        if !self.options.embedded {
            self.recent.push(&head, digest, offset + 1);
        }
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
        self.entities.take(&events, place, &self.own, &mut self.breaches).map_err(Fault::from)
    }
}

impl Breaches {
    fn new(most: usize) -> Self {
        Self { most, count: 0, first: Vec::new() }
    }

    /// A rule is broken at `place`.
    pub(crate) fn add(&mut self, place: EventId, rule: &'static str, detail: String) {
        self.count += 1;
        if self.first.len() < self.most {
            let EventId { number, .. } = place;
            self.first.push(report::Breach { number, event: place.to_string(), rule, detail });
        }
    }
}
