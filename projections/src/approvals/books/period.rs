//! What a statement is about: a calendar month or a day, in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kippu_events::Time;

/// A calendar month as `2026-11`, or a day as `2026-11-30`, in UTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Period {
    text: String,
    from: Time,
    until: Time,
}

/// Text that is no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a period is a month as 2026-11, or a day as 2026-11-30, in UTC")]
pub struct NotAPeriod;

const DAY: Duration = Duration::from_secs(86_400);

impl Period {
    /// A calendar month, as `2026-11`.
    ///
    /// # Errors
    /// Where it is none.
    pub fn month(text: &str) -> Result<Self, NotAPeriod> {
        if text.len() == 7 { text.parse() } else { Err(NotAPeriod) }
    }

    /// A day, as `2026-11-30`.
    ///
    /// # Errors
    /// Where it is none.
    pub fn day(text: &str) -> Result<Self, NotAPeriod> {
        if text.len() == 10 { text.parse() } else { Err(NotAPeriod) }
    }

    /// When it begins.
    #[must_use]
    pub const fn from(&self) -> Time {
        self.from
    }

    /// When the month begins in which it begins.
    pub(crate) fn month_begins(&self) -> Time {
        format!("{}-01T00:00:00.000000Z", self.from.month()).parse().unwrap_or(self.from)
    }

    /// When the next one begins.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.until
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let is_digits =
            |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
        if !text.bytes().enumerate().all(is_digits) {
            return Err(NotAPeriod);
        }
        let begins = |day: &str| format!("{day}T00:00:00.000000Z").parse::<Time>().map_err(|_| NotAPeriod);
        let (from, until) = match text.len() {
            7 => {
                let from = begins(&format!("{text}-01"))?;
                (from, from.next_month())
            }
            10 => {
                let from = begins(text)?;
                (from, from.after(DAY))
            }
            _ => return Err(NotAPeriod),
        };
        Ok(Self { text: text.to_owned(), from, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_where_the_next_one_begins() {
        for (text, from, until) in [
            ("2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2026-12-31", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.from(), period.until()), (from.parse().unwrap(), until.parse().unwrap()), "{text}");
            assert_eq!(period.to_string(), text);
        }
        for text in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "2026-1",
            "2026-11-31",
            "2027-02-29",
            "2026/11",
            "26-11-30T",
            "2026-11-30 ",
        ] {
            assert_eq!(text.parse::<Period>(), Err(NotAPeriod), "{text}");
        }
        assert!(Period::month("2026-11").is_ok() && Period::month("2026-11-30").is_err());
        assert!(Period::day("2026-11-30").is_ok() && Period::day("2026-11").is_err());
    }
}
