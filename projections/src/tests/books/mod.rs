//! The books: that they are balanced at every record, agree with the other views, and are told to whom they belong.

mod agree;
mod made;
mod random;
mod told;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Running, SampleHistory, Scripted, seed};
use crate::fold::Fold;
use crate::view::{Ask, Filters, MAIN, Table};

/// The rows of a table in memory, as an operator sees them.
fn shown(fold: &Fold<'_>, table: &dyn Table) -> Vec<Value> {
    let filters = Filters::default();
    let ask = Ask { own: None, hidden: &[], filters: &filters, decrypt: None };
    let of_table = fold.rows().filter_map(|(key, row)| Some((key.strip_prefix(&[MAIN])?, row)));
    of_table.map(|(key, row)| table.present(key, row, &ask).unwrap().unwrap().row.value()).collect()
}

fn units(row: &Value, member: &str) -> i64 {
    row[member].as_i64().unwrap_or_else(|| panic!("no {member} in {row}"))
}

/// The sums of both sides of all accounts, by currency.
fn sums(accounts: &[Value]) -> BTreeMap<String, (i64, i64)> {
    let mut sums = BTreeMap::<String, (i64, i64)>::new();
    for account in accounts {
        assert_eq!(units(account, "balance"), units(account, "debit") - units(account, "credit"));
        let of = sums.entry(account["currency"].as_str().unwrap().to_owned()).or_default();
        *of = (of.0 + units(account, "debit"), of.1 + units(account, "credit"));
    }
    sums
}

fn told() -> (SampleHistory, Running) {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 1_500);
    (sample, Running::over(log))
}
