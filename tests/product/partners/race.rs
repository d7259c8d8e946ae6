//! Limited goods that several sites sell at once.

use serde_json::{Value, json};

use super::pages::{contract, shows};
use super::shopping::{BOOK, TIE_UP, Worker, ask, open, open_on, over, receives, stock, terms};
use crate::parties::{Party, key};

/// So many there are.
const LAST: u32 = 5;
/// So many each site's visitors want, one by one.
const WANTED: usize = 4;

/// Shows B45. Keeps R3.
#[tokio::test]
async fn the_last_goods_are_sold_once_each_whoever_sells_them_and_whoever_dies() {
    let delegation = json!({ "rules": [{ "kind": "buy", "entrusted": ["stock"] }] });
    let mut sites = open(&delegation, &Value::Null).await;
    let mut second = Party::start("second").await;
    sites.main.knows(&second, &["partner_site"]).await;
    second.knows(&sites.main, &["main_site"]).await;
    contract(&sites.main, &second, &terms(&delegation, &Value::Null)).await;
    shows(&second, TIE_UP, "offers").await;
    receives(&sites.main, BOOK, LAST).await;
    let mut asked = Vec::new();
    for _ in 0..WANTED {
        for party in [&sites.main, &sites.partner, &second] {
            asked.push(ask(party, TIE_UP, ("buy", BOOK, 1)).await);
        }
    }
    let workers = [Worker::shop(&sites.main).await, Worker::shop(&sites.partner).await, Worker::shop(&second).await];
    let some_are_sold = async || stock(&sites.main).await;
    crate::fixture::until(some_are_sold, |stock| stock[1] + stock[2] > 0).await;
    sites.main.node.crash();
    sites.partner.node.crash();
    second.node.crash();
    let mut sold = 0;
    for (n, asked) in asked.iter().enumerate() {
        let party = [&sites.main, &sites.partner, &second][n % 3];
        let row = over(party, asked).await;
        if row["state"] == json!("done") {
            sold += 1;
        } else {
            assert_eq!(row["failure"]["reason"], json!("out-of-stock"), "{row}");
        }
    }
    drop(workers);
    let [on_hand, reserved, counted, _] = stock(&sites.main).await;
    assert_eq!((sold, on_hand, reserved, counted), (LAST, 0, 0, u64::from(LAST)));
    sites.assert_sound();
    second.node.assert_sound();
}

/// Shows B45.
#[tokio::test]
async fn the_rate_of_a_sale_follows_what_the_main_site_offers_and_what_this_partners_visitors_want() {
    let delegation = json!({ "rules": [{ "kind": "buy", "entrusted": ["stock"] }] });
    let demand = |low, high| json!([{ "from": 0, "below": 4, "rate": low }, { "from": 4, "rate": high }]);
    let supply = json!([
        { "from": 0, "below": 100, "demand": demand("0.2", "0.15") }, { "from": 100, "demand": demand("0.1", "0.05") },
    ]);
    let mut terms = terms(&delegation, &Value::Null);
    terms["time_zone"] = json!("UTC");
    terms["options"] = json!([]);
    terms["tariff"]["rules"] = json!([{ "id": "sales", "text": "Sales", "rounding": "half_even", "by": { "transactions": { "supply": supply } } }]);
    let sites = open_on(&terms).await;
    let (main, partner) = (&sites.main, &sites.partner);
    receives(main, BOOK, LAST).await;
    let _shop = Worker::shop(partner).await;
    let mut purchases = Vec::new();
    for _ in 0..2 {
        let row = over(partner, &ask(partner, TIE_UP, ("buy", BOOK, 1)).await).await;
        assert_eq!(row["state"], json!("done"), "{row}");
        let amount = &row["steps"][0]["amount"];
        purchases
            .push(json!({ "id": row["id"], "at": row["opened_at"], "amount": amount, "quantity": 1, "good": BOOK }));
    }
    let at = purchases[0]["at"].clone();
    let month = at.as_str().expect("a time")[..7].to_owned();
    let report = async |name: &str, facts: Value| {
        let body = json!({ "contract": sites.contract, "name": name, "at": at, "facts": facts });
        main.do_once("/v1/fee-reports", &key("report"), &body).await.expect(201);
        main.owes_nothing().await;
    };
    // The main site offers as many as it had, and visitors wanted as many as they bought.
    let goods = |offered: u64, demanded: u64| json!([{ "good": BOOK, "offered": offered, "demanded": demanded }]);
    report("sales", json!({ "purchases": purchases, "goods": goods(LAST.into(), 2) })).await;
    let charged = async || {
        let path = format!("/v1/contracts/{}/fees/{month}", sites.contract);
        let [here, there] = [main.row(&path).await, partner.row(&path).await];
        assert_eq!(here.to_string(), there.to_string());
        here["fee"]["total"].as_u64()
    };
    assert_eq!(charged().await, Some(800));
    report("more wanted", json!({ "goods": goods(0, 2) })).await;
    assert_eq!(charged().await, Some(600));
    report("more offered", json!({ "goods": goods(95, 0) })).await;
    assert_eq!(charged().await, Some(200));
    sites.assert_sound();
}
