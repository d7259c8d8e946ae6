//! The lines of accounts, by time, and the sums of each day: what statements are made of.
//!
//! ```text
//! 1 ‖ account ‖ time ‖ entry   a line
//! 5 ‖ account ‖ day            the sums of a day
//! ```

use std::collections::BTreeMap;

use kippu_events::event::EventId;
use kippu_events::money::Minor;
use kippu_events::{EntityKey, Time};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::entry::{Entry, Move, Side, What};
use crate::error::NotARow;
use crate::row::{decode, encode};
use crate::rows::Rows;

const LINE: u8 = 1;
const DAY: u8 = 5;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// What went into an account. Sums stay far inside 64 bits: there is room for eighteen thousand of the largest amount.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) debit: u64,
    pub(crate) credit: u64,
    pub(crate) entries: u64,
}

impl Sums {
    pub(super) const fn add(&mut self, side: Side, amount: Minor) {
        match side {
            Side::Debit => self.debit = self.debit.saturating_add(amount.units()),
            Side::Credit => self.credit = self.credit.saturating_add(amount.units()),
        }
        self.entries += 1;
    }

    /// With what was entered elsewhere.
    pub(crate) const fn join(&mut self, Self { debit, credit, entries }: Self) {
        self.debit = self.debit.saturating_add(debit);
        self.credit = self.credit.saturating_add(credit);
        self.entries += entries;
    }

    /// Debit without credit.
    pub(crate) fn balance(self) -> i64 {
        let balance = i128::from(self.debit) - i128::from(self.credit);
        i64::try_from(balance).unwrap_or(if balance < 0 { i64::MIN } else { i64::MAX })
    }
}

/// What went into an account, in all and by `2026-11`.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) all: Sums,
    pub(super) months: BTreeMap<String, Sums>,
}

impl Totals {
    pub(super) fn add(&mut self, month: &str, side: Side, amount: Minor) {
        self.all.add(side, amount);
        self.months.entry(month.to_owned()).or_default().add(side, amount);
    }
}

/// Where an entry lies among the others.
pub(super) const ENTRY_BYTES: usize = 14;

pub(super) fn entry_key(id: EventId) -> [u8; ENTRY_BYTES] {
    let mut key = [0; ENTRY_BYTES];
    key[..2].copy_from_slice(&id.partition.to_be_bytes());
    key[2..10].copy_from_slice(&id.number.to_be_bytes());
    key[10..].copy_from_slice(&id.index.to_be_bytes());
    key
}

pub(super) fn entry_of(key: &[u8]) -> Option<EventId> {
    let (partition, rest) = key.split_first_chunk()?;
    let (number, index) = rest.split_first_chunk()?;
    let index = u32::from_be_bytes(index.try_into().ok()?);
    Some(EventId { partition: u16::from_be_bytes(*partition), number: u64::from_be_bytes(*number), index })
}

/// As keys have a time, or a day: with its sign bit turned, an i64 sorts as its bytes do.
pub(super) const fn sorted(number: i64) -> [u8; 8] {
    (number ^ i64::MIN).to_be_bytes()
}

const fn from_sorted(bytes: [u8; 8]) -> i64 {
    i64::from_be_bytes(bytes) ^ i64::MIN
}

const fn day_of(time: Time) -> i64 {
    time.micros().div_euclid(MICROS_OF_DAY)
}

/// A line as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    side: Side,
    amount: Minor,
    what: What,
    cause: [u8; EntityKey::BYTES],
    note: Option<String>,
}

/// A line as it is read.
pub(crate) struct Read {
    pub(crate) entry: EventId,
    pub(crate) at: Time,
    pub(crate) what: What,
    pub(crate) cause: EntityKey,
    pub(crate) note: Option<String>,
    pub(crate) side: Side,
    pub(crate) amount: Minor,
}

/// The lines of one account.
pub(crate) struct Lines([u8; Account::BYTES]);

impl Lines {
    pub(crate) fn of(account: &Account) -> Self {
        Self(account.key())
    }

    /// Writes one of them.
    pub(super) fn put(&self, rows: &mut Rows<'_>, id: EventId, at: Time, entry: &Entry, line: &Move) {
        let Move { side, amount, .. } = *line;
        let kept = Kept { side, amount, what: entry.what, cause: line.cause.to_bytes(), note: entry.note.clone() };
        let key = [&[LINE], &self.0[..], &sorted(at.micros()), &entry_key(id)].concat();
        rows.index(&key, encode(&kept));
        let day = self.day(day_of(at));
        let mut sums: Sums = rows.get(&day).and_then(|bytes| decode(bytes).ok()).unwrap_or_default();
        sums.add(line.side, line.amount);
        rows.put(&day, encode(&sums));
    }

    fn day(&self, day: i64) -> Vec<u8> {
        [&[DAY], &self.0[..], &sorted(day)].concat()
    }

    /// The keys of the lines from `from` up to but without `until`.
    pub(crate) fn between(&self, from: Time, until: Time) -> (Vec<u8>, Vec<u8>) {
        let at = |time: Time| [&[LINE], &self.0[..], &sorted(time.micros())].concat();
        (at(from), at(until))
    }

    /// The keys of the sums of days from that of `from` up to but without that of `until`.
    pub(crate) fn days(&self, from: Time, until: Time) -> (Vec<u8>, Vec<u8>) {
        (self.day(day_of(from)), self.day(day_of(until)))
    }

    /// The line under `key`.
    pub(crate) fn read(key: &[u8], row: &[u8]) -> Result<Read, NotARow> {
        let wrong = || NotARow("a line of an account lies elsewhere".to_owned());
        let behind = key.get(1 + Account::BYTES..).ok_or_else(wrong)?;
        let (time, entry) = behind.split_first_chunk().ok_or_else(wrong)?;
        let Kept { side, amount, what, cause, note } = decode(row)?;
        Ok(Read {
            entry: entry_of(entry).ok_or_else(wrong)?,
            at: Time::from_micros(from_sorted(*time)),
            what,
            note,
            cause: EntityKey::from_bytes(&cause).ok_or_else(wrong)?,
            side,
            amount,
        })
    }
}

/// The sums of a day, as they are kept.
///
/// # Errors
/// Where the bytes are none.
pub(crate) fn day(row: &[u8]) -> Result<Sums, NotARow> {
    decode(row)
}
