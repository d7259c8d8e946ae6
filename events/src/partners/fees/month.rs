//! A calendar month, as statements are of.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::partners::access::Period;
use crate::time::Time;

/// A calendar month, as `2026-11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(Date);

/// Text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is written as 2026-11")]
pub struct NotAMonth;

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let is_month = text.len() == 7 && text.as_bytes()[4] == b'-';
        let day: Option<Date> = is_month.then(|| format!("{text}-01").parse().ok()).flatten();
        day.map(Self).ok_or(NotAMonth)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;

    fn try_from(text: String) -> Result<Self, NotAMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl schemars::JsonSchema for Month {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Month".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "examples": ["2026-11"] })
    }
}

impl Month {
    /// Its first day.
    #[must_use]
    pub const fn first_day(self) -> Date {
        self.0
    }

    /// From its first moment to the first one of the next month, in UTC.
    #[must_use]
    pub fn in_utc(self) -> Option<(Time, Time)> {
        self.period(&TimeZone::UTC).map(|period| (period.from, period.until))
    }

    /// From its first moment to the first one of the next month, in `zone`.
    #[must_use]
    pub fn period(self, zone: &TimeZone) -> Option<Period> {
        let begins = |day: Date| Some(Time::from(day.to_zoned(zone.clone()).ok()?.timestamp()));
        let next = self.0.checked_add(jiff::Span::new().months(1)).ok()?;
        Some(Period { from: begins(self.0)?, until: begins(next)? })
    }
}

#[test]
fn a_month_has_seven_characters_and_is_one_in_its_zone() {
    let month: Month = "2026-02".parse().unwrap();
    assert_eq!(
        (month.to_string().as_str(), serde_json::to_string(&month).unwrap().as_str()),
        ("2026-02", "\"2026-02\"")
    );
    for wrong in ["2026-2", "2026-13", "2026/02", "20x6-02", "2026-02-01", ""] {
        assert_eq!(wrong.parse::<Month>(), Err(NotAMonth), "{wrong}");
    }
    let period = month.period(&TimeZone::get("Asia/Tokyo").unwrap()).unwrap();
    assert_eq!(
        (period.from.to_string().as_str(), period.until.to_string().as_str()),
        ("2026-01-31T15:00:00.000000Z", "2026-02-28T15:00:00.000000Z")
    );
}
