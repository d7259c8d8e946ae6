//! Purchases between five parties: approvals within a limit, offers, settlements, delivery, and books that agree.

mod answers;
mod clocks;
mod cluster;
mod faults;
mod file;
mod hostile;
mod keys;
mod limit;
mod links;
mod one_server;
mod refusals;
mod settlers;
mod subscribers;

use serde_json::json;

use crate::fixture::first;
use crate::http::Reply;
use crate::parties::{Parties, key, settled};

/// Shows D1, D2, D3, D5, D13, D19, D21, D22, D24, D26, D30, D33, D34, F43.
#[tokio::test]
async fn a_stranger_buys_a_file_through_five_parties_and_all_books_agree() {
    let mut parties = Parties::start().await;
    a_stranger_buys(&parties).await;
    parties.assert_sound();
}

async fn a_stranger_buys(parties: &Parties) {
    let (product, bytes) = parties.product(1_250).await;
    let buyer = parties.buyer(10_000).await;
    let offer = parties.offer(&product).await;
    assert_eq!((&offer["total"], &offer["currency"]), (&json!(1_250), &json!("EUR")));
    let approval = buyer.approve(&offer).await.expect(201).json();
    assert_eq!(approval["issuer"], json!(parties.authenticator.id));
    assert_eq!(parties.account(&buyer.user).await, (1_250, 0));
    let bought = crate::parties::settle(parties.settling(), &approval, &offer).await;
    assert_eq!(bought.files, [bytes], "{}", bought.row);
    parties.settling().owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 1_250));
    let id = approval["id"].as_str().unwrap();
    let row = parties.authenticator.row(&format!("/v1/approvals/{id}")).await;
    assert_eq!((&row["state"], &row["settler"]), (&json!("settled"), &json!(parties.settling().id)));
    let settlements = parties.settling().rows("settlements").await;
    let of_it: Vec<_> = settlements.iter().filter(|row| row["approval"] == json!(id)).collect();
    assert_eq!(of_it.len(), 1, "{settlements:?}");
    assert_eq!(of_it[0]["settled_amount"], json!(1_250), "{settlements:?}");
}

/// Shows D16, D18.
#[tokio::test]
async fn of_many_who_ask_at_once_as_many_are_approved_as_the_limit_allows() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(100).await;
    let buyer = parties.buyer(1_000).await;
    let offers = futures_util::future::join_all((0..50).map(|_| parties.offer(&product))).await;
    let asked = futures_util::future::join_all(offers.iter().map(|offer| buyer.approve(offer))).await;
    let permitted = asked.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(permitted, 10);
    for refused in asked.iter().filter(|reply| reply.status != 201) {
        assert_eq!(refused.slug().as_deref(), Some("limit-exceeded"));
    }
    assert_eq!(parties.account(&buyer.user).await, (1_000, 0));
    let given = asked.into_iter().zip(&offers).filter(|(reply, _)| reply.status == 201);
    let settle = given.map(async |(reply, offer)| crate::parties::settle(&parties.settler, &reply.json(), offer).await);
    let all = futures_util::future::join_all(settle).await;
    assert!(all.iter().all(|bought| bought.files.len() == 1));
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 1_000));
}

/// Shows D31.
#[tokio::test]
async fn the_shop_itself_delivers_where_its_terms_say_so() {
    the_shop_delivers(&Parties::start().await).await;
}

async fn the_shop_delivers(parties: &Parties) {
    parties.sell_through(&[parties.settling()], true).await;
    let (product, bytes) = parties.product(300).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let opened = crate::parties::present(parties.settling(), &approval, &offer, &key("s")).await.expect(201).json();
    let holder = parties.settling().node.caller(opened["capability"].as_str().unwrap());
    let id = opened["id"].as_str().unwrap();
    settled(&holder, id, &["settled"]).await;
    let collected = holder.post(&format!("/v1/settlements/{id}/collect"), &key("c"), &json!({})).await.expect(200);
    let at_shop = parties.shop.node.caller(&collected.field("shop_capability"));
    let offer_id = offer["id"].as_str().unwrap();
    let file = at_shop.get(&format!("/v1/offers/{offer_id}/content/0")).await.expect(200);
    assert_eq!(file.text.into_bytes(), bytes);
}

/// Shows D32, D42.
#[tokio::test]
async fn where_delivery_comes_first_nothing_is_charged_before_the_file_has_come() {
    delivery_comes_first(&Parties::start().await).await;
}

async fn delivery_comes_first(parties: &Parties) {
    parties.settle_on("deliver_first", 10).await;
    let (product, bytes) = parties.product(700).await;
    let buyer = parties.buyer(1_000).await;
    let bought = parties.buy(&buyer, &product).await;
    assert_eq!(bought.files, [bytes]);
    assert_eq!(parties.account(&buyer.user).await, (700, 0));
    // What is owed for it, and done, before or after this looks.
    let charged_once = async || {
        let account = first(async || parties.account(&buyer.user).await, |account| *account == (0, 700)).await;
        assert_eq!(account, (0, 700));
        parties.settling().owes_nothing().await;
    };
    let id = bought.row["id"].as_str().unwrap();
    let received = bought.holder.post(&format!("/v1/settlements/{id}/received"), &key("r"), &json!({})).await;
    received.expect(200);
    charged_once().await;
    // Another one who does not take it, and calls it off.
    let bought = parties.buy(&buyer, &parties.product(200).await.0).await;
    let id = bought.row["id"].as_str().unwrap();
    bought.holder.post(&format!("/v1/settlements/{id}/cancel"), &key("x"), &json!({})).await.expect(200);
    charged_once().await;
}

/// Shows D42.
#[tokio::test]
async fn what_is_given_back_is_given_back_in_the_books_of_all_three() {
    it_is_given_back(&Parties::start().await).await;
}

async fn it_is_given_back(parties: &Parties) {
    let (product, _) = parties.product(900).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let bought = crate::parties::settle(parties.settling(), &approval, &offer).await;
    parties.settling().owes_nothing().await;
    let id = bought.row["id"].as_str().unwrap().to_owned();
    let refund = json!({ "amount": 400 });
    parties.settling().do_once(&format!("/v1/settlements/{id}/refund"), &key("refund"), &refund).await.expect(200);
    parties.settling().owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 500));
    let row = parties.settling().row(&format!("/v1/settlements/{id}")).await;
    assert_eq!((&row["refunded"], row.get("owes")), (&json!(400), None), "{row}");
    let sold = parties.shop.row(&format!("/v1/offers/{}", offer["id"].as_str().unwrap())).await;
    assert_eq!((&sold["delivery"]["amount"], &sold["delivery"]["refunded"]), (&json!(900), &json!(400)), "{sold}");
}

/// Shows D9.
#[tokio::test]
async fn what_the_shop_has_pushed_is_approved_by_its_name_and_not_before() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let pushed = json!({ "pushed": { "shop": parties.shop.id, "offer": offer["id"] } });
    let early = buyer.terminal.post("/v1/approvals", &key("early"), &pushed).await;
    assert!(!(200..300).contains(&early.status), "{}", early.text);
    let path = format!("/v1/offers/{}/push", offer["id"].as_str().unwrap());
    for _ in 0..2 {
        let to = json!({ "to": parties.authenticator.id });
        parties.shop.operator().post(&path, &key("push"), &to).await;
        parties.shop.owes_nothing().await;
    }
    let approved = buyer.terminal.post("/v1/approvals", &key("now"), &pushed).await.expect(201).json();
    assert_eq!(approved["amount"], json!(500));
    let other = json!({ "pushed": { "shop": parties.settler.id, "offer": offer["id"] } });
    assert_ne!(buyer.terminal.post("/v1/approvals", &key("other"), &other).await.status, 201);
}

/// Shows D14, D15.
#[tokio::test]
async fn a_financial_reference_is_asked_where_the_policy_says_so() {
    let mut parties = Parties::start().await;
    for (number, standing) in [("4711", "good"), ("4712", "bad")] {
        let credit = json!({ "number": number, "standing": standing });
        parties.reference.do_once("/v1/credits", &key("credit"), &credit).await.expect(201);
    }
    let user = |number: &str| {
        json!({
            "limit": { "source": "fixed", "amount": 1_000, "currency": "EUR" }, "policy": "both",
            "reference": { "party": parties.reference.id, "number": number },
        })
    };
    let ends = async |buyer: &crate::parties::Buyer| {
        let asked = buyer.approve_amount(100).await.expect(201).json();
        assert_eq!(asked["state"], json!("pending"));
        let path = format!("/v1/approvals/{}", asked["id"].as_str().unwrap());
        let over = async || buyer.terminal.get(&path).await;
        let decided = |reply: &Reply| reply.status == 200 && reply.json()["state"] != json!("pending");
        crate::fixture::first(over, decided).await.json()
    };
    let (good, bad, unknown) = (user("4711"), user("4712"), user("4713"));
    let good = parties.buyer_with(good).await;
    let approved = ends(&good).await;
    assert_eq!(approved["state"], json!("issued"), "{approved}");
    let path = format!("/v1/approvals/{}/collect", approved["id"].as_str().unwrap());
    let collected = good.terminal.post(&path, &key("collect"), &json!({})).await.expect(200);
    assert!(collected.field("token").starts_with("kpa_"));
    for user in [bad, unknown] {
        let refused = ends(&parties.buyer_with(user).await).await;
        assert_eq!(refused["state"], json!("refused"), "{refused}");
    }
    // Nobody answers: refused within the stated time, and nothing stays reserved.
    parties.reference.node.kill();
    let other = parties.buyer_with(user("4711")).await;
    let refused = ends(&other).await;
    assert_eq!(refused["state"], json!("refused"), "{refused}");
    assert_eq!(parties.account(&other.user).await, (0, 0));
    parties.reference.node.start_again();
    parties.assert_sound();
}
