//! What each kind of rule is told by the tariff. Prices and thresholds are for a whole month; a part of it has its days'
//! share of both.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fraction::Decimal;
use super::tariff::{Class, Part};
use crate::money::Minor;

/// Declares records of a tariff, so that each refuses what it does not know and has a schema.
macro_rules! told {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($body:tt)* })+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "snake_case")]
        pub $kind $name { $($body)* }
    )+ };
}

told! {
    /// The price of a type of partnership.
    struct TypePrice {
        /// All parts that are inherited.
        pub parts: BTreeSet<Part>,
        /// For a month.
        pub amount: Minor,
    }

    /// The price of an option.
    struct OptionPrice {
        /// Its name in the contract, as `page-protection`.
        #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
        pub id: String,
        /// What the statement calls it.
        pub text: String,
        /// For a month.
        pub amount: Minor,
    }

    /// A price by the amount of information.
    struct Size {
        /// Of which pages.
        pub of: Class,
        /// How it is measured.
        pub unit: Unit,
        /// Without gap from 0; for originals the prices MUST NOT rise.
        pub classes: Vec<AmountClass>,
    }

    /// How information is measured.
    enum Unit {
        /// Bytes of the pages as served.
        Bytes,
        /// Pages.
        Pages,
    }

    /// From an amount until below another.
    struct AmountClass {
        /// The least amount in the class.
        pub from: u64,
        /// The least amount above the class; absent for the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub below: Option<u64>,
        /// For a month.
        pub amount: Minor,
    }

    /// A price by the tie-up share: accesses to tie-up pages ÷ accesses to all. 1 for n:0, 0 for 0:n.
    struct Ratio {
        /// The share that counts where there was no access at all, 0 to 1.
        pub none: Decimal,
        /// What the share costs.
        pub rate: RatioRate,
    }

    /// What a tie-up share costs for a month.
    enum RatioRate {
        /// This much times the share.
        Linear(Minor),
        /// By class. Prices MUST NOT fall from class to class.
        Classes(Vec<ShareClass>),
    }

    /// From a share until below another.
    struct ShareClass {
        /// The least share in the class.
        pub from: Decimal,
        /// The least share above the class; absent for the last, which includes 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub below: Option<Decimal>,
        /// For a month.
        pub amount: Minor,
    }

    /// A discount where accesses exceed a set amount.
    struct Exceeding {
        /// Accesses to which pages.
        pub counts: Counted,
        /// The period: so many days, counted from the first of the month; the month, where it is absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 31))]
        pub every_days: Option<u8>,
        /// The highest step that was exceeded holds. Thresholds MUST rise, amounts MUST NOT fall.
        pub steps: Vec<Step>,
    }

    /// A discount above a threshold.
    struct Step {
        /// Strictly more accesses than this.
        pub over: u64,
        /// The discount for a period.
        pub amount: Minor,
    }

    /// A discount for sales to which popular original pages contributed.
    struct Contribution {
        /// A page is popular with strictly more accesses than this in a month.
        pub popular_over: u64,
        /// A purchase at most so long after the page referred to it counts; so does one at the same instant.
        pub window_minutes: u32,
        /// What it earns.
        pub reward: Reward,
    }

    /// What a purchase earns.
    enum Reward {
        /// So many minor units.
        Each(Decimal),
        /// So much of the purchase's amount, 0 to 1.
        Share(Decimal),
    }

    /// Fees for advertisements, by one measure.
    struct Shown {
        /// The measure.
        pub by: ShownBy,
        /// What the main site's earn the partner: minor units each, or a share of the income.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub main: Option<Decimal>,
        /// What the partner's cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub partner: Option<Charge>,
    }

    /// How advertisements are measured.
    enum ShownBy {
        /// How many there were.
        Offers,
        /// How often they were shown.
        Impressions,
        /// What they brought.
        Income,
    }

    /// A charge on advertisements.
    struct Charge {
        /// Minor units each, or a share of the income.
        pub rate: Decimal,
        /// At most this share of what they brought; MUST be given by impressions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub at_most_share: Option<Decimal>,
    }

    /// An amount for each visit or visiting user.
    struct PerVisit {
        /// What is counted.
        pub of: VisitUnit,
        /// MUST be a credit: visitors are attraction.
        pub effect: Effect,
        /// Minor units.
        pub each: Decimal,
    }

    /// What is counted of visits.
    enum VisitUnit {
        /// Every visit.
        Visits,
        /// Every user once.
        Visitors,
    }

    /// An amount for each purchase.
    struct PerPurchase {
        /// A charge is at most the purchase's amount.
        pub effect: Effect,
        /// Minor units.
        pub each: Decimal,
    }

    /// A share of each purchase, by main's offered quantity and this partner's demand for the good.
    struct Transactions {
        /// Without gap from 0.
        pub supply: Vec<SupplyClass>,
    }

    /// From an offered quantity until below another.
    struct SupplyClass {
        /// The least quantity in the class.
        pub from: u64,
        /// The least quantity above the class; absent for the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub below: Option<u64>,
        /// Without gap from 0; rates MUST NOT rise.
        pub demand: Vec<DemandClass>,
    }

    /// From a demanded quantity until below another.
    struct DemandClass {
        /// The least quantity in the class.
        pub from: u64,
        /// The least quantity above the class; absent for the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub below: Option<u64>,
        /// The share of the purchase's amount, 0 to 1.
        pub rate: Decimal,
    }

    /// A factor from objective information (B44).
    struct Factor {
        /// Its name, unique among rules and factors.
        #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
        pub id: String,
        /// What the statement calls it.
        pub text: String,
        /// What decides it.
        pub by: FactorBy,
        /// Without gap from 0; factors MUST NOT rise.
        pub classes: Vec<FactorClass>,
        /// The ids of the rules whose lines it multiplies, before they are rounded. They MUST NOT be credits.
        pub rules: Vec<String>,
    }

    /// What decides a factor.
    enum FactorBy {
        /// An information of this name, as `capacity`, `attractiveness`, `attraction`; more is better. 0 where it is absent.
        Objective(String),
        /// Accesses in a month.
        Accesses(Counted),
    }

    /// From a value until below another.
    struct FactorClass {
        /// The least value in the class.
        pub from: u64,
        /// The least value above the class; absent for the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub below: Option<u64>,
        /// 0 to 1.
        pub factor: Decimal,
    }
}

/// Accesses to which pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// To all.
    All,
    /// To tie-up pages.
    Tieup,
    /// To original pages.
    Original,
}

/// Whether a rule raises the fee or lowers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It raises.
    Charge,
    /// It lowers.
    Credit,
}
