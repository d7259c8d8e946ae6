//! A version of the terms by which a fee is computed: data, published as a JSON Schema, checked by [`Tariff::check`].

use serde::{Deserialize, Serialize};

use super::fraction::Rounding;
use super::rules::{
    Contribution, Exceeding, Factor, OptionPrice, PerPurchase, PerVisit, Ratio, Shown, Size, Transactions, TypePrice,
};
use crate::money::{Currency, Minor};

/// One version of the terms. Which instants it holds for is said by the contract, not here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// The name of this version, which statements repeat.
    pub version: String,
    /// What all amounts are in.
    pub currency: Currency,
    /// The rules, in the order of the statement's lines.
    pub rules: Vec<Rule>,
    /// Factors from objective information, which lower the lines of the rules that they name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
    /// The least and the most that a month costs. Without it, the least is nothing: a fee is never negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// One rule, which gives one line or several of a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique in the tariff: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    pub id: String,
    /// What the statement calls it.
    pub text: String,
    /// How its lines are rounded.
    pub rounding: Rounding,
    /// What it charges or credits by.
    pub by: By,
}

/// What a rule charges or credits by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Charges for the type of partnership (B40).
    Type(Vec<TypePrice>),
    /// Charges for each option that was bought (B27, B28, B40).
    Options(Vec<OptionPrice>),
    /// Charges by the amount of tie-up or of original information (B41).
    Size(Size),
    /// Charges by the ratio of accesses to tie-up and to original pages (B42).
    Ratio(Ratio),
    /// Credits accesses above a set amount (B39).
    Exceeding(Exceeding),
    /// Credits sales to which popular original pages contributed (B38).
    Contribution(Contribution),
    /// Charges the partner's advertisements, credits those of the main site (B43).
    Advertisements(Shown),
    /// Credits visits or visiting users (B54).
    Visits(PerVisit),
    /// Credits or charges each purchase (B54).
    Purchases(PerPurchase),
    /// Charges a share of each purchase, by supply and demand (B45).
    Transactions(Transactions),
}

/// The least and the most that a whole month costs; a part of it, its days' share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The least; nothing, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Minor>,
    /// The most; any amount, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Minor>,
    /// How a share of them is rounded.
    pub rounding: Rounding,
}

/// A part that a partner site inherits from the main site; a set of them is a type of partnership (B8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Contents of pages.
    Content,
    /// Layout of pages.
    Layout,
    /// Links.
    Links,
    /// Management, entrusted to the main site.
    Management,
}

/// Whose content a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// From the main site.
    Tieup,
    /// The partner's own.
    Original,
}

/// Whose advertisement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The main site's.
    Main,
    /// The partner site's.
    Partner,
}
