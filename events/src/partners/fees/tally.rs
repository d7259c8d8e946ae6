//! Facts added up, once per stretch, with all positions that each sum was read at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::facts::Facts;
use super::fraction::{Exact, whole};
use super::rules::Counted;
use super::statement::Input;
use super::tariff::{Class, Owner};

/// A sum and where its parts were read. 128 bits hold the sum of as many 64-bit counts as memory does.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum<'a> {
    pub count: u128,
    sources: BTreeSet<&'a str>,
}

impl<'a> Sum<'a> {
    pub(super) fn add(&mut self, count: u64, source: Option<&'a String>) {
        self.count = self.count.saturating_add(count.into());
        self.sources.extend(source.map(String::as_str));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sources.extend(&other.sources);
    }

    pub(super) fn exact(&self) -> Exact {
        whole(self.count)
    }

    pub(super) fn input(&self, name: impl Into<String>) -> Input {
        let sources = self.sources.iter().map(|source| (*source).to_owned()).collect();
        Input { name: name.into(), sources, value: self.count.to_string() }
    }
}

/// The sums that several rules ask for.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    days: BTreeMap<(Class, Date), Sum<'a>>,
    originals: BTreeMap<&'a str, Sum<'a>>,
    pub goods: BTreeMap<&'a str, (Sum<'a>, Sum<'a>)>,
}

impl<'a> Tally<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let mut tally = Self::default();
        for access in &facts.accesses {
            tally.days.entry((access.class, access.day)).or_default().add(access.count, access.source.as_ref());
            match access.class {
                Class::Tieup => {}
                Class::Original => {
                    tally.originals.entry(&access.page).or_default().add(access.count, access.source.as_ref());
                }
            }
        }
        for good in &facts.goods {
            let (offered, demanded) = tally.goods.entry(&good.good).or_default();
            offered.add(good.offered, good.source.as_ref());
            demanded.add(good.demanded, good.source.as_ref());
        }
        tally
    }

    /// Accesses on the days that `is_in` names.
    pub(super) fn accesses(&self, counted: Counted, is_in: impl Fn(Date) -> bool) -> Sum<'a> {
        let mut sum = Sum::default();
        for ((class, day), count) in &self.days {
            let is_counted = match counted {
                Counted::All => true,
                Counted::Tieup => *class == Class::Tieup,
                Counted::Original => *class == Class::Original,
            };
            if is_counted && is_in(*day) {
                sum.merge(count);
            }
        }
        sum
    }

    /// Accesses to a page as an original, where there were any.
    pub(super) fn original(&self, page: &str) -> Option<&Sum<'a>> {
        self.originals.get(page)
    }
}

/// Offers, impressions and income of the advertisements of `owner`.
pub(super) fn advertisements(facts: &Facts, owner: Owner) -> [Sum<'_>; 3] {
    let mut sums = [Sum::default(), Sum::default(), Sum::default()];
    for shown in facts.advertisements.iter().filter(|shown| shown.owner == owner) {
        let counts = [shown.offers, shown.impressions, shown.income.units()];
        for (sum, count) in sums.iter_mut().zip(counts) {
            sum.add(count, shown.source.as_ref());
        }
    }
    sums
}
