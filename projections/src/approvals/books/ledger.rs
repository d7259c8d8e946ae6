//! `ledger`: every account, with what was entered on each side, in all and by calendar month in UTC.
//!
//! ```text
//! 0 ‖ account  the row: a sum over all partitions
//! ```
//!
//! Lines and days are in `lines.rs`, what is remembered between events in `entry.rs`.

use std::collections::BTreeMap;

use kippu_events::access::Role;
use kippu_events::money::Currency;
use kippu_events::{EntityId, Family, NotAnEvent, Recorded, Time};
use serde::Serialize;

use super::account::{Account, OwnerKind};
use super::entry::entry;
use super::lines::{Lines, Sums, Totals};
use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::row::{decode, encode};
use crate::rows::Rows;
use crate::view::{Ask, Filter, MAIN, Plan, Presented, Table, View, main_key};

/// See the module.
pub struct Ledger;

/// What was entered in one calendar month in UTC.
#[derive(Serialize, schemars::JsonSchema)]
struct AccountMonth {
    /// Entered on the credit side.
    credit: u64,
    /// Entered on the debit side.
    debit: u64,
    /// How many entries.
    entries: u64,
}

/// An account.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// Its name.
    account: String,
    /// Debit without credit: what the owner owes, and less than nothing where the owner is owed. The balances of all accounts
    /// in one currency add up to zero.
    balance: i64,
    /// Of what it is: `purchases`, `reserved`, `deposits`, `points`, `line`, `fees`, `settlements`, `deliveries`, `sales`, or what the node itself has an
    /// account for.
    category: &'static str,
    /// Entered on the credit side.
    credit: u64,
    /// Currency of every amount here.
    currency: Currency,
    /// Entered on the debit side.
    debit: u64,
    /// How many entries.
    entries: u64,
    /// By calendar month in UTC, as `2026-11`.
    months: BTreeMap<String, AccountMonth>,
    /// Whose it is: a user, a shop, a settlement server, an authentication server; nobody's where it is this node's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<EntityId>,
    /// As what.
    owner_kind: OwnerKind,
}

impl From<Sums> for AccountMonth {
    fn from(Sums { debit, credit, entries }: Sums) -> Self {
        Self { credit, debit, entries }
    }
}

impl View for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let Some(entry) = entry(event, rows)? else { return Ok(()) };
        let month = event.time.month();
        for line in &entry.moves {
            let key = main_key(&line.account.key());
            let mut totals: Totals = rows.get(&key).and_then(|bytes| decode(bytes).ok()).unwrap_or_default();
            totals.add(&month, line.side, line.amount);
            rows.put(&key, encode(&totals));
            Lines::of(&line.account).put(rows, event.id, event.time, &entry, line);
        }
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

/// What was entered in all months before that of `time`, by the row of an account.
///
/// # Errors
/// Where the bytes are none of this view's.
pub(crate) fn before(row: &[u8], time: Time) -> Result<Sums, NotARow> {
    let (Totals { months, .. }, month) = (decode(row)?, time.month());
    let mut sums = Sums::default();
    months.range(..month).for_each(|(_, of)| sums.join(*of));
    Ok(sums)
}

const OWNER: &str = "owner";
const OWNER_KIND: &str = "owner_kind";
const CATEGORY: &str = "category";
const CURRENCY: &str = "currency";

fn account_of(key: &[u8]) -> Result<Account, NotARow> {
    Account::of_key(key).ok_or_else(|| NotARow("its key is no account".to_owned()))
}

impl Table for Ledger {
    fn summary(&self) -> &'static str {
        "Accounts, with what was entered on each side, in all and by calendar month in UTC."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        text.parse().ok().map(|account: Account| account.key().to_vec())
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        account_of(key).map(|account| account.to_string())
    }

    fn grants(&self) -> &'static [Grant] {
        const {
            &[
                Grant::all(Role::Operator),
                Grant::own(Role::Terminal, Owner::User),
                Grant::own(Role::Subscriber, Owner::User),
                Grant::own(Role::Settler, Owner::Client),
                Grant::own(Role::Shop, Owner::Client),
                Grant::own(Role::Authenticator, Owner::Client),
            ]
        }
    }

    fn owners(&self, key: &[u8], _row: &[u8]) -> Result<Owners, NotARow> {
        let account = account_of(key)?;
        Ok(match (account.owner_kind(), account.owner()) {
            (OwnerKind::Subscriber, Some(owner)) => Owners::user(owner),
            (OwnerKind::Settler | OwnerKind::Shop | OwnerKind::Issuer, Some(owner)) => Owners::client(owner),
            (OwnerKind::House, _) | (_, None) => Owners::default(),
        })
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::any(OWNER, "whose it is, by its id"),
                Filter::of(OWNER_KIND, "as what", &OwnerKind::NAMES),
                Filter::any(CATEGORY, "of what it is"),
                Filter::any(CURRENCY, "in which currency"),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        let own = ask.own.map(|(_, id)| id);
        let owner = own.map_or_else(|| ask.filters.value(OWNER), |own| Ok(Some(own)))?;
        Ok(owner.map_or_else(Plan::all, |owner: EntityId| {
            let from = [&[MAIN], &owner.as_bytes()[..]].concat();
            let until = [&from[..], &[u8::MAX]].concat();
            Plan::Range { from, until }
        }))
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let account = account_of(key)?;
        let owner = account.owner();
        if ask.filters.value(OWNER)?.is_some_and(|asked: EntityId| Some(asked) != owner)
            || !ask.filters.admits(OWNER_KIND, account.owner_kind().name())
            || !ask.filters.admits(CATEGORY, account.category())
            || !ask.filters.admits(CURRENCY, account.currency().code())
        {
            return Ok(None);
        }
        let Totals { all, months } = decode(row)?;
        let shown = Shown {
            account: account.to_string(),
            balance: all.balance(),
            category: account.category(),
            credit: all.credit,
            currency: account.currency(),
            debit: all.debit,
            entries: all.entries,
            months: months.into_iter().map(|(month, of)| (month, of.into())).collect(),
            owner,
            owner_kind: account.owner_kind(),
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version: all.entries }))
    }
}
