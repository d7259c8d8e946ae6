//! Amounts as people read them.

use iso_currency::Currency;

/// `minor` units in the currency with this code: `12.40 EUR`.
pub(crate) fn shown(minor: u64, code: &str) -> String {
    let digits = Currency::from_code(code).and_then(|currency| currency.exponent()).unwrap_or_default();
    let whole = 10_u64.pow(digits.into());
    if digits == 0 {
        format!("{minor} {code}")
    } else {
        format!("{}.{:0width$} {code}", minor / whole, minor % whole, width = usize::from(digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_as_many_decimals_as_their_currency() {
        let all = [(1_240, "EUR"), (5, "EUR"), (0, "EUR"), (1_240, "JPY"), (1_240, "KWD"), (7, "???")];
        let shown: Vec<String> = all.map(|(minor, code)| shown(minor, code)).into();
        assert_eq!(shown, ["12.40 EUR", "0.05 EUR", "0.00 EUR", "1240 JPY", "1.240 KWD", "7 ???"]);
    }
}
