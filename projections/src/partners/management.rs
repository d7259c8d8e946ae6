//! What a main site, or a partner, manages by: customers, security and the fee of a contract, from the same logs; who may be written to; what
//! was done on a page; and sales by region.

use std::collections::{BTreeMap, BTreeSet};

use kippu_events::money::Currency;
use kippu_events::partners::fees;
use kippu_events::{EntityId, Time};
use serde::Serialize;

/// A group of fewer persons tells of each of them: it is shown together with other regions.
pub const LEAST_PERSONS: usize = 3;
/// Where small groups are shown, and who has not told a region.
pub const OTHER_REGION: &str = "other";

/// The customers of a site in a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Customers {
    /// What members did, by its kind.
    pub actions: BTreeMap<&'static str, u64>,
    /// The contract.
    pub contract: Option<EntityId>,
    /// How often members were identified.
    pub identified: u64,
    /// The month.
    pub month: String,
    /// How many members registered at the site.
    pub registered: u64,
    /// Visitors, of the access logs.
    pub visitors: u64,
    /// Visits, of the access logs.
    pub visits: u64,
}

/// What endangers a site, in a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Security {
    /// Places in access logs that were certified with several contents.
    pub conflicting_lines: u64,
    /// The contract.
    pub contract: Option<EntityId>,
    /// How often pages that this node shows were found altered, up to now.
    pub damaged_pages: u64,
    /// Sign-ins that were refused, by reason.
    pub failed_sign_ins: BTreeMap<String, u64>,
    /// The month.
    pub month: String,
    /// Lines of access logs that do not count, by reason.
    pub refused_lines: BTreeMap<&'static str, u64>,
    /// One-time codes that were wrong.
    pub wrong_codes: u64,
}

/// The fee of a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fee {
    /// Accesses that count.
    pub accesses: u64,
    /// The contract.
    pub contract: EntityId,
    /// What is owed, line by line.
    pub fee: fees::Statement,
    /// The month.
    pub month: String,
}

/// All three.
#[derive(Clone, Debug)]
pub struct Management {
    /// See [`Customers`].
    pub customers: Customers,
    /// See [`Security`].
    pub security: Security,
    /// See [`Fee`].
    pub fee: Fee,
}

/// Who is to be written to.
#[derive(Clone, Debug, Default)]
pub struct Addressees {
    /// Members of this contract's partner alone.
    pub contract: Option<EntityId>,
    /// Who lives there.
    pub region: Option<String>,
    /// Who likes that.
    pub preference: Option<String>,
}

/// Somebody who may be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Addressee {
    /// The class.
    pub class: String,
    /// The e-mail address.
    pub email: String,
    /// The member.
    pub member: EntityId,
    /// What the member likes.
    pub preferences: Vec<String>,
    /// Where the member lives.
    pub region: Option<String>,
}

/// What a member did on a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct OnPage {
    /// What was done, by its kind.
    pub actions: BTreeMap<&'static str, u64>,
    /// The member's class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// When last.
    pub last_at: Time,
    /// The member.
    pub member: EntityId,
}

/// Sales in a region through a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RegionalSales {
    /// What was paid, in minor units.
    pub amount: u64,
    /// The currency.
    pub currency: Currency,
    /// So many purchases.
    pub purchases: u64,
    /// Where the buyers live.
    pub region: String,
    /// Through which site.
    pub site: EntityId,
}

/// Sales by region, which are being counted.
#[derive(Default)]
pub(crate) struct Counting(BTreeMap<(EntityId, String, &'static str), Group>);

#[derive(Default)]
struct Group {
    buyers: BTreeSet<EntityId>,
    purchases: u64,
    amount: u64,
    currency: Option<Currency>,
}

impl Counting {
    /// A purchase.
    pub(crate) fn add(
        &mut self,
        site: EntityId,
        region: Option<String>,
        buyer: EntityId,
        (amount, currency): (u64, Currency),
    ) {
        let region = region.unwrap_or_else(|| OTHER_REGION.to_owned());
        let group = self.0.entry((site, region, currency.code())).or_default();
        group.buyers.insert(buyer);
        group.purchases += 1;
        group.amount = group.amount.saturating_add(amount);
        group.currency = Some(currency);
    }

    /// The groups, small ones together, and no buyer.
    pub(crate) fn finish(self) -> Vec<RegionalSales> {
        let mut sums: BTreeMap<(EntityId, String, &'static str), RegionalSales> = BTreeMap::new();
        for ((site, region, code), group) in self.0 {
            let Some(currency) = group.currency else { continue };
            let region = if group.buyers.len() < LEAST_PERSONS { OTHER_REGION.to_owned() } else { region };
            let none = RegionalSales { amount: 0, currency, purchases: 0, region: region.clone(), site };
            let sum = sums.entry((site, region, code)).or_insert(none);
            sum.purchases += group.purchases;
            sum.amount = sum.amount.saturating_add(group.amount);
        }
        sums.into_values().collect()
    }
}

/// The text of a cell of CSV: in quotes, and never a formula where a spreadsheet opens it.
#[must_use]
pub fn cell(text: &str) -> String {
    let safe = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{safe}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_with_few_buyers_is_shown_together_with_others() {
        let id = |byte| EntityId::from_hash(&[byte; 32]);
        let mut counting = Counting::default();
        for (buyer, region) in [(1, "north"), (2, "north"), (3, "north"), (3, "north"), (4, "south"), (5, "west")] {
            counting.add(id(9), Some(region.to_owned()), id(buyer), (100, Currency::EUR));
        }
        counting.add(id(9), None, id(6), (100, Currency::EUR));
        let rows: Vec<_> = counting.finish().into_iter().map(|row| (row.region, row.purchases, row.amount)).collect();
        assert_eq!(rows, [("north".to_owned(), 4, 400), ("other".to_owned(), 3, 300)]);
    }

    #[test]
    fn no_cell_is_a_formula_or_ends_before_its_end() {
        for (text, written) in [("a", "\"a\""), ("=1+1", "\"'=1+1\""), ("a\"b", "\"a\"\"b\""), ("", "\"\"")] {
            assert_eq!(cell(text), written);
        }
    }
}
