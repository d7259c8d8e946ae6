//! What a main site collects of its partners' sales: once, whatever happens on the way, and in books that add up.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::shopping::{BOOK, TIE_UP, Worker, done, open, outcome, receives};
use crate::fixture::first;
use crate::parties::proxy::{Act, Proxy, ask as send, told};
use crate::parties::{Party, key};

const RECEIVE: &str = "/v1/collections/receive";

/// What stands in an account of `party`, over all collections.
async fn account(party: &Party, account: &str) -> i64 {
    let rows = party.rows("collections").await;
    let postings = rows.iter().flat_map(|row| row["postings"].as_array().expect("a list"));
    let of = postings.filter(|posting| account.is_empty() || posting["account"] == json!(account));
    of.map(|posting| posting["amount"].as_i64().expect("a whole number")).sum()
}

/// The states of all collections at `party`, once there are so many and nothing is owed.
async fn states(party: &Party, count: usize) -> Vec<Value> {
    let rows = first(async || party.rows("collections").await, |rows| rows.len() == count).await;
    rows.into_iter().map(|row| row["state"].clone()).collect()
}

/// Another amount in the body of a request.
fn altered(request: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(request).expect("JSON");
    let changed = text.replace("\"charge\":250,", "\"charge\":150,");
    assert_ne!(text, changed);
    changed.into_bytes()
}

/// Shows B46, B47. Keeps R3.
#[tokio::test]
async fn each_sale_is_collected_once_also_where_a_transfer_is_lost_doubled_or_altered() {
    let mut sites = open(&json!({}), &json!({ "per_sale": { "rate_bp": 1250 } })).await;
    let (main, partner) = (&sites.main, &sites.partner);
    receives(partner, BOOK, 10).await;
    let _shop = Worker::shop(partner).await;
    let proxy = Proxy::before(main).await;
    partner.finds(main, "main_site", &proxy.url).await;
    let sells = async || assert_eq!(outcome(partner, TIE_UP, ("buy", BOOK, 1)).await, done());
    // The first is received, and the answer to it lost.
    let tries = AtomicU32::new(0);
    proxy.acts(RECEIVE, move || if tries.fetch_add(1, Ordering::Relaxed) == 0 { Act::LoseAnswer } else { Act::PassOn });
    sells().await;
    partner.owes_nothing().await;
    assert!(proxy.passed(RECEIVE).len() >= 2);
    // The second comes twice.
    proxy.acts(RECEIVE, || Act::AskTwice);
    sells().await;
    partner.owes_nothing().await;
    // The third is altered on its way, which is refused: it is owed still.
    let before = proxy.passed(RECEIVE).len();
    proxy.acts(RECEIVE, || Act::ChangeRequest(altered));
    sells().await;
    let refused = first(async || proxy.passed(RECEIVE), |passed| passed.len() > before).await;
    let (status, text) = told(&refused[before].answer);
    assert_eq!(status, 401, "{text}");
    assert_eq!(main.rows("collections").await.len(), 2);
    assert_eq!((account(partner, "main_site").await, account(main, "cash").await), (-250, 500));
    proxy.passes_on();
    partner.owes_nothing().await;
    // What was taken is sent again, as it was, by somebody who listened.
    for passed in proxy.passed(RECEIVE) {
        send(main.node.url(), &passed.request).await;
    }
    assert_eq!(states(partner, 3).await, vec![json!("transferred"); 3]);
    assert_eq!(states(main, 3).await, vec![json!("received"); 3]);
    for party in [main, partner] {
        assert_eq!(account(party, "").await, 0);
    }
    assert_eq!((account(partner, "main_site").await, account(main, "cash").await), (0, 750));
    assert_eq!((account(partner, "cash").await, account(partner, "sales").await), (3 * 1_749, -3 * 1_749));
    // Nobody else gives it anything.
    let forged = json!({ "charge": {
        "contract": sites.contract, "reference": "forged", "prepaid": false, "at": "2026-12-01T00:00:00Z", "paid": 1999, "charge": 250,
        "currency": "EUR",
    } });
    assert_eq!(main.operator().post(RECEIVE, &key("forged"), &forged).await.status, 403);
    assert_eq!(main.guest().post(RECEIVE, &key("forged"), &forged).await.status, 401);
    // Both die, and it is in their books all the same.
    sites.main.node.crash();
    sites.partner.node.crash();
    assert_eq!((account(&sites.main, "cash").await, account(&sites.partner, "").await), (750, 0));
    sites.assert_sound();
}

/// Shows B46.
#[tokio::test]
async fn a_fee_that_is_paid_in_advance_is_collected_once_and_sales_stay_in_the_partners_books() {
    let mut sites = open(&json!({}), &json!({ "prepaid": {} })).await;
    receives(&sites.partner, BOOK, 10).await;
    let _shop = Worker::shop(&sites.partner).await;
    let fee = json!({ "contract": sites.contract, "reference": "2026-12", "amount": 30000, "currency": "EUR" });
    sites.main.node.kill();
    sites.partner.do_once("/v1/collections", &key("fee"), &fee).await.expect(201);
    sites.partner.do_once("/v1/collections", &key("fee"), &fee).await.expect_problem(409, "collection-known");
    assert_eq!(outcome(&sites.partner, TIE_UP, ("buy", BOOK, 1)).await, done());
    assert_eq!(account(&sites.partner, "main_site").await, -30_000);
    sites.main.node.start_again();
    sites.partner.owes_nothing().await;
    let (main, partner) = (&sites.main, &sites.partner);
    let mut of_partner = states(partner, 2).await;
    of_partner.sort_by_key(ToString::to_string);
    assert_eq!(
        (of_partner, states(main, 1).await),
        (vec![json!("kept"), json!("transferred")], vec![json!("received")])
    );
    assert_eq!((account(main, "cash").await, account(main, "").await), (30_000, 0));
    assert_eq!((account(partner, "cash").await, account(partner, "fees").await), (1_999 - 30_000, 30_000));
    assert_eq!(
        (account(partner, "sales").await, account(partner, "main_site").await, account(partner, "").await),
        (-1_999, 0, 0)
    );
    // The main site's operator pays nothing to itself.
    main.do_once("/v1/collections", &key("fee"), &fee).await.expect_problem(403, "forbidden");
    sites.assert_sound();
}
