//! Statements of accounts, from one snapshot of the view `ledger`: who may see the account may see them.

use kippu_events::access::Caller;

use super::{Queries, QueryError, key_of, visible};
use crate::approvals::books::{self, Account, Found, Ledger, Lines, Period, Statement};
use crate::cursor::cut;
use crate::view::{Filters, View as _, main_key};

impl Queries {
    /// What the account of this name has of `period`. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`]; `NotFound` also where the account is not for this caller, `Parameter` where the period has too many lines.
    pub fn statement(&self, account: &str, period: &Period, caller: &Caller) -> Result<Found, QueryError> {
        let (view, table) = self.table(Ledger.name(), caller)?;
        let key = key_of(table, account)?;
        let account = Account::of_key(&key).ok_or(QueryError::NotFound)?;
        let filters = Filters::default();
        let ask = Self::ask(table, caller, &filters, None)?;
        let snap = self.0.store.snapshot();
        let (instance, cursors) = self.live(view, &snap)?;
        let row = snap.row(instance, &main_key(&key))?.ok_or(QueryError::NotFound)?;
        visible::shown(table, &key, &row, &ask)?.ok_or(QueryError::NotFound)?;
        let mut opening = books::before(&row, period.from())?;
        let lines = Lines::of(&account);
        // Of the month that the period is in, the days before it.
        let (from, until) = lines.days(period.month_begins(), period.from());
        snap.rows::<QueryError>(instance, &from, &until, |_, row| {
            opening.join(books::day(row)?);
            Ok(true)
        })?;
        let mut statement = Statement::new(&account, period, opening);
        let (from, until) = lines.between(period.from(), period.until());
        snap.rows::<QueryError>(instance, &from, &until, |key, row| {
            let added = statement.add(Lines::read(key, row)?);
            added.map_err(|too_many| QueryError::parameter("month", &too_many.to_string()))?;
            Ok(true)
        })?;
        Ok(Found { statement, account, period: period.clone(), cut: cut(&cursors) })
    }
}
