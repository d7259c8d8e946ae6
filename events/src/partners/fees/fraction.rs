//! Exact numbers: decimals as a tariff writes them, fractions as a line computes with them, and rounding to minor units.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One as _, Signed as _, Zero as _};
use serde::{Deserialize, Serialize};

/// A fraction of whole numbers of any size. It neither overflows nor loses a third of a cent, and its one way to fail,
/// division by zero, is excluded where it is made.
pub(super) type Exact = BigRational;

/// A whole number as a fraction.
pub(super) fn whole(number: impl Into<BigInt>) -> Exact {
    Exact::from_integer(number.into())
}

/// `part` of `all`; nothing where `all` is zero.
pub(super) fn part(part: impl Into<BigInt>, all: impl Into<BigInt>) -> Exact {
    let all = all.into();
    if all.is_zero() { Exact::zero() } else { Exact::new(part.into(), all) }
}

/// A fraction as text in lowest terms: `7`, `-3/2`.
pub(super) fn text(exact: &Exact) -> String {
    if exact.is_integer() { exact.numer().to_string() } else { format!("{}/{}", exact.numer(), exact.denom()) }
}

/// A decimal number as a tariff writes it: text with at most nine digits on either side of the point, as `0.025`.
#[derive(Clone, Copy)]
pub struct Decimal {
    digits: i64,
    decimals: u8,
}

/// Digits before the point and after it, each; eighteen of them fit 64 bits.
const DIGITS: usize = 9;

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { digits: 0, decimals: 0 };
    /// One, the most that a rate may be.
    pub const ONE: Self = Self { digits: 1, decimals: 0 };

    pub(super) fn exact(self) -> Exact {
        Exact::new(self.digits.into(), num_traits::pow(BigInt::from(10), self.decimals.into()))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.exact() == other.exact()
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.exact().cmp(&other.exact()))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = usize::from(self.decimals) + 1);
        let (before, after) = digits.split_at(digits.len() - usize::from(self.decimals));
        let sign = if self.digits < 0 { "-" } else { "" };
        let point = if after.is_empty() { "" } else { "." };
        write!(f, "{sign}{before}{point}{after}")
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a decimal is text with at most nine digits on either side of the point, for example \"0.025\"")]
pub struct NotADecimal;

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (before, after) = match unsigned.split_once('.') {
            Some((before, after)) if !after.is_empty() => (before, after),
            Some(_) => return Err(NotADecimal),
            None => (unsigned, ""),
        };
        let is_digits = |digits: &str| digits.len() <= DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_led_by_zero = before.len() > 1 && before.starts_with('0');
        if before.is_empty() || is_led_by_zero || !is_digits(before) || !is_digits(after) {
            return Err(NotADecimal);
        }
        let digits: i64 = format!("{before}{after}").parse().map_err(|_| NotADecimal)?;
        let is_negative = unsigned.len() < text.len();
        if is_negative && digits == 0 {
            return Err(NotADecimal);
        }
        let decimals = u8::try_from(after.len()).map_err(|_| NotADecimal)?;
        Ok(Self { digits: if is_negative { -digits } else { digits }, decimals })
    }
}

impl Serialize for Decimal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Decimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$",
            "description": "A decimal number as text, as \"0.025\"; never a JSON number.",
        })
    }
}

/// How a line's exact amount becomes whole minor units. Credits are rounded by their size, like charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearest; a half goes to the even neighbour.
    HalfEven,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
}

impl Rounding {
    /// `exact` in whole units.
    pub(super) fn apply(self, exact: &Exact) -> BigInt {
        let down = exact.trunc().to_integer();
        let rest = exact.fract().abs();
        let is_odd = || (&down % 2_u8) != BigInt::zero();
        let twice = &rest + &rest;
        let is_up = match self {
            Self::HalfEven => twice > Exact::one() || (twice == Exact::one() && is_odd()),
            Self::Up => !rest.is_zero(),
            Self::Down => false,
        };
        if is_up { &down + exact.numer().signum() } else { down }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_written_as_it_was_read() {
        for text in ["0", "1", "-1", "0.025", "-0.5", "10.00", "999999999.999999999"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        for text in ["", "-", ".5", "1.", "1e3", "+1", "01", "-0", "1.0000000000", "1,5", "１", "1000000000", "1.-1"] {
            assert_eq!(text.parse::<Decimal>(), Err(NotADecimal), "{text}");
        }
    }

    #[test]
    fn each_rounding_keeps_its_name() {
        let round = |rounding: Rounding, halves: i32| rounding.apply(&part(halves, 2));
        for (halves, even, up, down) in [(1, 0, 1, 0), (3, 2, 2, 1), (-1, 0, -1, 0), (-3, -2, -2, -1), (4, 2, 2, 2)] {
            assert_eq!(round(Rounding::HalfEven, halves), even.into(), "{halves}");
            assert_eq!(round(Rounding::Up, halves), up.into(), "{halves}");
            assert_eq!(round(Rounding::Down, halves), down.into(), "{halves}");
        }
    }
}
