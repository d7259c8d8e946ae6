//! The purchases file in the CDNOW layout – customer, yyyymmdd, quantity, amount, divided by white space – and what
//! plain arithmetic says about it.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use sha2::{Digest as _, Sha256};

/// One line of the file.
pub(crate) struct Purchase {
    /// Its number in the file, from 1.
    pub(crate) line: usize,
    /// As in the file: yyyymmdd.
    pub(crate) date: String,
    /// How many.
    pub(crate) quantity: u32,
    /// Minor units.
    pub(crate) amount: u64,
}

/// A customer and its purchases, in file order.
pub(crate) struct Customer {
    /// As in the file.
    pub(crate) name: String,
    /// In file order.
    pub(crate) purchases: Vec<Purchase>,
}

/// The whole file.
pub(crate) struct Purchases {
    /// In the order of their first purchase.
    pub(crate) customers: Vec<Customer>,
    /// The first characters of the file's SHA-256, which tells its commands from those of another file.
    pub(crate) digest: String,
}

/// The text in `path`, which must be UTF-8, without a byte order mark and with every line ended by LF, however it was
/// written.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow!("{}: line {line}: it is not UTF-8, or no text at all", path.display())
    })?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n"))
}

/// A line that is none of the layout.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(crate) struct Malformed {
    line: usize,
    reason: &'static str,
}

impl Purchases {
    /// Reads `text`. Blank lines are skipped; anything else that is not a purchase is an error.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut customers: Vec<Customer> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (index, text) in text.lines().enumerate() {
            let line = index + 1;
            let wrong = |reason| Malformed { line, reason };
            let mut fields = text.split_whitespace();
            let Some(name) = fields.next() else { continue };
            let (Some(date), Some(quantity), Some(amount), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(wrong("a purchase has four fields: customer, date, quantity, amount"));
            };
            if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong("a date has eight digits: yyyymmdd"));
            }
            let quantity = quantity.parse().map_err(|_| wrong("a quantity is a whole number"))?;
            let amount = minor_units(amount).ok_or_else(|| wrong("an amount has at most two decimals"))?;
            let place = *places.entry(name.to_owned()).or_insert_with(|| {
                customers.push(Customer { name: name.to_owned(), purchases: Vec::new() });
                customers.len() - 1
            });
            customers[place].purchases.push(Purchase { line, date: date.to_owned(), quantity, amount });
        }
        let digest = Sha256::digest(text.as_bytes());
        Ok(Self { customers, digest: data_encoding::HEXLOWER.encode(&digest[..6]) })
    }

    /// How many purchases there are.
    pub(crate) fn len(&self) -> usize {
        self.customers.iter().map(|customer| customer.purchases.len()).sum()
    }
}

impl Customer {
    /// What must come of this customer's purchases: each is permitted that fits into what is left of `limit`.
    pub(crate) fn tally(&self, limit: u64) -> Tally {
        let mut tally = Tally::default();
        for purchase in &self.purchases {
            let permitted = tally.permitted_sum + purchase.amount <= limit;
            tally.count(permitted, purchase.amount);
        }
        tally
    }
}

/// Counts and sums, in minor units.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    /// Purchases that were permitted.
    pub(crate) permitted: u64,
    /// Their sum.
    pub(crate) permitted_sum: u64,
    /// Purchases that were refused.
    pub(crate) refused: u64,
    /// Their sum.
    pub(crate) refused_sum: u64,
}

impl Tally {
    /// Counts one purchase.
    pub(crate) fn count(&mut self, permitted: bool, amount: u64) {
        let (number, sum) = if permitted {
            (&mut self.permitted, &mut self.permitted_sum)
        } else {
            (&mut self.refused, &mut self.refused_sum)
        };
        *number += 1;
        *sum += amount;
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            permitted: a.permitted + b.permitted,
            permitted_sum: a.permitted_sum + b.permitted_sum,
            refused: a.refused + b.refused,
            refused_sum: a.refused_sum + b.refused_sum,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permitted, permitted_sum, refused, refused_sum } = self;
        write!(f, "{permitted:>6} permitted {:>13}", decimal(*permitted_sum))?;
        write!(f, "   {refused:>6} refused {:>13}", decimal(*refused_sum))
    }
}

/// `11.77` is 1177 minor units, exactly. Nothing but digits and one point with one or two digits behind it.
pub(crate) fn minor_units(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let cents: u64 = decimals.parse().ok()?;
    let cents = if decimals.len() == 1 { cents * 10 } else { cents };
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(cents)
}

/// 1177 minor units are `11.77`.
pub(crate) fn decimal(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}
