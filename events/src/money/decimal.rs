//! Amounts as people and catalogues write them: `9.90` of a currency with two decimals is 990 minor units. No float is met
//! on the way.

use super::{Currency, Minor};

/// Text that is no amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDecimal {
    /// It is written in another way.
    #[error("an amount is written as 12 or 12.34, without a sign, a currency or separators of thousands")]
    Form,
    /// It has a part of the currency's smallest unit.
    #[error("{currency} has {decimals} decimals, and the amount has more")]
    Finer {
        /// Of which currency.
        currency: Currency,
        /// How many it has.
        decimals: u16,
    },
    /// It is out of bounds.
    #[error("an amount is at most {} minor units", Minor::MOST)]
    TooMuch,
}

impl Minor {
    /// The amount that `text` says in `currency`. Zeros behind the decimals that it has are taken.
    ///
    /// # Errors
    /// [`NotDecimal`].
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, NotDecimal> {
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !fraction.is_none_or(is_digits) {
            return Err(NotDecimal::Form);
        }
        let decimals = currency.decimals();
        let fraction = fraction.unwrap_or_default().trim_end_matches('0');
        if fraction.len() > usize::from(decimals) {
            return Err(NotDecimal::Finer { currency, decimals });
        }
        let digits = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
        digits.parse().ok().and_then(Self::new).ok_or(NotDecimal::TooMuch)
    }

    /// The amount as [`Minor::from_decimal`] reads it, with all decimals that `currency` has.
    #[must_use]
    pub fn to_decimal(self, currency: Currency) -> String {
        decimal(self.units(), currency)
    }
}

/// So many of the smallest unit of `currency`, however many, as [`Minor::to_decimal`] writes an amount.
#[must_use]
pub fn decimal(units: u64, currency: Currency) -> String {
    let decimals = usize::from(currency.decimals());
    let digits = format!("{units:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, code: &str) -> Result<u64, NotDecimal> {
        Minor::from_decimal(text, code.parse().unwrap()).map(Minor::units)
    }

    #[test]
    fn an_amount_is_counted_in_the_smallest_unit_of_its_currency() {
        for (text, code, expected) in [
            ("0.99", "USD", 99),
            ("8", "USD", 800),
            ("105.5", "EUR", 10_550),
            ("1.990", "EUR", 199),
            ("0", "EUR", 0),
            ("007", "JPY", 7),
            ("12.0", "JPY", 12),
            ("1.234", "BHD", 1_234),
            ("10000000000000.00", "EUR", Minor::MOST),
        ] {
            assert_eq!(units(text, code), Ok(expected), "{text} {code}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_the_reason() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1,5", "1,000.00", "$8", "8 USD", "1e2", "0x1", "１", "NaN"] {
            assert_eq!(units(text, "USD"), Err(NotDecimal::Form), "{text}");
        }
        let currency = "USD".parse().unwrap();
        assert_eq!(units("1.999", "USD"), Err(NotDecimal::Finer { currency, decimals: 2 }));
        assert!(matches!(units("1.5", "JPY"), Err(NotDecimal::Finer { decimals: 0, .. })));
        for text in ["10000000000000.01", "99999999999999999999999999"] {
            assert_eq!(units(text, "EUR"), Err(NotDecimal::TooMuch), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same_amount() {
        for code in ["EUR", "JPY", "BHD"] {
            let currency = code.parse().unwrap();
            for units in [0, 1, 9, 10, 99, 100, 12_345, Minor::MOST] {
                let amount = Minor::new(units).unwrap();
                let text = amount.to_decimal(currency);
                assert_eq!(Minor::from_decimal(&text, currency), Ok(amount), "{text}");
            }
        }
        let eur = "EUR".parse().unwrap();
        assert_eq!([5, 50, 1_234].map(|units| Minor::new(units).unwrap().to_decimal(eur)), ["0.05", "0.50", "12.34"]);
    }
}
