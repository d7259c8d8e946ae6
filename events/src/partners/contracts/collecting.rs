//! What the terms of a contract say of the fee for a sale: how it comes to the main site.

use serde::{Deserialize, Serialize};

use crate::money::Minor;

/// All of an amount, in basis points.
const WHOLE_BP: u32 = 10_000;

/// How the main site comes to what it is due of sales.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Collecting {
    /// The partner pays a fee in advance, and keeps the accounts of its sales itself.
    Prepaid {},
    /// The main site collects a part of each payment.
    PerSale {
        /// Which part, in basis points: 10,000 is all of it.
        #[schemars(range(max = 10_000))]
        rate_bp: u32,
    },
}

impl Collecting {
    /// What the main site is due of a payment, to the nearest minor unit; half a unit goes up.
    #[must_use]
    pub fn charge(self, paid: Minor) -> Minor {
        let rate = match self {
            Self::Prepaid {} => 0,
            Self::PerSale { rate_bp } => rate_bp.min(WHOLE_BP),
        };
        let (whole, half) = (u128::from(WHOLE_BP), u128::from(WHOLE_BP / 2));
        let units = (u128::from(paid.units()) * u128::from(rate) + half) / whole;
        u64::try_from(units).ok().and_then(Minor::new).unwrap_or(paid)
    }

    /// What is wrong with it.
    #[must_use]
    pub fn wrong(self) -> Option<&'static str> {
        matches!(self, Self::PerSale { rate_bp } if rate_bp > WHOLE_BP).then_some("rate_bp is at most 10,000")
    }
}

#[test]
fn a_charge_is_a_part_of_the_payment_to_the_nearest_unit_and_never_more_than_it() {
    let charge = |rate_bp, paid| Collecting::PerSale { rate_bp }.charge(Minor::new(paid).unwrap()).units();
    let charges = [(1_250, 1_999), (1, 4_999), (1, 5_000), (10_000, 77), (0, 77), (10_000, Minor::MOST)];
    assert_eq!(charges.map(|(rate, paid)| charge(rate, paid)), [250, 0, 1, 77, 0, Minor::MOST]);
    assert_eq!(Collecting::Prepaid {}.charge(Minor::new(500).unwrap()), Minor::ZERO);
    assert!(Collecting::PerSale { rate_bp: 10_001 }.wrong().is_some());
}
