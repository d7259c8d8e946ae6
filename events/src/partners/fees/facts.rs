//! What was counted in one stretch. Facts are records that add up: in which order they come, and how they are split into
//! records, MUST NOT matter.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::tariff::{Class, Owner, Part};
use crate::money::Minor;
use crate::time::Time;

/// Declares records of facts, each with the text of the position that it was read at.
macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident { $($body:tt)* })+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($body)*
            /// Where it was read, as the line repeats it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub source: Option<String>,
        }
    )+ };
}

counted! {
    /// The type of the partnership. All records of a stretch MUST agree.
    Partnership {
        /// All parts that are inherited.
        pub parts: BTreeSet<Part>,
    }

    /// An amount of information, beside that of other records.
    Volume {
        /// Whose.
        pub class: Class,
        /// How many pages.
        pub pages: u64,
        /// How many bytes they are, as served.
        pub bytes: u64,
    }

    /// Accesses to a page on a day.
    Access {
        /// The page's name.
        pub page: String,
        /// What the page was at that time.
        pub class: Class,
        /// The day in the contract's time zone.
        #[schemars(with = "String")]
        pub day: Date,
        /// How many.
        pub count: u64,
    }

    /// Visits, beside those of other records.
    Visits {
        /// How many visits.
        pub visits: u64,
        /// How many users who are in no other record.
        pub visitors: u64,
    }

    /// A purchase by way of the partner.
    Purchase {
        /// Its name; a second one of this name is refused.
        pub id: String,
        /// When.
        pub at: Time,
        /// What the customer paid.
        pub amount: Minor,
        /// How many of the good.
        pub quantity: u64,
        /// What was bought.
        pub good: String,
        /// The page from which the customer came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub referral: Option<Referral>,
    }

    /// An advertisement, or some of what is counted of it.
    Advertisement {
        /// Whose.
        pub owner: Owner,
        /// How many were offered.
        pub offers: u64,
        /// How often they were shown.
        pub impressions: u64,
        /// What they brought.
        pub income: Minor,
    }

    /// An option that was bought for the stretch.
    Bought {
        /// Its name.
        pub option: String,
    }

    /// Supply of a good and demand for it, beside those of other records.
    Good {
        /// Its name.
        pub good: String,
        /// How many the main site offered.
        pub offered: u64,
        /// For how many this partner's customers asked.
        pub demanded: u64,
    }

    /// An objective information; records of the same name add up.
    Objective {
        /// Its name, as `capacity`.
        pub name: String,
        /// How much; more is better.
        pub value: u64,
    }

    /// What an earlier month, which both parties have signed, comes to be more or less.
    Adjustment {
        /// That month, as `2026-10`.
        pub month: String,
        /// How much more; less where it is negative.
        pub amount: i64,
        /// Why; no personal data.
        pub reason: String,
    }
}

/// The page from which a customer came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Referral {
    /// Its name.
    pub page: String,
    /// When the customer left it.
    pub at: Time,
}

/// All that was counted in a stretch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// The type of the partnership.
    pub partnership: Vec<Partnership>,
    /// Amounts of information.
    pub volume: Vec<Volume>,
    /// Accesses.
    pub accesses: Vec<Access>,
    /// Visits.
    pub visits: Vec<Visits>,
    /// Purchases.
    pub purchases: Vec<Purchase>,
    /// Advertisements.
    pub advertisements: Vec<Advertisement>,
    /// Options bought.
    pub options: Vec<Bought>,
    /// Supply and demand.
    pub goods: Vec<Good>,
    /// Objective information.
    pub objective: Vec<Objective>,
    /// Corrections of earlier months.
    pub adjustments: Vec<Adjustment>,
}

impl Facts {
    /// These facts and `more` of the same stretch.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.partnership.extend(more.partnership);
        self.volume.extend(more.volume);
        self.accesses.extend(more.accesses);
        self.visits.extend(more.visits);
        self.purchases.extend(more.purchases);
        self.advertisements.extend(more.advertisements);
        self.options.extend(more.options);
        self.goods.extend(more.goods);
        self.objective.extend(more.objective);
        self.adjustments.extend(more.adjustments);
        self
    }
}
