//! Days as people count them: in a time zone, some of them 23 or 25 hours long.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::time::Time;

/// The days of a time zone. Those that were asked for are kept.
#[derive(Debug, Clone)]
pub struct Days {
    zone: TimeZone,
    /// Where days begin, where the next one does, and which they are.
    known: BTreeMap<i64, (i64, Date)>,
}

impl Days {
    /// The days of a time zone.
    #[must_use]
    pub const fn of(zone: TimeZone) -> Self {
        Self { zone, known: BTreeMap::new() }
    }

    /// The day that it is in the zone at this time. At the ends of the calendar, its first or last one.
    pub fn day(&mut self, at: Time) -> Date {
        let at = at.micros();
        if let Some((_, (until, day))) = self.known.range(..=at).next_back()
            && at < *until
        {
            return *day;
        }
        let end = if at < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let zoned = Timestamp::from_microsecond(at).unwrap_or(end).to_zoned(self.zone.clone());
        let bounds = || {
            let next = zoned.date().checked_add(Span::new().days(1)).ok()?.to_zoned(self.zone.clone()).ok()?;
            Some((zoned.start_of_day().ok()?.timestamp().as_microsecond(), next.timestamp().as_microsecond()))
        };
        if let Some((from, until)) = bounds() {
            self.known.insert(from, (until, zoned.date()));
        }
        zoned.date()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: &mut Days, time: &str) -> String {
        days.day(time.parse().unwrap()).to_string()
    }

    #[test]
    fn days_begin_at_midnight_of_their_zone_also_when_clocks_change() {
        for (zone, time, is) in [
            ("Asia/Tokyo", "2026-11-30T14:59:59.999999Z", "2026-11-30"),
            ("Asia/Tokyo", "2026-11-30T15:00:00Z", "2026-12-01"),
            // 23 hours, then 25.
            ("Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"),
            ("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"),
            ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"),
            ("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"),
            // A day without midnight, and one that was left out.
            ("America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03"),
            ("America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04"),
            ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
            ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
        ] {
            let mut days = Days::of(TimeZone::get(zone).unwrap());
            for _ in 0..2 {
                assert_eq!(day(&mut days, time), is, "{zone} {time}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_what_the_calendar_says() {
        for zone in ["America/Sao_Paulo", "Pacific/Apia", "Europe/Berlin"] {
            let zone = TimeZone::get(zone).unwrap();
            let mut days = Days::of(zone.clone());
            for hour in 0..24 * 366 * 9 {
                let at = 1_293_840_000_000_000_i64 + hour * 3_600_000_000;
                let is = Timestamp::from_microsecond(at).unwrap().to_zoned(zone.clone()).date();
                assert_eq!(days.day(Time::from_micros(at)), is);
            }
        }
        let mut days = Days::of(TimeZone::UTC);
        days.day(Time::from_micros(i64::MIN));
        assert_eq!(days.day(Time::from_micros(i64::MAX)).to_string(), "9999-12-30");
    }
}
