//! Clocks of two parties that differ, and requests that are sent again when their time is over.

use serde_json::{Value, json};

use super::answers::{hurry, listed, owed};
use crate::parties::proxy::{self, Proxy};
use crate::parties::{OVER, Parties, key, present, settled};

/// Shows F43, F44.
#[tokio::test]
async fn clocks_that_are_ten_minutes_apart_are_named_whichever_is_ahead_and_once_they_agree_it_goes_on() {
    let mut parties = Parties::start().await;
    let terms = json!({ "settlers": [parties.settler.id], "currency": "EUR", "offer_secs": 86_400 });
    parties.shop.do_once("/v1/shop-terms/set", &key("terms"), &terms).await.expect(200);
    parties.settle_on("settle_first", 60).await;
    let (product, _) = parties.product(100).await;
    let buyer = parties.buyer(1_000).await;
    parties.settler.node.accept_clock();
    for (offset, named) in [
        ("+10m", "the clocks of the two parties differ by "),
        ("-10m", "the clocks of the two parties differ, or the request is an old one: its signature counted until "),
    ] {
        parties.settler.node.kill();
        parties.settler.node.clock_off_by(offset);
        parties.settler.node.start_again();
        let offer = parties.offer(&product).await;
        let approval = buyer.approve(&offer).await.expect(201).json();
        let before = parties.account(&buyer.user).await;
        let opened = present(&parties.settler, &approval, &offer, &key("settlement")).await.expect(201).json();
        let id = opened["id"].as_str().unwrap();
        let row = owed(&parties.settler, id, named, 0).await;
        let said = format!("{} answers 401 signature-not-valid: {named}", parties.authenticator.node.url());
        assert!(row["last_error"].as_str().unwrap().starts_with(&said), "{row}");
        assert!(listed(&parties.settler).contains(&said));
        assert_eq!(parties.account(&buyer.user).await, before);
        // Both are right again.
        parties.settler.node.kill();
        parties.settler.node.clock_off_by("+0");
        parties.settler.node.start_again();
        hurry(&parties.settler).await;
        let holder = parties.settler.node.caller(opened["capability"].as_str().unwrap());
        let row = settled(&holder, id, &OVER).await;
        parties.settler.owes_nothing().await;
        let paid = row["settled_amount"].as_u64().unwrap_or(0);
        assert_eq!(parties.account(&buyer.user).await, (0, before.1 + paid), "{row}");
    }
    parties.assert_sound();
}

/// Shows F43. Keeps T1, R3.
#[tokio::test]
async fn a_request_that_is_sent_again_has_its_answer_again_and_a_month_later_none() {
    let mut parties = Parties::start().await;
    let proxy = Proxy::before(&parties.authenticator).await;
    parties.settler.finds(&parties.authenticator, "authenticator", &proxy.url).await;
    let (product, _) = parties.product(100).await;
    let buyer = parties.buyer(1_000).await;
    parties.buy(&buyer, &product).await;
    parties.settler.owes_nothing().await;
    let captured = ["/redeem", "/settle"].map(|path| proxy.passed(path).remove(0));
    let approvals = async |parties: &Parties| json!(parties.authenticator.rows("approvals").await);
    let before = approvals(&parties).await;
    for passed in &captured {
        let (first, again) = (&passed.answer, proxy::ask(parties.authenticator.node.url(), &passed.request).await);
        assert_eq!(proxy::told(&again), proxy::told(first));
        // It was for this party alone.
        let (status, problem) = proxy::told(&proxy::ask(parties.shop.node.url(), &passed.request).await);
        assert!(status == 401 && problem.contains("which is not the party of this node"), "{problem}");
    }
    assert_eq!((approvals(&parties).await, parties.account(&buyer.user).await), (before.clone(), (0, 100)));
    parties.authenticator.node.kill();
    parties.authenticator.node.clock_off_by("+31d");
    parties.authenticator.node.start_again();
    for passed in &captured {
        let (status, problem) = proxy::told(&proxy::ask(parties.authenticator.node.url(), &passed.request).await);
        let problem: Value = serde_json::from_str(&problem).unwrap();
        assert_eq!((status, &problem["type"]), (401, &json!("/problems/signature-not-valid")));
        assert!(problem["detail"].as_str().unwrap().contains("or the request is an old one"), "{problem}");
    }
    assert_eq!(approvals(&parties).await, before);
    parties.assert_sound();
}
