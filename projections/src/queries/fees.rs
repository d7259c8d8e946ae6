//! Statements of fees, and the lines that they are of, from one snapshot of the views `contracts` and `access-batches`: who may see the
//! batches may see them.

use std::collections::HashSet;

use kippu_events::EntityId;
use kippu_events::access::Caller;
use kippu_events::log::Cut;
use kippu_events::partners::contracts::{Contract, Known};
use kippu_events::partners::fees::{Month, Tariff};

use super::{Queries, QueryError};
use crate::cursor::cut;
use crate::partners::access_batches::{AccessBatches, Lines, NamesOf};
use crate::partners::fee_reports::FeeReports;
use crate::partners::statement::{FeeStatement, Stating};
use crate::row::{Dated, decode};
use crate::view::{View as _, row_key};
use crate::view_store::Snap;

/// The view of contracts.
pub(crate) const CONTRACTS: &str = "contracts";

/// A statement, and what it reflects.
pub struct FoundFees {
    /// The statement.
    pub statement: FeeStatement,
    /// What of the history it reflects.
    pub cut: Cut,
}

impl Queries {
    /// What the partner of `contract` owes for `month`, as the node of `party` computes it. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`]; `NotFound` where there is no such contract, `Parameter` where no terms count in the month, `Forbidden` where the
    /// terms do not have this party check lines.
    pub fn fee_statement(
        &self,
        party: EntityId,
        contract: EntityId,
        month: &Month,
        caller: &Caller,
    ) -> Result<FoundFees, QueryError> {
        let (batches, _) = self.table(AccessBatches.name(), caller)?;
        let (contracts, _) = self.table(CONTRACTS, caller)?;
        let (reports, _) = self.table(FeeReports.name(), caller)?;
        let snap = self.0.store.snapshot();
        let (of_contracts, _) = self.live(contracts, &snap)?;
        let (of_batches, cursors) = self.live(batches, &snap)?;
        let state = contract_in(&snap, of_contracts, contract)?;
        let known = verified_by(&state, party)?;
        let (of_reports, _) = self.live(reports, &snap)?;
        let statement = stated(&snap, of_batches, of_reports, (contract, known, month, None))?;
        Ok(FoundFees { statement, cut: cut(&cursors) })
    }

    /// The lines of the batch `id`, with their names, encrypted, for the node of `party`. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`]; `NotFound` where there is no such batch, `Forbidden` where the terms do not have this party check lines.
    pub fn access_lines(&self, party: EntityId, id: EntityId, caller: &Caller) -> Result<(Lines, NamesOf), QueryError> {
        let (batches, _) = self.table(AccessBatches.name(), caller)?;
        let (contracts, _) = self.table(CONTRACTS, caller)?;
        let snap = self.0.store.snapshot();
        let (of_contracts, _) = self.live(contracts, &snap)?;
        let (instance, _) = self.live(batches, &snap)?;
        let names = snap.row(instance, &NamesOf::key(id))?.ok_or(QueryError::NotFound)?;
        let names: NamesOf = decode(&names)?;
        verified_by(&contract_in(&snap, of_contracts, names.contract)?, party)?;
        let lines = snap.row(instance, &Lines::key(names.contract, id))?.ok_or(QueryError::NotFound)?;
        Ok((Lines::read(&lines)?, names))
    }
}

/// The contract `id`, where there is one.
pub(crate) fn contract_in(snap: &Snap<'_>, instance: u32, id: EntityId) -> Result<Contract, QueryError> {
    let row = snap.row(instance, &row_key(&id))?.ok_or(QueryError::NotFound)?;
    let (state, _) = decode::<Dated<(Contract, crate::partners::contracts::Kept)>>(&row)?.row;
    Ok(state)
}

/// What is known of a contract whose terms have `party` check lines.
fn verified_by(state: &Contract, party: EntityId) -> Result<&Known, QueryError> {
    let known = state.known().ok_or(QueryError::NotFound)?;
    if known.verifies(party) {
        Ok(known)
    } else {
        Err(QueryError::Forbidden("the terms of the contract do not have this party check lines"))
    }
}

/// Where a batch lies – source, segment, offset and id –, and its key.
type Lies = (String, String, u64, EntityId, Vec<u8>);

/// The statement of a month of a contract, by `tariff` in place of those of the terms.
pub(crate) fn stated(
    snap: &Snap<'_>,
    of_batches: u32,
    of_reports: u32,
    (contract, known, month, tariff): (EntityId, &Known, &Month, Option<&Tariff>),
) -> Result<FeeStatement, QueryError> {
    // Where batches lie in their logs comes first, so that no more than one of them is held at a time.
    let (from, until) = Lines::keys(contract);
    let mut order: Vec<Lies> = Vec::new();
    snap.rows::<QueryError>(of_batches, &from, &until, |key, row| {
        let Lines { source, segment, offset, id, .. } = Lines::read(row)?;
        order.push((source, segment, offset, id, key.to_vec()));
        Ok(true)
    })?;
    order.sort_unstable();
    let (from, until) = FeeReports::keys(contract);
    let stated = |order: &[Lies], left_out| {
        let mut stating = Stating::new(contract, known, month, left_out, tariff)?;
        for (.., key) in order {
            let row = snap.row(of_batches, key)?.ok_or(QueryError::NotFound)?;
            stating.take(&Lines::read(&row)?)?;
        }
        snap.rows::<QueryError>(of_reports, &from, &until, |_, row| {
            stating.report(FeeReports::read(row)?);
            Ok(true)
        })?;
        let contested = stating.contested();
        Ok::<_, QueryError>((stating.finish()?, contested))
    };
    let (mut statement, contested) = stated(&order, HashSet::new())?;
    if !contested.is_empty() {
        let (without, _) = stated(&order, contested)?;
        statement.total_without_conflicts = Some(without.fee.total);
        order.sort_by(|a, b| (&a.0, &a.1, a.2, b.3).cmp(&(&b.0, &b.1, b.2, a.3)));
        let (others, _) = stated(&order, HashSet::new())?;
        statement.total_with_others = Some(others.fee.total);
    }
    Ok(statement)
}
