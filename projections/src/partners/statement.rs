//! What a partner site owes its main site for a month: which accesses count, and the fee that follows by the terms of the contract. Both
//! parties come to the same bytes from the same lines.

use std::collections::{BTreeMap, HashSet};

use jiff::tz::TimeZone;
use kippu_events::partners::access::pages::Class;
use kippu_events::partners::access::rules::Reason;
use kippu_events::partners::access::{Period, Report};
use kippu_events::partners::contracts::{Known, Version};
use kippu_events::partners::fee_reports;
use kippu_events::partners::fees::{self, Bought, Facts, Month, Partnership, Statement, Tariff, Visits, compute};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use super::access_batches::Lines;
use super::counting::{Conflict, Counting, Gap, Lies, Stretch};
use crate::error::{NotARow, QueryError};

/// What counts of a class of pages.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, schemars::JsonSchema)]
pub struct OfClass {
    /// Accesses.
    pub accesses: u64,
    /// Bytes of their answers.
    pub bytes: u64,
}

/// What counts of a page on a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, schemars::JsonSchema)]
pub struct OfPage {
    /// Accesses.
    pub accesses: u64,
    /// Bytes of their answers.
    pub bytes: u64,
    /// Whose page it is: `tie_up` from the main site, or `original`.
    pub class: &'static str,
    /// The day, in the contract's time zone.
    pub day: String,
    /// The page.
    pub page: String,
}

/// A part of the month in which the same terms count.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, schemars::JsonSchema)]
pub struct ShownStretch {
    /// Lines that do not count, by reason.
    pub excluded: BTreeMap<&'static str, u64>,
    /// When it begins.
    pub from: Time,
    /// Lines that were read. As many as count and do not count.
    pub lines: u64,
    /// Accesses to pages of the partner itself.
    pub original: OfClass,
    /// By day and page.
    pub pages: Vec<OfPage>,
    /// Which terms of the contract count.
    pub terms: u32,
    /// Accesses to pages from the main site.
    pub tie_up: OfClass,
    /// When it ends.
    pub until: Time,
    /// Different visitors.
    pub visitors: u64,
    /// Visits.
    pub visits: u64,
}

/// What a partner site owes for a month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, schemars::JsonSchema)]
pub struct FeeStatement {
    /// How many lines came with several contents.
    pub conflicting: u64,
    /// The first of them.
    pub conflicts: Vec<Conflict>,
    /// The contract.
    pub contract: EntityId,
    /// What is owed, line by line.
    pub fee: Statement,
    /// Bytes that nobody has certified between others that somebody has: the first of them.
    pub gaps: Vec<Gap>,
    /// The party of the main site.
    pub main: EntityId,
    /// How many bytes nobody has certified between others that somebody has.
    pub missing: u64,
    /// The month.
    pub month: String,
    /// The party of the partner site.
    pub partner: EntityId,
    /// Its parts, in order.
    pub stretches: Vec<ShownStretch>,
    /// In which days and the month are counted.
    pub time_zone: String,
    /// What would be owed if of lines that came with several contents the other ones counted, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_with_others: Option<i64>,
    /// What would be owed if none of the lines counted that came with several contents, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_without_conflicts: Option<i64>,
}

/// A statement that is being made.
pub(crate) struct Stating<'a> {
    contract: EntityId,
    known: &'a Known,
    month: Month,
    zone: TimeZone,
    time_zone: String,
    of: Vec<(Period, &'a Version)>,
    stretches: Vec<Stretch>,
    counting: Counting,
    reports: Vec<fee_reports::Report>,
    /// In place of those of the terms.
    tariff: Option<&'a Tariff>,
}

impl<'a> Stating<'a> {
    /// One without any line yet, by `tariff` in place of those of the terms.
    /// Lines that lie in `left_out` do not count.
    pub(crate) fn new(
        contract: EntityId,
        known: &'a Known,
        month: &Month,
        left_out: HashSet<Lies>,
        tariff: Option<&'a Tariff>,
    ) -> Result<Self, QueryError> {
        let no_terms = || QueryError::parameter("month", "no terms of the contract count in this month");
        let (zone, time_zone, whole) = known.month(*month).ok_or_else(no_terms)?;
        let time_zone = time_zone.to_owned();
        let accepted: Vec<&Version> = known.accepted().collect();
        let mut of = Vec::new();
        for (place, version) in accepted.iter().enumerate() {
            let ends = accepted.get(place + 1).map(|next| next.from).into_iter().chain(known.ends_at);
            let until = ends.fold(whole.until, Time::min);
            let period = Period { from: version.from.max(whole.from), until };
            if period.from < period.until {
                of.push((period, *version));
            }
        }
        if of.is_empty() {
            return Err(no_terms());
        }
        let stretch = |(period, version): &(Period, &Version)| Stretch::new(&version.terms.counting, *period);
        let stretches = of.iter().map(stretch).collect::<Result<_, NotARow>>()?;
        let (counting, reports) = (Counting::without(left_out), Vec::new());
        Ok(Self { contract, known, month: *month, zone, time_zone, of, stretches, counting, reports, tariff })
    }

    /// Takes a batch, in the order of source, segment, offset and id.
    pub(crate) fn take(&mut self, lines: &Lines) -> Result<(), NotARow> {
        self.counting.take(lines, &mut self.stretches)
    }

    /// Takes a report. In which order they come makes no difference.
    pub(crate) fn report(&mut self, report: fee_reports::Report) {
        self.reports.push(report);
    }

    /// Where the lines lie that came with several contents.
    pub(crate) fn contested(&mut self) -> HashSet<Lies> {
        self.counting.contested()
    }

    /// The statement.
    pub(crate) fn finish(self) -> Result<FeeStatement, QueryError> {
        let Self { contract, known, month, zone, time_zone, of, stretches, counting, mut reports, tariff } = self;
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        let (mut parts, mut facts) = (Vec::new(), Vec::new());
        for ((period, version), stretch) in of.into_iter().zip(stretches) {
            let report = stretch.finish(zone.clone());
            parts.push(shown(version, period, &report));
            if let Some(stretch) = fees::Stretch::cut(month.first_day(), &zone, period.from, period.until) {
                facts.push((
                    stretch,
                    tariff.unwrap_or(&version.terms.tariff),
                    facts_of(version, period, &report, &reports),
                ));
            }
        }
        let rated: Vec<(fees::Stretch, &Tariff, &Facts)> =
            facts.iter().map(|(stretch, tariff, facts)| (*stretch, *tariff, facts)).collect();
        let fee = compute(&rated).map_err(|error| QueryError::parameter("month", &error.to_string()))?;
        Ok(FeeStatement {
            conflicting: counting.conflicting,
            conflicts: counting.conflicts,
            contract,
            fee,
            gaps: counting.gaps,
            main: known.main,
            missing: counting.missing,
            month: month.to_string(),
            partner: known.partner,
            stretches: parts,
            time_zone,
            total_with_others: None,
            total_without_conflicts: None,
        })
    }
}

/// All that is known of a part of the month.
fn facts_of(version: &Version, period: Period, report: &Report, reports: &[fee_reports::Report]) -> Facts {
    let terms = || Some(format!("terms {}", version.number));
    let accesses = report.tally.counted.iter().map(|(key, count)| fees::Access {
        page: key.page.to_string(),
        class: match key.class {
            Class::TieUp => fees::Class::Tieup,
            Class::Original => fees::Class::Original,
        },
        day: key.day,
        count: count.accesses,
        source: None,
    });
    let options = version.terms.options.iter().map(|option| Bought { option: option.clone(), source: terms() });
    let counted = Facts {
        partnership: vec![Partnership { parts: version.terms.parts.clone(), source: terms() }],
        accesses: accesses.collect(),
        visits: vec![Visits { visits: report.audience.visits, visitors: report.audience.visitors, source: None }],
        options: options.collect(),
        ..Facts::default()
    };
    reports.iter().fold(counted, |facts, report| facts.and(reported(report, period)))
}

/// What a report says of a part of the month: purchases by their own times, everything else by that of the report.
fn reported(report: &fee_reports::Report, period: Period) -> Facts {
    let source = Some(format!("report {}", report.name));
    let named = |of: &mut Option<String>| {
        if of.is_none() {
            of.clone_from(&source);
        }
    };
    let mut facts = if period.holds(report.at) { report.facts.clone() } else { Facts::default() };
    facts.purchases = report.facts.purchases.iter().filter(|purchase| period.holds(purchase.at)).cloned().collect();
    facts.purchases.iter_mut().for_each(|purchase| named(&mut purchase.source));
    facts.volume.iter_mut().for_each(|volume| named(&mut volume.source));
    facts.advertisements.iter_mut().for_each(|advertisement| named(&mut advertisement.source));
    facts.goods.iter_mut().for_each(|good| named(&mut good.source));
    facts.objective.iter_mut().for_each(|objective| named(&mut objective.source));
    facts.adjustments.iter_mut().for_each(|adjustment| named(&mut adjustment.source));
    facts
}

fn shown(version: &Version, period: Period, report: &Report) -> ShownStretch {
    let (mut tie_up, mut original) = (OfClass::default(), OfClass::default());
    let mut pages = Vec::with_capacity(report.tally.counted.len());
    for (key, count) in &report.tally.counted {
        let (class, sum) = match key.class {
            Class::TieUp => ("tie_up", &mut tie_up),
            Class::Original => ("original", &mut original),
        };
        sum.accesses += count.accesses;
        sum.bytes = sum.bytes.saturating_add(count.bytes);
        let (accesses, bytes, day, page) = (count.accesses, count.bytes, key.day.to_string(), key.page.to_string());
        pages.push(OfPage { accesses, bytes, class, day, page });
    }
    ShownStretch {
        excluded: report.tally.excluded.iter().map(|(reason, lines)| (name(*reason), *lines)).collect(),
        from: period.from,
        lines: report.tally.lines,
        original,
        pages,
        terms: version.number,
        tie_up,
        until: period.until,
        visitors: report.audience.visitors,
        visits: report.audience.visits,
    }
}

const fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Comment => "comment",
        Reason::NoRequest => "no_request",
        Reason::Malformed => "malformed",
        Reason::TooLong => "too_long",
        Reason::OutsidePeriod => "outside_period",
        Reason::Method => "method",
        Reason::Status => "status",
        Reason::Robot => "robot",
        Reason::Origin => "origin",
        Reason::NotAPage => "not_a_page",
        Reason::NotListed => "not_listed",
        Reason::Reload => "reload",
    }
}
