//! `trial-balances`: per currency, what was entered on each side of all accounts together, in all and by calendar month.
//!
//! ```text
//! 0 ‖ currency  the row: a sum over all partitions
//! ```
//!
//! What is remembered between events is in `entry.rs`.

use std::collections::BTreeMap;

use kippu_events::access::Role;
use kippu_events::money::Currency;
use kippu_events::{Family, NotAnEvent, Recorded};
use serde::Serialize;

use super::entry::entry;
use super::lines::Totals;
use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{decode, encode};
use crate::rows::Rows;
use crate::view::{Ask, Presented, Table, View, main_key};

/// See the module.
pub struct TrialBalances;

/// The trial balance of one currency.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// Debit without credit: zero, or the books are wrong.
    balance: i64,
    /// Entered on the credit side.
    credit: u64,
    /// Which.
    currency: Currency,
    /// Entered on the debit side.
    debit: u64,
    /// How many lines.
    lines: u64,
    /// By calendar month in UTC, as `2026-11`.
    months: BTreeMap<String, Month>,
}

/// The trial balance of one calendar month in UTC.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "TrialMonth")]
struct Month {
    /// Entered on the credit side.
    credit: u64,
    /// Entered on the debit side.
    debit: u64,
}

impl View for TrialBalances {
    fn name(&self) -> &'static str {
        "trial-balances"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let Some(entry) = entry(event, rows)? else { return Ok(()) };
        let month = event.time.month();
        let key = main_key(entry.currency.code().as_bytes());
        let mut totals: Totals = rows.get(&key).and_then(|bytes| decode(bytes).ok()).unwrap_or_default();
        entry.moves.iter().for_each(|line| totals.add(&month, line.side, line.amount));
        rows.put(&key, encode(&totals));
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

fn currency_of(key: &[u8]) -> Result<Currency, NotARow> {
    let code = std::str::from_utf8(key).ok().and_then(|code| code.parse().ok());
    code.ok_or_else(|| NotARow("its key is no currency".to_owned()))
}

impl Table for TrialBalances {
    fn summary(&self) -> &'static str {
        "What was entered on each side of all accounts together, by currency: debits and credits are equal."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        text.parse().ok().map(|currency: Currency| currency.code().as_bytes().to_vec())
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        currency_of(key).map(|currency| currency.to_string())
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn present(&self, key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Totals { all, months } = decode(row)?;
        let shown = Shown {
            balance: all.balance(),
            credit: all.credit,
            currency: currency_of(key)?,
            debit: all.debit,
            lines: all.entries,
            months: months
                .into_iter()
                .map(|(month, of)| (month, Month { credit: of.credit, debit: of.debit }))
                .collect(),
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version: all.entries }))
    }
}
