//! What the terms of a contract say of members: who registers and identifies them, what the partner may have of their data, and
//! what goods cost them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};

/// The longest name of a class of members, of goods, and of a page.
const MOST_CHARS: usize = 256;
/// So many goods, pages, and classes of one price.
const MOST_ENTRIES: usize = 1_024;
/// A copy that is not renewed within 31 days is over.
const MOST_COPY_SECS: u32 = 31 * 24 * 60 * 60;

/// What goods cost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// What most members pay.
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// What members of some classes pay, by the name of the class.
    #[serde(default)]
    pub classes: BTreeMap<String, Minor>,
}

impl Price {
    /// What a member of this class pays.
    #[must_use]
    pub fn of(&self, class: &str) -> Minor {
        self.classes.get(class).copied().unwrap_or(self.amount)
    }
}

/// What the partner may have of users' data.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserData {
    /// The pages of whose users the partner may ask: what was done on them, and by whom, without names.
    #[serde(default)]
    pub pages: BTreeSet<String>,
    /// Whether the main site may write to members of the partner who agreed to that.
    #[serde(default)]
    pub marketing: bool,
}

/// What terms say of members.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberTerms {
    /// The party whose node registers and identifies members; left out, the main site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub central: Option<EntityId>,
    /// Whether the partner reaches that node through the main site's.
    #[serde(default)]
    pub through_main: bool,
    /// So long after a member was identified the partner may identify the same one itself, while the other node is away; left out, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_secs: Option<u32>,
    /// What the partner may have of their data.
    #[serde(default)]
    pub user_data: UserData,
    /// What goods cost, by the name of the goods.
    #[serde(default)]
    pub prices: BTreeMap<String, Price>,
}

impl MemberTerms {
    /// What is wrong with them.
    #[must_use]
    pub fn wrong(&self) -> Option<String> {
        if self.copy_secs.is_some_and(|secs| !(1..=MOST_COPY_SECS).contains(&secs)) {
            return Some(format!("/copy_secs: it is 1 to {MOST_COPY_SECS}"));
        }
        let prices = self.prices.iter().map(|(name, price)| (name, price.classes.len()));
        let is_long = |name: &String| name.is_empty() || name.chars().count() > MOST_CHARS;
        let classes = self.prices.values().flat_map(|price| price.classes.keys());
        if prices.clone().any(|(name, classes)| is_long(name) || classes > MOST_ENTRIES)
            || classes.into_iter().any(is_long)
        {
            return Some(format!("/prices: names have 1 to {MOST_CHARS} characters"));
        }
        if self.prices.len() > MOST_ENTRIES || self.user_data.pages.len() > MOST_ENTRIES {
            return Some(format!("there are at most {MOST_ENTRIES} prices and pages"));
        }
        let is_page = |page: &String| page.starts_with('/') && !is_long(page);
        if !self.user_data.pages.iter().all(is_page) {
            return Some("/user_data/pages: a page begins with a slash".to_owned());
        }
        None
    }
}

#[test]
fn a_class_of_members_may_have_another_price_and_pages_and_times_are_within_bounds() {
    let minor = |units| Minor::new(units).unwrap();
    let price =
        Price { amount: minor(1_000), currency: Currency::EUR, classes: [("gold".to_owned(), minor(800))].into() };
    assert_eq!((price.of("gold"), price.of("silver")), (minor(800), minor(1_000)));
    let mut terms = MemberTerms { prices: [("book".to_owned(), price)].into(), ..MemberTerms::default() };
    assert_eq!(terms.wrong(), None);
    terms.user_data.pages.insert("tie-up/a".to_owned());
    assert!(terms.wrong().is_some_and(|wrong| wrong.contains("slash")));
    let terms = MemberTerms { copy_secs: Some(0), ..MemberTerms::default() };
    assert!(terms.wrong().is_some_and(|wrong| wrong.starts_with("/copy_secs")));
}
