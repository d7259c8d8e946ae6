//! Parties that are killed, or stand still, while a purchase is under way.

use rand::Rng as _;
use serde_json::json;

use crate::fixture::seeded;
use crate::parties::{OVER, Parties, key, present, settle, settled};

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

/// Shows D30, D32, D34, F17, F44. Keeps R3.
#[tokio::test]
async fn whichever_party_is_killed_at_whatever_moment_each_purchase_is_paid_and_delivered_once_or_not_at_all() {
    let mut parties = Parties::start().await;
    let (product, bytes) = parties.product(100).await;
    let buyer = parties.buyer(1_000_000).await;
    let mut rng = seeded("killed parties");
    let rounds: usize = std::env::var("KIPPU_CRASHES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(9);
    let mut sold = 0;
    for round in 0..rounds {
        let offer = parties.offer(&product).await;
        let approval = buyer.approve(&offer).await.expect(201).json();
        let (holder, id) = {
            let (settler, approval, offer) = (&parties.settler, &approval, &offer);
            let opened = present(settler, approval, offer, &key("s")).await.expect(201).json();
            let holder = settler.node.caller(opened["capability"].as_str().unwrap());
            (holder, opened["id"].as_str().unwrap().to_owned())
        };
        // So many looks at it later.
        for _ in 0..rng.random_range(0..12) {
            holder.get(&format!("/v1/settlements/{id}")).await;
        }
        let killed = match round % 3 {
            0 => &mut parties.authenticator,
            1 => &mut parties.shop,
            _ => &mut parties.settler,
        };
        killed.node.crash();
        let row = settled(&holder, &id, &OVER).await;
        if row["state"] == json!("settled") {
            let file =
                holder.get(&format!("/v1/settlements/{id}/content/{}", row["contents"][0]["n"])).await.expect(200);
            assert_eq!(file.text.into_bytes(), bytes);
            sold += 1;
        }
    }
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 100 * sold));
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
