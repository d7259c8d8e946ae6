//! That accounts say what the other views say.

use std::collections::BTreeMap;

use kippu_events::EntityId;
use kippu_events::access::Caller;
use kippu_events::approvals::settlements::Settlement;
use serde_json::Value;

use super::super::Running;
use super::super::sample::minor;
use super::super::scripted::Scripted;
use super::super::shown::rows;
use super::made::{Made, given_back, settlement};
use super::{told, units};
use crate::queries::{Queries, QueryError};

fn balance_of(queries: &Queries, account: &str) -> i64 {
    match queries.get("ledger", account, &Caller::OPERATOR, false) {
        Ok(found) => units(&found.row.value(), "balance"),
        Err(error) => {
            assert_eq!(error, QueryError::NotFound, "{account}");
            0
        }
    }
}

/// Shows D34, D43.
#[test]
fn accounts_say_what_users_approvals_and_settlements_say() {
    let (sample, running) = told();
    let queries = running.caught_up();
    for user in rows(&queries, "spending", &Caller::OPERATOR, &[]) {
        let account = |category: &str| format!("subscriber.{}.{category}.EUR", user["id"].as_str().unwrap());
        assert_eq!(balance_of(&queries, &account("purchases")), units(&user, "charged"));
        assert_eq!(balance_of(&queries, &account("reserved")), units(&user, "reserved"));
    }
    let kept = |row: &Value, settled: &str, back: &str| units(row, settled) - row[back].as_i64().unwrap_or(0);
    let approvals = rows(&queries, "approvals", &Caller::OPERATOR, &[("state", "settled".to_owned())]);
    let mut all = 0;
    for settler in &sample.settlers {
        let own = approvals.iter().filter(|row| row["settler"] == settler.to_string());
        let owed: i64 = own.map(|row| kept(row, "settled_amount", "refunded_amount")).sum();
        assert_eq!(balance_of(&queries, &format!("settler.{settler}.settlements.EUR")), -owed);
        all += owed;
    }
    assert!(all > 0);
    assert_eq!(balance_of(&queries, "house.clearing.EUR"), 0, "charged and settled are the same here");
}

/// Shows D34, D43.
#[test]
fn accounts_of_a_settlement_server_say_what_its_settlements_say() {
    let [shop, other, issuer] = [1, 2, 3].map(|n| EntityId::from_hash(&[n; 32]));
    let mut made = Made::new();
    for n in 10..30 {
        let (shop, approval, id) = (if n % 3 == 0 { other } else { shop }, n, EntityId::from_hash(&[n + 100; 32]));
        for event in settlement(shop, issuer, EntityId::from_hash(&[approval; 32])) {
            made.event::<Settlement>(id, event);
        }
        if n % 4 == 0 {
            for event in given_back(minor(n.into())) {
                made.event::<Settlement>(id, event);
            }
        }
    }
    let log = Scripted::new(1);
    for beat in &made.beats {
        log.write(beat);
    }
    let running = Running::over(log);
    let queries = running.caught_up();
    let settlements = rows(&queries, "settlements", &Caller::OPERATOR, &[("state", "settled".to_owned())]);
    assert_eq!(settlements.len(), 20);
    for of in ["shop", "issuer"] {
        let mut owed: BTreeMap<&str, i64> = BTreeMap::new();
        for row in &settlements {
            let kept = units(row, "settled_amount") - row["refunded"].as_i64().unwrap_or(0);
            *owed.entry(row[of].as_str().unwrap()).or_default() += kept;
        }
        for (owner, owed) in owed {
            let expected = if of == "shop" { ("sales", -owed) } else { ("settlements", owed) };
            assert_eq!(balance_of(&queries, &format!("{of}.{owner}.{}.EUR", expected.0)), expected.1);
        }
    }
}
