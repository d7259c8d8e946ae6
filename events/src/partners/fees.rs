//! The fee that a partner site owes its main site for a month: [`compute`] applies versioned rules ([`Tariff`]) to what was
//! counted ([`Facts`]) and says for every line ([`Line`]) from which inputs it came.
//!
//! ```text
//!  month    |---------- tariff 1 ----------|------ tariff 2 ------|
//!  facts    |  accesses, purchases, …      |  accesses, …         |
//!  lines    |  type, ratio, …, minimum     |  type, ratio, …      |   total = sum of all lines
//! ```
//!
//! Every amount is a fraction of whole numbers until its line is rounded, once. No rule lets more attraction cost more:
//! [`Tariff::check`] refuses those that would. `docs/tariffs.md` is the guide for whoever writes a tariff.

mod check;
mod classes;
mod compute;
mod facts;
mod fraction;
mod lines;
mod month;
mod rules;
mod statement;
mod stretch;
mod tally;
mod tariff;

pub use self::check::{Fault, Finding};
pub use self::compute::{FeeError, compute};
pub use self::facts::{
    Access, Adjustment, Advertisement, Bought, Facts, Good, Objective, Partnership, Purchase, Referral, Visits, Volume,
};
pub use self::fraction::{Decimal, NotADecimal, Rounding};
pub use self::month::{Month, NotAMonth};
pub use self::rules::{
    AmountClass, Charge, Contribution, Counted, DemandClass, Effect, Exceeding, Factor, FactorBy, FactorClass,
    OptionPrice, PerPurchase, PerVisit, Ratio, RatioRate, Reward, ShareClass, Shown, ShownBy, Size, Step, SupplyClass,
    Transactions, TypePrice, Unit, VisitUnit,
};
pub use self::statement::{Input, Line, Part as StatementPart, Statement};
pub use self::stretch::Stretch;
pub use self::tariff::{By, Class, Limits, Owner, Part, Rule, Tariff};

#[cfg(test)]
mod tests;
