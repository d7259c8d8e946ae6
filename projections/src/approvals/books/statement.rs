//! Statements: what an account had at the beginning of a period, what was entered, and what it had at the end.

use kippu_events::Time;
use kippu_events::event::EventId;
use kippu_events::money::Minor;
use kippu_events::{EntityKey, log::Cut};

use super::account::Account;
use super::entry::{Side, What};
use super::lines::{Read, Sums};
use super::period::Period;

/// Lines of a statement at most: what is longer than that is asked for by days.
pub(crate) const MOST_LINES: usize = 50_000;

/// That a period has more lines than a statement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this account has more than {MOST_LINES} entries in this period; days are shorter than months, and `ledger-entries` has pages"
)]
pub struct TooMany;

/// What one account has of one period.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// The account.
    pub account: Account,
    /// The period.
    pub period: Period,
    /// Debit without credit, before the period.
    pub opening: i64,
    /// What was entered, by time.
    pub lines: Vec<Line>,
    /// Entered on the debit side in this period.
    pub debit: u64,
    /// Entered on the credit side in this period.
    pub credit: u64,
    /// Debit without credit, after the period.
    pub closing: i64,
    /// What it reflects.
    pub cut: Cut,
}

/// A line of a statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The entry, by the place of its event in the log.
    pub entry: EventId,
    /// When.
    pub at: Time,
    /// What it is about.
    pub what: What,
    /// What caused it.
    pub cause: EntityKey,
    /// On which side.
    pub side: Side,
    /// How much.
    pub amount: Minor,
    /// Debit without credit, after it.
    pub balance: i64,
}

impl Statement {
    /// Before anything of the period: `opening` is what was entered before.
    pub(crate) fn new(account: Account, period: Period, opening: Sums, cut: Cut) -> Self {
        let opening = opening.balance();
        Self { account, period, opening, lines: Vec::new(), debit: 0, credit: 0, closing: opening, cut }
    }

    /// With one line more.
    ///
    /// # Errors
    /// Where it holds no more.
    pub(crate) fn add(&mut self, read: Read) -> Result<(), TooMany> {
        if self.lines.len() == MOST_LINES {
            return Err(TooMany);
        }
        let Read { entry, at, what, cause, side, amount } = read;
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
        self.lines.push(Line { entry, at, what, cause, side, amount, balance: self.closing });
        Ok(())
    }
}
