//! Payments: a second factor, and prices by class.

use serde_json::json;

use super::super::Sites;
use super::{Visit, actions, code, register, terms};
use crate::parties::key;

/// Shows B51.
#[tokio::test]
async fn looking_around_takes_a_password_paying_a_code_and_a_member_of_class_gold_pays_less() {
    let prices = json!({ "book": { "amount": 1_000, "currency": "EUR", "classes": { "gold": 800 } } });
    let sites = Sites::on(&terms(&json!({ "prices": prices }))).await;
    let mut secrets = Vec::new();
    for login in ["aiko", "björn"] {
        let registered = register(&sites.partner, &sites.contract, login).await.expect(201);
        secrets.push((registered.field("id"), registered.field("one_time_secret")));
    }
    let class = json!({ "class": "gold" });
    sites.main.do_once(&format!("/v1/members/{}/set-class", secrets[1].0), &key("class"), &class).await.expect(200);
    let plain = Visit::of(&sites.partner, &sites.contract, "aiko").await;
    let gold = Visit::of(&sites.partner, &sites.contract, "björn").await;
    assert_eq!((&plain.opened["class"], &gold.opened["class"]), (&json!("plain"), &json!("gold")));
    plain.acts(&key("act"), "cart", "/tie-up/a").await.expect(201);
    let (dear, cheap) = (plain.orders("book").await.expect(200).json(), gold.orders("book").await.expect(200).json());
    assert_eq!((&dear["amount"], &cheap["amount"]), (&json!(1_000), &json!(800)));
    plain.orders("song").await.expect_problem(404, "not-found");
    // The visit alone pays nothing, and neither does a wrong code, nor that of somebody else.
    plain.pays(&dear["order"], None).await.expect_problem(403, "one-time-code-wanted");
    let right = code(&secrets[0].1, "0");
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let others = code(&secrets[1].1, "0");
    assert_ne!(right, others, "two secrets have two codes");
    for none in [wrong, &*others] {
        plain.confirms(&sites.partner, &dear, none).await.expect_problem(403, "not-identified");
    }
    let confirmed = plain.confirms(&sites.partner, &dear, &right).await.expect(200).field("confirmation");
    // A code confirms once.
    plain.confirms(&sites.partner, &dear, &right).await.expect_problem(403, "not-identified");
    let confirmed_gold = gold.confirms(&sites.partner, &cheap, &others).await.expect(200).field("confirmation");
    plain.pays(&dear["order"], Some(&confirmed_gold)).await.expect_problem(409, "confirmation-of-another-order");
    plain.pays(&dear["order"], Some(&confirmed)).await.expect(200);
    plain.pays(&dear["order"], Some(&confirmed)).await.expect_problem(404, "not-found");
    gold.pays(&cheap["order"], Some(&confirmed_gold)).await.expect(200);
    // What was bought is known at the central node, with what the member likes.
    let mut bought = actions(&sites.main, 3).await;
    bought.retain(|row| row["kind"] == json!("purchase"));
    let mut amounts: Vec<_> = bought.iter().map(|row| (row["amount"].as_u64(), row["item"].clone())).collect();
    amounts.sort_by_key(|(amount, _)| *amount);
    assert_eq!(amounts, [(Some(800), json!("book")), (Some(1_000), json!("book"))]);
    sites.assert_sound();
}
