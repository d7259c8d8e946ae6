//! `ledger-entries`: the journal. For who sees all accounts: an entry names all that take part in it.
//!
//! ```text
//! 0 ‖ entry                  the row
//! 1 ‖ time ‖ entry           by time
//! 6 ‖ cause ‖ time ‖ entry   by what caused it
//! ```

use kippu_events::access::Role;
use kippu_events::event::EventId;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityKey, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::entry::{Side, What, entry};
use super::lines::{ENTRY_BYTES, entry_key, entry_of, sorted};
use super::period::Period;
use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{decode, encode};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Plan, Presented, Table, View, main_key};

/// See the module.
pub struct Entries;

#[derive(Serialize, Deserialize)]
struct Row {
    at: Time,
    what: What,
    currency: Currency,
    cause: [u8; EntityKey::BYTES],
    note: Option<String>,
    lines: Vec<([u8; Account::BYTES], Side, Minor)>,
}

/// One side of an entry.
#[derive(Serialize, schemars::JsonSchema)]
struct EntryLine {
    /// The account.
    account: String,
    /// How much.
    amount: Minor,
    /// On which side.
    side: Side,
}

/// An entry.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// When it was decided.
    at: Time,
    /// The approval, settlement, offer or user that caused it, as `approvals/ID`.
    cause: String,
    /// Currency of every amount here.
    currency: Currency,
    /// The event that it is, by its place in the log.
    id: String,
    /// What is entered where: debits and credits are equal.
    lines: Vec<EntryLine>,
    /// Its calendar month in UTC.
    month: String,
    /// What the operator wants to stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What it is about.
    what: What,
}

const BY_TIME: u8 = 1;
const BY_CAUSE: u8 = 6;

fn bound(by: u8, value: &[u8], time: Time) -> Vec<u8> {
    [&[by], value, &sorted(time.micros())].concat()
}

impl View for Entries {
    fn name(&self) -> &'static str {
        "ledger-entries"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let Some(entry) = entry(event, rows)? else { return Ok(()) };
        let (key, cause) = (entry_key(event.id), entry.cause.to_bytes());
        let lines = entry.moves.iter().map(|line| (line.account.key(), line.side, line.amount)).collect();
        let row = Row { at: event.time, what: entry.what, currency: entry.currency, cause, note: entry.note, lines };
        rows.index(&main_key(&key), encode(&row));
        rows.index(&[&bound(BY_TIME, &[], event.time)[..], &key].concat(), Vec::new());
        rows.index(&[&bound(BY_CAUSE, &cause, event.time)[..], &key].concat(), Vec::new());
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

const CAUSE: &str = "cause";
const MONTH: &str = "month";
const FROM: &str = "from";
const TO: &str = "to";

fn cause_of(ask: &Ask<'_>) -> Result<Option<EntityKey>, QueryError> {
    ask.filters.value(CAUSE)
}

fn id_of(key: &[u8]) -> Result<EventId, NotARow> {
    entry_of(key).ok_or_else(|| NotARow("its key is no entry".to_owned()))
}

impl Table for Entries {
    fn summary(&self) -> &'static str {
        "Entries in accounts, in the order in which they were made. Debits and credits of each are equal."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        let (partition, rest) = text.split_once('-')?;
        let (number, index) = rest.split_once('.')?;
        let (partition, number, index) = (partition.parse().ok()?, number.parse().ok()?, index.parse().ok()?);
        Some(entry_key(EventId { partition, number, index }).to_vec())
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        id_of(key).map(|id| id.to_string())
    }

    fn indexed<'k>(&self, index: &'k [u8]) -> Option<&'k [u8]> {
        index.last_chunk::<ENTRY_BYTES>().map(<[u8; ENTRY_BYTES]>::as_slice)
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::any(CAUSE, "what caused it, as `approvals/ID`, `settlements/ID`, `offers/ID` or `users/ID`"),
                Filter::any(MONTH, "in this calendar month in UTC, as `2026-11`"),
                Filter::any(FROM, "at or after this time (RFC 3339)"),
                Filter::any(TO, "before this time (RFC 3339)"),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        let month: Option<Period> = ask.filters.value(MONTH)?;
        let from = ask.filters.value(FROM)?.unwrap_or(Time::from_micros(i64::MIN));
        let until = ask.filters.value(TO)?.unwrap_or(Time::from_micros(i64::MAX));
        let (from, until) = match month {
            Some(month) => (from.max(month.from()), until.min(month.until())),
            None => (from, until),
        };
        let cause = cause_of(ask)?.map(EntityKey::to_bytes);
        let (by, value) = cause.as_ref().map_or((BY_TIME, &[][..]), |cause| (BY_CAUSE, &cause[..]));
        Ok(Plan::Range { from: bound(by, value, from), until: bound(by, value, until.max(from)) })
    }

    fn present(&self, key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Row { at, what, currency, cause, note, lines } = decode(row)?;
        let cause = EntityKey::from_bytes(&cause).ok_or_else(|| NotARow("its cause is no entity".to_owned()))?;
        let line = |(account, side, amount): ([u8; Account::BYTES], Side, Minor)| {
            let account = Account::of_key(&account).ok_or_else(|| NotARow("it names no account".to_owned()))?;
            Ok::<_, NotARow>(EntryLine { account: account.to_string(), amount, side })
        };
        let shown = Shown {
            at,
            cause: cause.to_string(),
            currency,
            id: id_of(key)?.to_string(),
            lines: lines.into_iter().map(line).collect::<Result<_, _>>()?,
            month: at.month(),
            note,
            what,
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version: 1 }))
    }
}
