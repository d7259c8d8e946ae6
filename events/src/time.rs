//! Points in time: whole microseconds since 1970 in UTC, written as RFC 3339.

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point in time. Stored as UTC microseconds, shown as `2026-11-21T09:30:00.000000Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The time `micros` microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// What the machine's clock says. Only the edges ask it: decisions get their time in their context.
    #[must_use]
    pub fn now() -> Self {
        Self(Timestamp::now().as_microsecond())
    }

    /// This time and `span` more, at most the last time there is.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero where it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The calendar month in UTC, as `2026-11`.
    #[must_use]
    pub fn month(self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl Time {
    /// When the next calendar month begins in UTC; never, where the calendar ends before.
    #[must_use]
    pub fn next_month(self) -> Self {
        let next = || {
            let day = Timestamp::from_microsecond(self.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
            let first = day.first_of_month().checked_add(jiff::Span::new().months(1)).ok()?;
            first.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().into())
        };
        next().unwrap_or(Self(i64::MAX))
    }
}

/// Characters of a time as it is written here.
const CHARS: usize = "2026-11-21T09:30:00.000000Z".len();

impl Time {
    /// The time as it is written here, where its year has four digits. By hand: every event has one.
    fn text(self) -> Option<[u8; CHARS]> {
        let (days, micros) = (self.0.div_euclid(86_400_000_000), self.0.rem_euclid(86_400_000_000));
        // Days since 0000-03-01 of the proleptic Gregorian calendar, in eras of 400 years, whose years begin in March.
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
        let year = year + era * 400;
        // What the calendar does not read is not written.
        if !(0..10_000).contains(&year) || self.0 > Timestamp::MAX.as_microsecond() {
            return None;
        }
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |from: usize, to: usize, mut number: i64| {
            for at in (from..to).rev() {
                // A digit.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                {
                    text[at] = b'0' + (number % 10) as u8;
                }
                number /= 10;
            }
        };
        let seconds = micros / 1_000_000;
        put(0, 4, year);
        put(5, 7, month);
        put(8, 10, day);
        put(11, 13, seconds / 3_600);
        put(14, 16, seconds / 60 % 60);
        put(17, 19, seconds % 60);
        put(20, 26, micros % 1_000_000);
        Some(text)
    }

    /// Appends the time as it is written here.
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        match self.text() {
            Some(text) => out.extend_from_slice(&text),
            // Writing into a Vec cannot fail.
            None => drop(write!(out, "{self}")),
        }
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?),
            None => write!(f, "{:.6}", Timestamp::from_microsecond(self.0).map_err(|_| fmt::Error)?),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a time in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as in RFC 3339, for example 2026-11-21T09:30:00Z, and ends with 9999-12-30")]
pub struct NotATime;

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        match written(text.as_bytes()) {
            Some(time) => Ok(time),
            None => Timestamp::from_str(text).map(Self::from).map_err(|_| NotATime),
        }
    }
}

impl Time {
    /// The time in `text`, if that is just as a time is written here.
    pub(crate) fn of_written(text: &str) -> Option<Self> {
        let as_written = |time: &Self| time.to_string() == text;
        written(text.as_bytes()).or_else(|| text.parse().ok().filter(as_written))
    }
}

/// The time in `2026-11-21T09:30:00.000000Z`, exactly as times are written here. By hand: a log is full of them. The
/// last days of a month and leap seconds are left to the calendar.
fn written(text: &[u8]) -> Option<Time> {
    let text: &[u8; 27] = text.try_into().ok()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if separators.iter().any(|(at, separator)| text[*at] != *separator) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0_i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, micros) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?);
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since the beginning of the proleptic Gregorian calendar, whose years here begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days =
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
            - 1
            - 719_468;
    Some(Time(((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micros))
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            crate::text::parse(deserializer, "a time in RFC 3339")
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

impl schemars::JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_its_text_form() {
        let time = Time::from_micros(1_795_253_400_123_456);
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(time.to_string().len(), "2026-11-21T09:30:00.000000Z".len());
    }

    #[test]
    fn a_time_of_another_zone_is_the_same_time_in_utc() {
        let time: Result<Time, _> = "2026-11-21T09:30:00+09:00".parse();
        assert_eq!(time.map(|t| t.to_string()), Ok("2026-11-21T00:30:00.000000Z".to_owned()));
        assert_eq!(time_month("2026-12-01T01:00:00+09:00"), "2026-11");
    }

    #[test]
    fn the_next_month_begins_at_midnight_of_its_first_day_in_utc() {
        for (time, next) in [
            ("2026-11-30T23:59:59.999999Z", "2026-12-01T00:00:00.000000Z"),
            ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00.000000Z"),
            ("2028-01-31T12:00:00Z", "2028-02-01T00:00:00.000000Z"),
            ("2026-12-01T08:00:00+09:00", "2026-12-01T00:00:00.000000Z"),
        ] {
            assert_eq!(time.parse::<Time>().map(Time::next_month).map(|time| time.to_string()), Ok(next.to_owned()));
        }
        assert_eq!(Time::from_micros(i64::MAX).next_month(), Time::from_micros(i64::MAX));
    }

    #[test]
    fn times_are_read_and_written_by_hand_as_the_calendar_reads_them() {
        for day in (-719_000..2_900_000_i64).step_by(13) {
            let micros = day * 86_400_000_000 + (day.rem_euclid(86_399)) * 1_000_000 + day.rem_euclid(999_999);
            let text = Time::from_micros(micros).to_string();
            assert_eq!(text, format!("{:.6}", Timestamp::from_microsecond(micros).unwrap()));
            let last_days = &text[8..10] > "28";
            assert_eq!(written(text.as_bytes()), (!last_days).then_some(Time::from_micros(micros)), "{text}");
        }
        for other in ["2026-11-21T09:30:00.000000+", "2026-13-21T09:30:00.000000Z", "2026-02-30T09:30:00.000000Z"] {
            assert!(other.parse::<Time>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_written_time_has_one_spelling() {
        for text in ["2026-11-21T09:30:00.000000Z", "2026-11-30T09:30:00.000000Z"] {
            assert_eq!(Time::of_written(text).map(|time| time.to_string()).as_deref(), Some(text));
            for other in [text.replace('Z', "+00:00"), text.replace("00.000000", "00"), text.to_lowercase()] {
                assert!(other.parse::<Time>().is_ok(), "{other}");
                assert_eq!(Time::of_written(&other), None);
            }
        }
    }

    fn time_month(text: &str) -> String {
        text.parse::<Time>().map(Time::month).unwrap_or_default()
    }
}
