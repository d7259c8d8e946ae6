//! The books: that they are balanced at every record, agree with the other views, and are told to whom they belong.

mod agree;
mod made;
mod random;
mod told;

use std::collections::BTreeMap;

use kippu_events::EntityId;
use kippu_events::approvals::offers::Offer;
use kippu_events::approvals::settlements::Settlement;
use serde_json::Value;

use self::made::{Made, delivered, settlement};
use super::sample::{BEGIN, minor};
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

/// The sample, and after it two settlements and a delivery.
fn told() -> (SampleHistory, Running) {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 1_500);
    let mut made = Made::after(BEGIN + 2_000 * 3_600_000_000, 3);
    for n in [50, 60] {
        let [shop, issuer, approval, id] = [n, 51, n + 2, n + 3].map(|n| EntityId::from_hash(&[n; 32]));
        settlement(shop, issuer, approval).into_iter().for_each(|event| made.event::<Settlement>(id, event));
    }
    made.event::<Offer>(EntityId::from_hash(&[71; 32]), delivered(EntityId::from_hash(&[72; 32]), minor(990)));
    for beat in &made.beats {
        log.write(beat);
    }
    (sample, Running::over(log))
}
