//! Which settlement server may settle what, and that one of them does so once.

use serde_json::json;

use crate::parties::{OVER, Parties, key, present, settle, settled};

/// Shows D25, D41.
#[tokio::test]
async fn a_settlement_server_that_the_shop_does_not_name_settles_nothing() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let refused = present(&parties.rival, &approval, &offer, &key("rival")).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    let bought = settle(&parties.settler, &approval, &offer).await;
    assert_eq!(bought.files.len(), 1);
}

/// Shows D42.
#[tokio::test]
async fn an_offer_that_was_approved_twice_is_sold_and_paid_once() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let [one, other] = [buyer.approve(&offer).await, buyer.approve(&offer).await].map(|reply| reply.expect(201).json());
    let bought = settle(&parties.settler, &one, &offer).await;
    assert_eq!((&bought.row["state"], bought.files.len()), (&json!("settled"), 1));
    let again = settle(&parties.settler, &other, &offer).await;
    assert_eq!((&again.row["state"], &again.row["reason"]), (&json!("refused"), &json!("offer-delivered")));
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 500));
}

/// Shows D36. Keeps T1, R3.
#[tokio::test]
async fn of_two_settlement_servers_with_one_approval_exactly_one_settles() {
    let mut parties = Parties::start().await;
    parties.sell_through(&[&parties.settler, &parties.rival], false).await;
    let (product, _) = parties.product(10).await;
    let buyer = parties.buyer(100_000).await;
    let races: usize = std::env::var("KIPPU_RACES").ok().and_then(|races| races.parse().ok()).unwrap_or(20);
    for race in 0..races {
        let offer = parties.offer(&product).await;
        let approval = buyer.approve(&offer).await.expect(201).json();
        let (one, two) =
            tokio::join!(settle(&parties.settler, &approval, &offer), settle(&parties.rival, &approval, &offer));
        let states = [&one.row["state"], &two.row["state"]];
        let settled = states.iter().filter(|state| **state == &json!("settled")).count();
        assert_eq!(settled, 1, "race {race}: {states:?}");
        assert_eq!(one.files.len() + two.files.len(), 1);
    }
    parties.settler.owes_nothing().await;
    parties.rival.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 10 * races as u64));
    parties.assert_sound();
}

/// Shows D36.
#[tokio::test]
async fn an_approval_that_was_presented_is_presented_to_nobody_else_and_a_retry_is_answered_as_before() {
    it_is_presented_once(&Parties::start().await).await;
}

pub(super) async fn it_is_presented_once(parties: &Parties) {
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let first_key = key("first");
    let first = present(parties.settling(), &approval, &offer, &first_key).await.expect(201).json();
    let again = present(parties.settling(), &approval, &offer, &first_key).await.expect(201).json();
    assert_eq!(first, again);
    let thief = present(parties.settling(), &approval, &offer, &key("thief")).await;
    thief.expect_problem(409, "already-presented");
}

/// Shows D3, D4.
#[tokio::test]
async fn an_offer_with_another_price_item_or_quantity_is_refused_everywhere() {
    altered_offers_are_refused(&Parties::start().await).await;
}

pub(super) async fn altered_offers_are_refused(parties: &Parties) {
    let [(product, _), (other, _)] = [parties.product(500).await, parties.product(900).await];
    let buyer = parties.buyer(10_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    for (member, value) in [
        ("/items/0/price", json!(499)),
        ("/items/0/quantity", json!(2)),
        ("/items/0/product", json!(other)),
        ("/total", json!(499)),
        ("/settlers", json!([parties.rival.id])),
    ] {
        let altered = json!({ "statement": altered(offer["statement"].as_str().unwrap(), member, value) });
        buyer.approve(&altered).await.expect_problem(409, "offer-not-genuine");
        for settler in [parties.settling(), &parties.rival] {
            let refused = present(settler, &approval, &altered, &key("altered")).await;
            refused.expect_problem(409, "offer-not-valid");
        }
    }
    assert_eq!(parties.account(&buyer.user).await, (500, 0));
    // Purchase information that the terminal made itself: a price that is 1 too low, more pieces, another product.
    for (product, quantity, price) in [(&product, 1, 499), (&product, 2, 250), (&other, 1, 500)] {
        let approval = buyer.approve_amount(quantity * price).await.expect(201).json();
        let items = json!([{ "product": product, "quantity": quantity, "price": price }]);
        let purchase = json!({ "shop": parties.shop.id, "currency": "EUR", "items": items });
        let body = json!({ "issuer": approval["issuer"], "token": approval["token"], "purchase": purchase });
        let opened = parties.settling().guest().post("/v1/settlements", &key("own"), &body).await.expect(201).json();
        let holder = parties.settling().node.caller(opened["capability"].as_str().unwrap());
        let row = settled(&holder, opened["id"].as_str().unwrap(), &OVER).await;
        parties.settling().owes_nothing().await;
        assert_eq!((&row["state"], &row["reason"]), (&json!("refused"), &json!("price-differs")));
        assert_eq!(parties.account(&buyer.user).await, (500, 0));
    }
}

/// The statement with another value in its content.
fn altered(statement: &str, member: &str, value: serde_json::Value) -> String {
    let mut parts: Vec<String> = statement.split('.').map(str::to_owned).collect();
    let content = data_encoding::BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap();
    let mut content: serde_json::Value = serde_json::from_slice(&content).unwrap();
    *content.pointer_mut(member).expect("a member of an offer") = value;
    parts[1] = data_encoding::BASE64URL_NOPAD.encode(content.to_string().as_bytes());
    parts.join(".")
}
