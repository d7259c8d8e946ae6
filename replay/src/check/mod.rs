//! Check: did what this history says keep to the rules? It walks as verify does, and tells what breaks rules, each by its
//! place, and what is still reserved.

mod sarif;

use std::collections::BTreeMap;
use std::fmt;

use kippu_events::log::{LogId, ReadLog};
use kippu_events::money::{Currency, decimal};
use serde::Serialize;

pub use crate::rules::{NotARule, Open, Rule, Rules};
use crate::verify::{self, Breach, Damage, Options, verify};

/// What came of it. The same history gives the same, wherever it lies.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The log.
    pub log: LogId,
    /// No findings, and all of it was read.
    pub sound: bool,
    /// Records that count.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// The rules that were held against them.
    pub rules: Vec<Held>,
    /// How often they were broken.
    pub broken: u64,
    /// The first places of each partition where they were.
    pub findings: Vec<Finding>,
    /// What is reserved by approvals that are open.
    pub open: BTreeMap<Currency, Open>,
    /// Where partitions cannot be read on.
    pub unread: Vec<Unread>,
}

/// A rule, and how often it was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Which.
    pub rule: Rule,
    /// What holds where it is kept.
    pub holds: &'static str,
    /// How often it was not.
    pub broken: u64,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The partition.
    pub partition: u16,
    /// Where, which, and how.
    #[serde(flatten)]
    pub breach: Breach,
}

/// Where a partition cannot be read on; what lies behind was held against no rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The partition.
    pub partition: u16,
    /// Where, and why.
    #[serde(flatten)]
    pub place: Damage,
    /// Whether a later version of kippu reads on, so that this is no damage.
    pub newer: bool,
}

/// Holds the rules that `options` chooses against the whole log.
#[must_use]
pub fn check(log: &dyn ReadLog, options: &Options<'_>) -> Report {
    Report::new(verify(log, options), options.rules)
}

impl Report {
    fn new(walked: verify::Report, chosen: Rules) -> Self {
        let mut broken = BTreeMap::<Rule, u64>::new();
        let (mut findings, mut unread) = (Vec::new(), Vec::new());
        let mut open = BTreeMap::<Currency, Open>::new();
        for walked in walked.partitions {
            let partition = walked.partition;
            for (rule, count) in walked.breaches_of {
                *broken.entry(rule).or_default() += count;
            }
            findings.extend(walked.first_breaches.into_iter().map(|breach| Finding { partition, breach }));
            for (currency, Open { reservations, amount }) in walked.open {
                let of = open.entry(currency).or_default();
                of.reservations += reservations;
                of.amount = of.amount.saturating_add(amount);
            }
            let places = [(walked.newer, true), (walked.damage, false)];
            let places = places.into_iter().filter_map(|(place, newer)| Some((place?, newer)));
            unread.extend(places.map(|(place, newer)| Unread { partition, place, newer }));
        }
        let held = |rule: Rule| Held { rule, holds: rule.holds(), broken: broken.get(&rule).copied().unwrap_or(0) };
        Self {
            log: walked.log,
            sound: walked.sound,
            records: walked.totals.records,
            events: walked.totals.events,
            rules: chosen.iter().map(held).collect(),
            broken: walked.totals.breaches,
            findings,
            open,
            unread,
        }
    }

    /// Whether nothing is wrong with what was read, and a later version of kippu has to read the rest.
    #[must_use]
    pub fn is_only_newer(&self) -> bool {
        self.broken == 0 && !self.unread.is_empty() && self.unread.iter().all(|unread| unread.newer)
    }

    /// The findings as a log of SARIF 2.1.0.
    #[must_use]
    pub fn sarif(&self) -> serde_json::Value {
        sarif::of(self)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, breach: Breach { number, event, rule, detail } } = self;
        write!(f, "FINDING partition {partition}, number {number}, event {event}, rule {rule}: {detail}")
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, place: Damage { number, field, reason, .. }, newer } = self;
        let what = if *newer { "NEWER  " } else { "DAMAGE " };
        write!(f, "{what}partition {partition}, number {number}, field {field}: {reason}")
    }
}

impl fmt::Display for Report {
    /// A line for each finding, what is still reserved, and a last line that begins with `check:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unread in &self.unread {
            writeln!(f, "{unread}")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let more = self.broken.saturating_sub(self.findings.len() as u64);
        if more > 0 {
            writeln!(f, "FINDING and {more} more")?;
        }
        for Held { rule, broken, .. } in self.rules.iter().filter(|held| held.broken > 0) {
            writeln!(f, "{rule:<14} {broken:>10} findings")?;
        }
        for (currency, Open { reservations, amount }) in &self.open {
            writeln!(f, "still reserved {} {currency}, by {reservations} open approvals", decimal(*amount, *currency))?;
        }
        let Self { records, events, rules, broken, unread, .. } = self;
        writeln!(f, "{records} records, {events} events, {} rules", rules.len())?;
        write!(f, "check: {broken} findings")?;
        match unread.len() {
            0 => Ok(()),
            unread => write!(f, ", and {unread} partitions could not be read to their end"),
        }
    }
}
