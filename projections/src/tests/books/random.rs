//! That the books are balanced at every record of random histories.

use std::collections::BTreeMap;

use kippu_events::EntityId;
use kippu_events::access::users::{self, Category, LimitSource, User};
use kippu_events::approvals::offers::Offer;
use kippu_events::approvals::settlements::Settlement;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use super::super::sample::{Beat, euro, minor};
use super::super::{SampleHistory, Scripted, apply, entries, seed};
use super::made::{Made, at_every_record, delivered, given_back, refunded, registered, settlement};
use super::{shown, units};
use crate::approvals::books::{Entries, Ledger};
use crate::fold::Fold;

fn parties<const N: usize>(rng: &mut StdRng) -> [EntityId; N] {
    std::array::from_fn(|_| {
        let mut hash = [0; 32];
        rng.fill(&mut hash);
        EntityId::from_hash(&hash)
    })
}

/// What settlement servers, shops and an operator do, in no order in particular.
fn between_parties(rng: &mut StdRng, records: usize) -> Vec<Beat> {
    let mut made = Made::new();
    let (shops, settlers, issuers) = (parties::<3>(rng), parties::<2>(rng), parties::<2>(rng));
    let users = parties::<3>(rng);
    for user in users {
        made.event::<User>(user, registered(LimitSource::Prepaid, minor(rng.random_range(0..5_000))));
    }
    let (mut settled, mut offers) = (Vec::new(), Vec::new());
    while made.beats.len() < records {
        let [id, approval] = parties(rng);
        let amount = minor(rng.random_range(0..40));
        match rng.random_range(0..6) {
            0 | 1 => {
                let (shop, issuer) = (shops[rng.random_range(0..3)], issuers[rng.random_range(0..2)]);
                for event in settlement(shop, issuer, approval) {
                    made.event::<Settlement>(id, event);
                }
                settled.push(id);
            }
            2 if !settled.is_empty() => {
                let id = settled[rng.random_range(0..settled.len())];
                for event in given_back(amount) {
                    made.event::<Settlement>(id, event);
                }
            }
            3 => {
                offers.push((id, settlers[rng.random_range(0..2)], amount));
                let (id, settler, amount) = offers[rng.random_range(0..offers.len())];
                made.event::<Offer>(id, delivered(settler, amount));
                if rng.random() {
                    made.event::<Offer>(id, refunded(settler, amount));
                }
            }
            4 => {
                let category = if rng.random() { Category::Line } else { Category::Fee };
                let (currency, takes_back) = (euro(), rng.random());
                let charged = users::Event::Charged { category, amount, currency, note: None, takes_back };
                made.event::<User>(users[rng.random_range(0..3)], charged);
            }
            _ => {
                let credited = users::Event::Credited { amount, limit: amount, currency: euro(), approval: None };
                made.event::<User>(users[rng.random_range(0..3)], credited);
            }
        }
    }
    made.beats
}

/// Shows D42, D43.
#[test]
fn the_sum_of_all_accounts_is_zero_at_every_record_and_so_is_every_trial_balance() {
    let mut sample = SampleHistory::new(seed(), 3);
    let of_approvals: Vec<Beat> = (0..600).map(|_| sample.next()).collect();
    let between = between_parties(&mut StdRng::seed_from_u64(seed()), 300);
    for beats in [of_approvals, between] {
        let mut moved = 0;
        at_every_record(&beats, |accounts| moved += usize::from(!accounts.is_empty()));
        assert!(moved > beats.len() / 2, "money moved before {moved} records");
    }
}

/// Shows D43.
#[test]
fn debits_and_credits_of_every_entry_are_equal_and_entries_add_up_to_accounts() {
    let log = Scripted::telling(&mut SampleHistory::new(seed(), 3), 2_000);
    let (mut ledger, mut journal) = (Fold::new(&Ledger), Fold::new(&Entries));
    for entry in (0..3).flat_map(|partition| entries(&*log, partition)) {
        apply(&mut ledger, &entry);
        apply(&mut journal, &entry);
    }
    let mut accounts: BTreeMap<String, i64> = BTreeMap::new();
    for entry in shown(&journal, &Entries) {
        let signed =
            |line: &Value| if line["side"] == "debit" { units(line, "amount") } else { -units(line, "amount") };
        let lines = entry["lines"].as_array().unwrap();
        assert!(lines.len() >= 2 && lines.iter().map(signed).sum::<i64>() == 0, "{entry}");
        lines.iter().for_each(|line| {
            *accounts.entry(line["account"].as_str().unwrap().to_owned()).or_default() += signed(line)
        });
    }
    let of_ledger = shown(&ledger, &Ledger);
    let balance = |row: &Value| (row["account"].as_str().unwrap().to_owned(), units(row, "balance"));
    assert_eq!(accounts, of_ledger.iter().map(balance).collect());
}
