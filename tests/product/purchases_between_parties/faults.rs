//! Parties that are killed, or stand still, while a purchase is under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::Rng as _;
use serde_json::json;

use crate::fixture::{first, say, seeded};
use crate::parties::{End, OVER, Parties, Patient, key, present, settle, settled};

/// Shows D28.
#[tokio::test]
async fn a_permission_that_comes_too_late_moves_no_money_and_what_was_reserved_is_free_again() {
    let mut parties = Parties::start().await;
    parties.settle_on("settle_first", 1).await;
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    parties.authenticator.node.signal("STOP");
    let opened = present(&parties.settler, &approval, &offer, &key("late")).await.expect(201).json();
    let holder = parties.settler.node.caller(opened["capability"].as_str().unwrap());
    let id = opened["id"].as_str().unwrap();
    let row = settled(&holder, id, &OVER).await;
    assert_ne!(row["state"], json!("settled"));
    parties.authenticator.node.signal("CONT");
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 0));
    parties.assert_sound();
}

/// Shows D30, D32, D34, D36, F17, F44. Keeps R3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_party_is_killed_at_whatever_moment_each_purchase_is_paid_and_delivered_once_or_not_at_all() {
    let mut parties = Parties::start().await;
    parties.sell_through(&[&parties.settler, &parties.rival], false).await;
    let (product, bytes) = parties.product(100).await;
    let file = String::from_utf8(bytes).unwrap();
    let buyers = [parties.buyer(1_000_000).await, parties.buyer_in_good_standing(1_000_000).await];
    let mut rng = seeded("killed parties");
    let rounds: usize = std::env::var("KIPPU_CRASHES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10);
    let mut sold = [0; 2];
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..rounds {
        let killed = round % 5;
        let order = ["settle_first", "deliver_first"][round / 5 % 2];
        parties.settle_on(order, 30).await;
        // Only who is vouched for needs the reference.
        let who = if killed == 1 { 1 } else { round % 2 };
        let settler = if killed == 4 { &parties.rival } else { &parties.settler };
        let purchase = Arc::new(Patient::new(&buyers[who], &parties.shop, settler));
        let bought = tokio::spawn({
            let (purchase, product) = (purchase.clone(), product.clone());
            async move { purchase.buy(&product).await }
        });
        let killed = parties.each().into_iter().nth(killed).unwrap();
        // So many questions later.
        for _ in 0..rng.random_range(0..120) {
            killed.guest().get("/healthz").await;
        }
        killed.node.crash();
        let end = bought.await.unwrap();
        let outcome = match &end {
            End::Refused(reason) => reason.clone(),
            End::Over(row, files) if row["state"] == json!("settled") => {
                assert_eq!(*files, [file.as_str()], "round {round}: {row}");
                sold[who] += 100;
                "settled".to_owned()
            }
            End::Over(row, files) => {
                assert!(files.is_empty(), "round {round}: {row}");
                row["state"].as_str().unwrap().to_owned()
            }
        };
        // The same keys get the same answers, and buy nothing more.
        let again = purchase.buy(&product).await;
        match (&end, &again) {
            (End::Refused(one), End::Refused(other)) => assert_eq!(one, other),
            (End::Over(one, files), End::Over(other, same)) => {
                assert_eq!((&one["id"], &one["state"]), (&other["id"], &other["state"]));
                // Nothing once it was received.
                assert!(same.is_empty() && order == "deliver_first" || files == same, "round {round}: {same:?}");
            }
            (end, again) => panic!("round {round}: {end:?}, and then {again:?}"),
        }
        *ends.entry(outcome).or_default() += 1;
    }
    for party in parties.each() {
        party.owes_nothing().await;
    }
    say(&format!("{rounds} purchases, each with a kill: {ends:?}"));
    assert!(ends.get("settled").is_some_and(|settled| 2 * *settled > rounds as u64), "{ends:?}");
    for (buyer, sold) in buyers.iter().zip(sold) {
        assert_eq!(parties.account(&buyer.user).await, (0, sold));
    }
    let mut settlements = parties.settler.rows("settlements").await;
    settlements.extend(parties.rival.rows("settlements").await);
    let settled: u64 = settlements.iter().filter_map(|row| row["settled_amount"].as_u64()).sum();
    assert_eq!(settled, sold.iter().sum::<u64>());
    parties.assert_sound();
}

/// Shows F44.
#[tokio::test]
async fn a_party_that_is_down_is_shown_and_holds_up_nobody_else() {
    let mut parties = Parties::start().await;
    parties.sell_through(&[&parties.settler, &parties.rival], false).await;
    let (product, _) = parties.product(100).await;
    let buyer = parties.buyer(10_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let bought = settle(&parties.settler, &approval, &offer).await;
    parties.settler.owes_nothing().await;
    let id = bought.row["id"].as_str().unwrap().to_owned();
    parties.authenticator.node.kill();
    let refund = json!({ "amount": 40 });
    parties.settler.do_once(&format!("/v1/settlements/{id}/refund"), &key("refund"), &refund).await.expect(200);
    let owed = async || parties.settler.row("/v1/activities").await;
    let owed = crate::fixture::first(owed, |owed| owed["data"][0]["last_error"].is_string()).await;
    assert_eq!(
        (&owed["data"][0]["to"], &owed["data"][0]["entity"]),
        (&json!(parties.authenticator.id), &json!(format!("settlements/{id}")))
    );
    parties.authenticator.node.start_again();
    parties
        .settler
        .operator()
        .send(parties.settler.operator().request(reqwest::Method::POST, "/v1/activities/retry"))
        .await
        .unwrap()
        .expect(204);
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 60));
}

/// Shows D42, F44. Keeps R3.
#[tokio::test]
async fn a_shop_that_is_down_is_told_later_of_all_that_was_given_back_and_the_buyer_does_not_wait_for_it() {
    let mut parties = Parties::start().await;
    let (product, _) = parties.product(900).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let bought = settle(&parties.settler, &approval, &offer).await;
    parties.settler.owes_nothing().await;
    parties.shop.node.kill();
    let path = format!("/v1/settlements/{}/refund", bought.row["id"].as_str().unwrap());
    for (amount, left) in [(400, 500), (100, 400)] {
        let refund = json!({ "amount": amount });
        let order = key("refund");
        // One at a time: the one before is under way for a moment.
        let settler = &parties.settler;
        first(async || settler.do_once(&path, &order, &refund).await, |reply| reply.status == 200).await;
        first(async || parties.account(&buyer.user).await, |account| *account == (0, left)).await;
    }
    parties.shop.node.start_again();
    parties.settler.owes_nothing().await;
    let sold = parties.shop.row(&format!("/v1/offers/{}", offer["id"].as_str().unwrap())).await;
    assert_eq!(sold["delivery"]["refunded"], json!(500), "{sold}");
    parties.assert_sound();
}
