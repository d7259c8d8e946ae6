//! Parties with keys of their own that ask for what is not theirs.

use serde_json::{Value, json};

use crate::parties::played::Played;
use crate::parties::{Parties, Party, key, settle};

/// Shows D25, D41, F43.
#[tokio::test]
async fn the_settlement_server_of_another_shop_has_nothing_of_an_approval_whose_token_it_has_seen() {
    let mut parties = Parties::start().await;
    let other = Played::new();
    for party in [&parties.authenticator, &parties.shop] {
        other.is_known_to(party, &["settler"]).await;
    }
    let (product, file) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let (at, of_it) = (format!("/v1/approvals/{}", approval["id"].as_str().unwrap()), &parties.authenticator);
    let token = json!({ "token": approval["token"] });
    let amount = json!({ "amount": 500, "currency": "EUR" });
    let items = json!({ "items": [{ "product": product, "quantity": 1, "price": 500 }] });
    let nothing = json!({});
    let asks = async |paid: bool| {
        let used = if paid { "already-redeemed" } else { "approval-other-settler" };
        let [delivery, refunded] =
            ["deliver", "refunded"].map(|it| format!("/v1/offers/{}/{it}", offer["id"].as_str().unwrap()));
        for (party, path, body, refusal) in [
            (of_it, "/v1/approvals/redeem", &token, "approval-other-settler"),
            (of_it, "/v1/approvals/release", &token, "approval-other-settler"),
            (of_it, &format!("{at}/revoke"), &nothing, "not-your-approval"),
            (of_it, &format!("{at}/settle"), &notice(500), "not-your-approval"),
            (of_it, &format!("{at}/refund"), &amount, "not-your-approval"),
            (&parties.shop, &delivery, &nothing, "not-your-offer"),
            (&parties.shop, &refunded, &json!({ "total": 100, "currency": "EUR" }), "not-your-offer"),
            (&parties.shop, "/v1/offers", &items, "not-your-offer"),
        ] {
            let reply = other.post(party, path, &key("other"), body).await;
            let slug = reply.slug();
            assert!(slug.as_deref() == Some(refusal) || slug.as_deref() == Some(used), "{path}: {}", reply.text);
        }
        other.get(of_it, &at).await.expect_problem(404, "not-found");
        assert_eq!(other.get(of_it, "/v1/approvals").await.expect(200).json()["data"], json!([]));
    };
    asks(false).await;
    assert_eq!(parties.account(&buyer.user).await, (500, 0));
    let bought = settle(&parties.settler, &approval, &offer).await;
    assert_eq!(bought.files, [file]);
    parties.settler.owes_nothing().await;
    asks(true).await;
    assert_eq!(parties.account(&buyer.user).await, (0, 500));
    parties.assert_sound();
}

/// What a settlement server says that it has settled.
fn notice(amount: u64) -> Value {
    json!({ "amount": amount, "currency": "EUR", "settled_at": "2026-11-21T10:00:00Z", "contents": ["a song"] })
}

/// Shows D25, D34, D42. Keeps T1, T2.
#[tokio::test]
async fn a_settlement_server_is_permitted_and_paid_what_was_approved_once_and_no_more() {
    let mut parties = Parties::start().await;
    let settler = Played::new();
    settler.is_known_to(&parties.authenticator, &["settler"]).await;
    let terms = json!({ "settlers": [settler.id], "currency": "EUR" });
    parties.shop.do_once("/v1/shop-terms/set", &key("terms"), &terms).await.expect(200);
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let [offer, another] = [parties.offer(&product).await, parties.offer(&product).await];
    let approval = buyer.approve(&offer).await.expect(201).json();
    let ask = async |path: &str, body: Value| {
        let path = format!("/v1/approvals/{path}");
        let reply = settler.post(&parties.authenticator, &path, &key("settler"), &body).await;
        (reply.status, reply.slug().unwrap_or_default())
    };
    let refused = |slug: &str| (409, slug.to_owned());
    let redemption = |more: Value| {
        let mut body = json!({ "token": approval["token"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let sha256 = kippu_events::statement::sha256(another["statement"].as_str().unwrap());
    for differs in [json!({ "amount": 499 }), json!({ "currency": "USD" }), json!({ "offer_sha256": sha256 })] {
        assert_eq!(ask("redeem", redemption(differs)).await, refused("approval-differs"));
    }
    let id = approval["id"].as_str().unwrap();
    let (settle, refund) = (format!("{id}/settle"), format!("{id}/refund"));
    assert_eq!(ask(&settle, notice(500)).await, (403, "not-your-approval".to_owned()));
    assert_eq!(ask("redeem", redemption(json!({ "amount": 500, "currency": "EUR" }))).await.0, 200);
    assert_eq!(ask("redeem", redemption(json!({}))).await, refused("already-redeemed"));
    assert_eq!(ask(&settle, notice(501)).await, refused("amount-exceeds-approval"));
    assert_eq!(parties.account(&buyer.user).await, (500, 0));
    assert_eq!(ask(&settle, notice(500)).await.0, 200);
    assert_eq!(ask(&settle, notice(500)).await, refused("already-settled"));
    let back = |amount: u64| json!({ "amount": amount, "currency": "EUR" });
    assert_eq!(ask(&refund, back(501)).await, refused("refund-exceeds-settlement"));
    assert_eq!(parties.account(&buyer.user).await, (0, 500));
    parties.assert_sound();
}

/// What other parties may do by their roles: commands, and views whose rows they may be shown.
const GRANTED: [(&str, &[&str], &[&str]); 4] = [
    ("shop", &["offers", "offers/{id}/push", "purchases"], &["ledger", "purchases"]),
    (
        "settler",
        &[
            "approvals/redeem",
            "approvals/release",
            "approvals/{id}/refund",
            "approvals/{id}/revoke",
            "approvals/{id}/settle",
            "offers",
            "offers/{id}/deliver",
            "offers/{id}/refunded",
        ],
        &["approvals", "ledger"],
    ),
    ("authenticator", &["credits/inquire"], &["ledger"]),
    ("reference", &[], &[]),
];
/// What everybody is shown.
const PUBLIC: [&str; 3] = ["genres", "products", "shop-terms"];

/// Shows F32, F43. Keeps S2.
#[tokio::test]
async fn another_party_does_and_sees_what_its_role_is_granted_and_nothing_else() {
    let node = Party::start("node").await;
    let document = node.guest().get("/openapi.json").await.expect(200).json();
    for (role, commands, views) in GRANTED {
        let peer = Played::new();
        peer.is_known_to(&node, &[role]).await;
        let (mut may, mut sees) = (Vec::new(), Vec::new());
        for (path, operations) in document["paths"].as_object().unwrap() {
            let Some(name) = path.strip_prefix("/v1/") else { continue };
            let at = path.replace("{id}", &peer.id).replace("{command}", "register");
            if let Some(command) = operations.get("post") {
                let example = command.pointer("/requestBody/content/application~1json/example");
                let reply = peer.post(&node, &at, &key("command"), example.unwrap_or(&json!({}))).await;
                if reply.slug().as_deref() != Some("forbidden") {
                    assert_ne!(reply.status, 401, "{role}, {path}: {}", reply.text);
                    may.push(name);
                }
            }
            // What goes on without an end is looked at by its own tests.
            if operations.get("get").is_some() && !path.contains('{') && name != "events" {
                let reply = peer.get(&node, &at).await;
                match reply.status {
                    200 => sees.push(name),
                    _ => drop(reply.expect_problem(403, "forbidden")),
                }
            }
        }
        let mut views: Vec<&str> = views.iter().chain(&PUBLIC).copied().collect();
        views.sort_unstable();
        assert_eq!((may.as_slice(), sees), (commands, views), "{role}");
    }
}

/// Shows F32, F46. Keeps S2.
#[tokio::test]
async fn another_party_is_shown_neither_what_a_shop_offers_others_nor_the_files_that_it_sells() {
    let parties = Parties::start().await;
    let (product, file) = parties.product(500).await;
    parties.offer(&product).await;
    let sha256: String =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &file))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
    for role in ["shop", "settler"] {
        let peer = Played::new();
        peer.is_known_to(&parties.shop, &[role]).await;
        let shown = peer.get(&parties.shop, "/v1/products").await.expect(200).text;
        assert!(shown.contains(&product) && !shown.contains(&sha256), "{role}: {shown}");
        peer.get(&parties.shop, &format!("/v1/blobs/{sha256}")).await.expect_problem(403, "forbidden");
        peer.get(&parties.shop, "/v1/offers").await.expect_problem(403, "forbidden");
    }
    let staff = json!({ "role": "shop", "name": "staff" });
    let staff = parties.shop.do_once("/v1/clients", &key("client"), &staff).await.expect(201).field("key");
    let staff = parties.shop.node.caller(&staff);
    assert!(staff.get("/v1/products").await.expect(200).text.contains(&sha256));
    assert!(staff.get("/v1/offers").await.expect(200).text.contains(&product));
    assert_eq!(staff.get(&format!("/v1/blobs/{sha256}")).await.expect(200).text.into_bytes(), file);
}
