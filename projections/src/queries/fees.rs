//! Statements of fees, from one snapshot of the views `contracts` and `access-batches`: who may see the batches may see them.

use kippu_events::EntityId;
use kippu_events::access::Caller;
use kippu_events::log::Cut;
use kippu_events::partners::contracts::Contract;

use super::{Queries, QueryError};
use crate::cursor::cut;
use crate::partners::access_batches::{AccessBatches, Lines};
use crate::partners::fee_reports::FeeReports;
use crate::partners::statement::{FeeStatement, Month, Stating};
use crate::row::{Dated, decode};
use crate::view::{View as _, row_key};

/// The view of contracts.
const CONTRACTS: &str = "contracts";

/// A statement, and what it reflects.
pub struct FoundFees {
    /// The statement.
    pub statement: FeeStatement,
    /// What of the history it reflects.
    pub cut: Cut,
}

impl Queries {
    /// What the partner of `contract` owes for `month`. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`]; `NotFound` where there is no such contract, `Parameter` where no terms count in the month.
    pub fn fee_statement(&self, contract: EntityId, month: &Month, caller: &Caller) -> Result<FoundFees, QueryError> {
        let (batches, _) = self.table(AccessBatches.name(), caller)?;
        let (contracts, _) = self.table(CONTRACTS, caller)?;
        let (reports, _) = self.table(FeeReports.name(), caller)?;
        let snap = self.0.store.snapshot();
        let (of_contracts, _) = self.live(contracts, &snap)?;
        let (of_batches, cursors) = self.live(batches, &snap)?;
        let row = snap.row(of_contracts, &row_key(&contract))?.ok_or(QueryError::NotFound)?;
        let (state, _) = decode::<Dated<(Contract, crate::partners::contracts::Kept)>>(&row)?.row;
        let known = state.known().ok_or(QueryError::NotFound)?;
        let mut stating = Stating::new(contract, known, month)?;
        // Where batches lie in their logs comes first, so that no more than one of them is held at a time.
        let (from, until) = Lines::keys(contract);
        let mut order = Vec::new();
        snap.rows::<QueryError>(of_batches, &from, &until, |key, row| {
            let Lines { source, segment, offset, id, .. } = Lines::read(row)?;
            order.push((source, segment, offset, id, key.to_vec()));
            Ok(true)
        })?;
        order.sort_unstable();
        for (.., key) in &order {
            let row = snap.row(of_batches, key)?.ok_or(QueryError::NotFound)?;
            stating.take(&Lines::read(&row)?)?;
        }
        let (of_reports, _) = self.live(reports, &snap)?;
        let (from, until) = FeeReports::keys(contract);
        snap.rows::<QueryError>(of_reports, &from, &until, |_, row| {
            stating.report(FeeReports::read(row)?);
            Ok(true)
        })?;
        Ok(FoundFees { statement: stating.finish()?, cut: cut(&cursors) })
    }
}
