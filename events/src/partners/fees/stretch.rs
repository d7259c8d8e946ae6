//! A stretch: the part of a month in which one version of the terms holds.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// From an instant until before another, within one calendar month of the contract's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The first instant.
    pub from: Time,
    /// The first instant after it.
    pub until: Time,
    /// The first day that it is charged for.
    #[schemars(with = "String")]
    pub first_day: Date,
    /// How many days it is charged for: those that begin in it.
    pub days: u8,
}

impl Stretch {
    /// The part of `from` until before `until` that lies in `month` (any day of it) in `zone`; nothing, where none does.
    ///
    /// A day belongs to the stretch in which it begins, so that the days of all stretches add up to those of the month. Terms
    /// that begin inside a day are charged from the next one.
    #[must_use]
    pub fn cut(month: Date, zone: &TimeZone, from: Time, until: Time) -> Option<Self> {
        let begin = |day: Date| day.to_zoned(zone.clone()).ok().map(|zoned| Time::from(zoned.timestamp()));
        let first = month.first_of_month();
        let from = from.max(begin(first)?);
        let until = until.min(begin(month.last_of_month().tomorrow().ok()?)?);
        if from >= until {
            return None;
        }
        let mut days = first.series(jiff::Span::new().days(1)).take(usize::from(days_in(month)));
        let is_in = |day: &Date| begin(*day).is_some_and(|at| (from..until).contains(&at));
        let first_day = days.by_ref().find(is_in);
        let count = first_day.map_or(0, |_| 1 + days.filter(is_in).count());
        Some(Self { from, until, first_day: first_day.unwrap_or(first), days: u8::try_from(count).ok()? })
    }

    /// How many days its month has.
    #[must_use]
    pub fn month_days(&self) -> u8 {
        days_in(self.first_day)
    }

    /// Whether it is what [`Stretch::cut`] could have made.
    pub(super) fn is_sound(&self) -> bool {
        let last = u16::from(self.first_day.day().unsigned_abs()) + u16::from(self.days);
        self.from < self.until && last <= u16::from(self.month_days()) + 1
    }

    /// Whether `day` is of its month.
    pub(super) fn has(&self, day: Date) -> bool {
        day.first_of_month() == self.first_day.first_of_month()
    }

    /// The periods of `every` days from the first of the month, each with the days of it that are charged here; the one
    /// period that the month is, where `every` is absent.
    pub(super) fn periods(&self, every: Option<u8>) -> Vec<Period> {
        let Some(nominal) = every.filter(|days| *days > 0) else {
            return vec![Period { first: 1, last: self.month_days(), days: self.days, nominal: self.month_days() }];
        };
        let begin = self.first_day.day().unsigned_abs();
        let end = begin.saturating_add(self.days);
        let firsts = (1..=self.month_days()).step_by(usize::from(nominal));
        let period = |first: u8| {
            let last = first.saturating_add(nominal - 1).min(self.month_days());
            let days = (last + 1).min(end).saturating_sub(first.max(begin));
            Period { first, last, days, nominal }
        };
        firsts.map(period).filter(|period| period.days > 0).collect()
    }
}

/// Days of a month, `first` to `last`, of which `days` are charged; a whole period is `nominal` days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub first: u8,
    pub last: u8,
    pub days: u8,
    pub nominal: u8,
}

impl Period {
    pub(super) fn has(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day.day().unsigned_abs())
    }
}

fn days_in(month: Date) -> u8 {
    month.days_in_month().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn days_of_all_stretches_add_up_to_the_month_across_daylight_saving() {
        let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        let month = jiff::civil::date(2026, 10, 1);
        let cuts = ["2026-09-01T00:00:00Z", "2026-10-14T22:00:00Z", "2026-10-25T05:00:00Z", "2026-12-01T00:00:00Z"];
        let stretch = |pair: &[&str]| Stretch::cut(month, &zone, time(pair[0]), time(pair[1])).unwrap();
        let days: Vec<u8> = cuts.windows(2).map(|pair| stretch(pair).days).collect();
        assert_eq!(days.iter().map(|days| u32::from(*days)).sum::<u32>(), 31);
        assert!(cuts.windows(2).all(|pair| stretch(pair).is_sound()));
    }

    #[test]
    fn a_contract_that_ends_before_the_month_has_no_stretch() {
        let month = jiff::civil::date(2026, 10, 1);
        let cut = |from, until| Stretch::cut(month, &TimeZone::UTC, time(from), time(until));
        assert_eq!(cut("2026-08-01T00:00:00Z", "2026-10-01T00:00:00Z"), None);
        assert_eq!(cut("2026-10-10T12:00:00Z", "2026-10-10T18:00:00Z").unwrap().days, 0);
    }

    #[test]
    fn a_last_short_period_is_its_share_of_a_whole_one() {
        let month = jiff::civil::date(2026, 10, 1);
        let stretch = Stretch::cut(month, &TimeZone::UTC, time("2026-10-06T00:00:00Z"), time("2026-11-01T00:00:00Z"));
        let periods = stretch.unwrap().periods(Some(7));
        assert_eq!(periods.first(), Some(&Period { first: 1, last: 7, days: 2, nominal: 7 }));
        assert_eq!(periods.last(), Some(&Period { first: 29, last: 31, days: 3, nominal: 7 }));
    }
}
