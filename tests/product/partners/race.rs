//! Limited goods that several sites sell at once.

use serde_json::{Value, json};

use super::pages::{contract, shows};
use super::shopping::{BOOK, TIE_UP, Worker, ask, open, over, receives, stock, terms};
use crate::parties::Party;

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
