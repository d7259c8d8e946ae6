//! Statements: what an account had at the beginning of a period, what was entered, and what it had at the end.

use kippu_events::log::Cut;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use super::account::{Account, OwnerKind};
use super::entry::{Side, What};
use super::lines::{Read, Sums};
use super::period::Period;

/// Lines of a statement at most: what is longer than that is asked for by days.
pub(crate) const MOST_LINES: usize = 50_000;

/// That a period has more lines than a statement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this account has more than {MOST_LINES} entries in this period; days are shorter, and `ledger-entries` has pages"
)]
pub struct TooMany;

/// A statement, and what is not written in it.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// What is written.
    pub statement: Statement,
    /// Of which account.
    pub account: Account,
    /// Of which period.
    pub period: Period,
    /// What it reflects.
    pub cut: Cut,
}

/// What one account has of one period.
#[derive(Clone, PartialEq, Debug, Serialize, schemars::JsonSchema)]
pub struct Statement {
    /// The account.
    pub account: String,
    /// Of what it is.
    pub category: &'static str,
    /// Debit without credit, after the period.
    pub closing: i64,
    /// Entered on the credit side in this period.
    pub credit: u64,
    /// Currency of every amount here.
    pub currency: Currency,
    /// Entered on the debit side in this period.
    pub debit: u64,
    /// What was entered, by time.
    pub lines: Vec<Line>,
    /// Debit without credit, before the period.
    pub opening: i64,
    /// Whose it is: a user, a shop, a settlement server, an authentication server; nobody's where it is this node's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<EntityId>,
    /// As what.
    pub owner_kind: OwnerKind,
    /// The month or day, in UTC.
    pub period: String,
}

/// A line of a statement.
#[derive(Clone, PartialEq, Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "StatementLine")]
pub struct Line {
    /// How much.
    pub amount: Minor,
    /// When.
    pub at: Time,
    /// Debit without credit, after it.
    pub balance: i64,
    /// What caused it, as `approvals/ID`.
    pub cause: String,
    /// The entry, by the place of its event in the log.
    pub entry: String,
    /// What the operator wants to stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// On which side.
    pub side: Side,
    /// What it is about.
    pub what: What,
}

impl Statement {
    /// Before anything of the period: `opening` is what was entered before.
    pub(crate) fn new(account: &Account, period: &Period, opening: Sums) -> Self {
        let opening = opening.balance();
        Self {
            account: account.to_string(),
            category: account.category(),
            closing: opening,
            credit: 0,
            currency: account.currency(),
            debit: 0,
            lines: Vec::new(),
            opening,
            owner: account.owner(),
            owner_kind: account.owner_kind(),
            period: period.to_string(),
        }
    }

    /// With one line more.
    ///
    /// # Errors
    /// Where it holds no more.
    pub(crate) fn add(&mut self, read: Read) -> Result<(), TooMany> {
        if self.lines.len() == MOST_LINES {
            return Err(TooMany);
        }
        let Read { entry, at, what, cause, note, side, amount } = read;
        // An amount has less than 51 bits.
        let signed = i64::try_from(amount.units()).unwrap_or(i64::MAX);
        match side {
            Side::Debit => {
                self.debit = self.debit.saturating_add(amount.units());
                self.closing = self.closing.saturating_add(signed);
            }
            Side::Credit => {
                self.credit = self.credit.saturating_add(amount.units());
                self.closing = self.closing.saturating_sub(signed);
            }
        }
        let (cause, entry, balance) = (cause.to_string(), entry.to_string(), self.closing);
        self.lines.push(Line { amount, at, balance, cause, entry, note, side, what });
        Ok(())
    }
}
