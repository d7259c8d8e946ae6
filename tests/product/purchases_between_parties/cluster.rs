//! A settlement server and a shop of two nodes each, over one log on Kafka.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::fixture::{first, say};
use crate::http::{Caller, Reply};
use crate::parties::{End, Parties, Patient, key};

/// Purchases at once: so many that each of two nodes owes something for one of them.
const AT_ONCE: usize = 24;

/// Waits until the node where `operator` is owes something.
async fn owes(operator: &Caller) {
    let owed = async || operator.try_get("/v1/activities", None).await;
    let any = |reply: &Result<Reply, _>| {
        reply.as_ref().is_ok_and(|reply: &Reply| reply.status == 200 && reply.json()["data"] != json!([]))
    };
    let reply = first(owed, any).await;
    assert!(any(&reply), "{reply:?}");
}

/// What each purchase ended in: settled, with this file.
async fn bought(purchases: Arc<Vec<Patient>>, product: String, file: String) -> Vec<Value> {
    let ends = join_all(purchases.iter().map(|purchase| purchase.buy(&product))).await;
    let row = |end| match end {
        End::Over(row, files) => {
            assert_eq!((&row["state"], files.as_slice()), (&json!("settled"), std::slice::from_ref(&file)), "{row}");
            row
        }
        End::Refused(reason) => panic!("refused: {reason}"),
    };
    ends.into_iter().map(row).collect()
}

/// Whichever node has fetched a file, each gives it out; and what was given back is known to the shop, whichever of its nodes is
/// told. Gives what was sold.
async fn every_node_gives_it_out(parties: &Parties) -> u64 {
    let (product, bytes) = parties.product(100).await;
    let buyer = parties.buyer(10_000).await;
    for _ in 0..4 {
        let bought = parties.buy(&buyer, &product).await;
        let path = format!(
            "/v1/settlements/{}/content/{}",
            bought.row["id"].as_str().unwrap(),
            bought.row["contents"][0]["n"]
        );
        for node in parties.settler.nodes() {
            let file = bought.holder.at(node.url()).get(&path).await.expect(200);
            assert_eq!(file.text.as_bytes(), bytes);
        }
    }
    parties.settler.owes_nothing().await;
    let id = parties.settler.rows("settlements").await[0]["id"].as_str().unwrap().to_owned();
    let refund = json!({ "amount": 40 });
    parties.settler.do_once(&format!("/v1/settlements/{id}/refund"), &key("refund"), &refund).await.expect(200);
    parties.settler.owes_nothing().await;
    let refunded = async || {
        let offers = parties.shop.rows("offers").await;
        offers.iter().filter_map(|row| row.pointer("/delivery/refunded")?.as_u64()).sum::<u64>()
    };
    assert_eq!(first(refunded, |refunded| *refunded == 40).await, 40);
    4 * 100
}

/// Shows D30, D34, D36, F36, F44, F46. Keeps R3, T1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_that_is_killed_owed_is_done_by_the_other_and_every_purchase_is_settled_once() {
    let mut parties = Parties::start_with_twins().await;
    parties.settle_on("settle_first", 50).await;
    let before = every_node_gives_it_out(&parties).await;
    let (product, bytes) = parties.product(100).await;
    let file = String::from_utf8(bytes).unwrap();
    let buyer = parties.buyer(1_000_000).await;
    let (shops, settlers) = (parties.shop.guests(), parties.settler.guests());
    let at = |node: usize, count| -> Vec<Patient> {
        (0..count).map(|n| Patient::of(&buyer.terminal, &shops[n % 2], &settlers[node])).collect()
    };
    let mut rows = Vec::new();
    for killed in 0..2 {
        // Nobody is permitted anything yet, so that each node owes the question about some.
        let purchases = Arc::new(at(1 - killed, AT_ONCE));
        let approved = join_all(purchases.iter().map(|purchase| purchase.approve(&product))).await;
        parties.authenticator.node.signal("STOP");
        let presented = purchases.iter().zip(&approved);
        join_all(presented.map(|(purchase, approved)| purchase.present(approved.as_ref().unwrap()))).await;
        for operator in parties.settler.operators() {
            owes(&operator).await;
        }
        parties.settler.node_mut(killed).kill();
        parties.authenticator.node.signal("CONT");
        rows.extend(bought(purchases, product.clone(), file.clone()).await);
        parties.settler.node_mut(killed).start_again();
        // And with purchases under way at both nodes.
        let both = Arc::new([at(killed, AT_ONCE / 2), at(1 - killed, AT_ONCE / 2)].into_iter().flatten().collect());
        let more = tokio::spawn(bought(Arc::clone(&both), product.clone(), file.clone()));
        parties.settler.node_mut(1 - killed).crash();
        let more = more.await.unwrap();
        parties.settler.share().await;
        // The same keys get the same answers.
        let again = bought(both, product.clone(), file.clone()).await;
        let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&again), ids(&more));
        rows.extend(more);
    }
    parties.settler.owes_nothing().await;
    let approvals: BTreeSet<&str> = rows.iter().filter_map(|row| row["approval"].as_str()).collect();
    assert_eq!(approvals.len(), rows.len());
    let sold = 100 * rows.len() as u64;
    assert_eq!(parties.account(&buyer.user).await, (0, sold));
    let sums = async || {
        let (settled, delivered) = (parties.settler.rows("settlements").await, parties.shop.rows("offers").await);
        let sum = |rows: &[Value], of: &str| rows.iter().filter_map(|row| row.pointer(of)?.as_u64()).sum::<u64>();
        (sum(&settled, "/settled_amount"), sum(&delivered, "/delivery/amount"))
    };
    let all = before + sold;
    assert_eq!(first(sums, |sums| *sums == (all, all)).await, (all, all));
    say(&format!("parties with two nodes: {} purchases, 4 kills: each settled once", rows.len()));
    parties.assert_sound();
}
