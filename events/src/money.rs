//! Amounts of money: whole minor units and an ISO 4217 code, never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod decimal;

pub use self::decimal::{NotDecimal, decimal};

/// An ISO 4217 alphabetic code, as `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The euro, for samples.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);

    /// The three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals its minor unit is: 2 for EUR, 0 for JPY.
    #[must_use]
    pub fn decimals(self) -> u16 {
        self.0.exponent().unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Text that is not an ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is an upper-case ISO 4217 code of money with a minor unit, for example EUR")]
pub struct NotACurrency;

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        // Gold, bonds and "no currency" have codes too, but nothing in which amounts are counted.
        let code = iso_currency::Currency::from_code(text).filter(|code| code.exponent().is_some());
        code.map(Self).ok_or(NotACurrency)
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parse(deserializer, "a currency")
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let letters = || (b'A'..=b'Z').map(char::from);
        let pairs = letters().flat_map(|a| letters().map(move |b| [a, b]));
        let codes = pairs.flat_map(|[a, b]| letters().map(move |c| String::from_iter([a, b, c])));
        let codes: Vec<String> = codes.filter(|code| code.parse::<Self>().is_ok()).collect();
        schemars::json_schema!({ "type": "string", "enum": codes, "description": "ISO 4217 alphabetic code." })
    }
}

/// An amount in minor units (cents for EUR, yen for JPY): zero to [`Minor::MOST`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(description = "A whole number of minor units (cents for EUR), written without a point: `1.0` is refused.")]
pub struct Minor(
    #[serde(deserialize_with = "bounded")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_u64))]
    u64,
);

impl Minor {
    /// Ten trillion of a currency with two decimals: exact in every JSON reader (below 2^53), and sums of many
    /// such amounts stay far inside 64 bits.
    pub const MOST: u64 = 1_000_000_000_000_000;
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `units` minor units, where they are within bounds.
    #[must_use]
    pub const fn new(units: u64) -> Option<Self> {
        if units <= Self::MOST { Some(Self(units)) } else { None }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The sum, where it is within bounds.
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0)
    }

    /// What is left after taking `other` away, where there is as much.
    #[must_use]
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let units = u64::deserialize(deserializer)?;
    if units <= Minor::MOST {
        Ok(units)
    } else {
        Err(serde::de::Error::custom(format_args!("an amount is at most {} minor units", Minor::MOST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_are_no_amounts_are_refused() {
        for text in ["-1", "1.5", "1e3", "NaN", "1000000000000001", "18446744073709551616", "\"1\"", "null", "true"] {
            assert!(serde_json::from_str::<Minor>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn codes_that_are_no_currency_are_refused() {
        for text in ["eur", "EU", "XXY", "", "EURO"] {
            assert_eq!(text.parse::<Currency>(), Err(NotACurrency), "{text}");
        }
    }
}
