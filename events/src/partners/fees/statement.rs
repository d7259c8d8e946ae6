//! A statement: the lines of a fee, each with the inputs and the formula that it came from, and their total.
//!
//! Fields are declared in alphabetical order, because they are written as they are declared: the canonical form has its names
//! in order, no blank, and numbers below 2^53 only, as RFC 8785 has it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::money::Currency;
use crate::time::Time;

/// What a partner owes for a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What all amounts are in.
    pub currency: Currency,
    /// In the order of parts, and in each of the tariff's rules.
    pub lines: Vec<Line>,
    /// The stretches and the version of the terms that each was rated by.
    pub parts: Vec<Part>,
    /// The sum of all lines: negative where more was adjusted than is owed.
    pub total: i64,
}

impl Statement {
    /// The canonical form: the same bytes on every machine.
    ///
    /// # Errors
    /// Only what the writer of JSON fails with; nothing in a statement makes it fail.
    pub fn canonical(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// A stretch and the version that rated it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How many days were charged.
    pub days: u8,
    /// The first of them.
    #[schemars(with = "String")]
    pub first_day: Date,
    /// Its first instant.
    pub from: Time,
    /// How many days the month has.
    pub month_days: u8,
    /// The version of the tariff.
    pub tariff: String,
    /// The first instant after it.
    pub until: Time,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Minor units; below zero for a credit.
    pub amount: i64,
    /// The amount before rounding, as a fraction in lowest terms: `7`, `-3/2`.
    pub exact: String,
    /// How the inputs give the amount, in words.
    pub formula: String,
    /// Everything that the amount depends on.
    pub inputs: Vec<Input>,
    /// Which of the statement's parts it is of, from 0.
    pub part: u32,
    /// The rule's id, and what of several after a slash: `options/page-protection`.
    pub rule: String,
    /// What the tariff calls it.
    pub text: String,
}

/// An input of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What it is.
    pub name: String,
    /// Every position that it was read at.
    pub sources: BTreeSet<String>,
    /// A whole number, a decimal or a fraction.
    pub value: String,
}
