//! Requests at two sites that die after each step, and what is sent by who has no part in them.

use serde_json::{Value, json};

use super::Sites;
use super::shopping::{Asked, TIE_UP, ask, open, receives, sees};
use crate::fixture::first;
use crate::parties::proxy::{Proxy, ask as send, told};
use crate::parties::{Party, key};

/// The request and the step that wait for an answer at `party`.
async fn waiting(party: &Party) -> Option<(String, String)> {
    let rows = party.operator().get("/v1/page-requests?state=waiting").await.json();
    let row = rows["data"].as_array()?.first()?.clone();
    Some((row["id"].as_str()?.to_owned(), row["waits_for"].as_str()?.to_owned()))
}

/// Whether the request is over, or which step waits where.
async fn next(sites: &Sites, asked: &Asked) -> Option<(bool, String, String)> {
    let now = async || {
        let row = sees(&sites.partner, asked, |_| true).await;
        if row["state"] == json!("done") {
            return Some(None);
        }
        for (is_main, party) in [(false, &sites.partner), (true, &sites.main)] {
            if let Some((request, step)) = waiting(party).await {
                return Some(Some((is_main, request, step)));
            }
        }
        None
    };
    first(now, Option::is_some).await.expect("it was waited for")
}

/// What a site has sold of `article`, and how many more times its stock changed than once.
async fn sold(party: &Party, article: &str) -> [u64; 3] {
    let rows = party.rows("stocks").await;
    let row = rows.iter().find(|row| row["article"] == json!(article)).expect("there is a stock");
    [&row["sold"], &row["reserved"], &row["version"]].map(|number| number.as_u64().expect("a number"))
}

/// Keeps R3, E3.
#[tokio::test]
async fn a_purchase_is_made_once_whichever_site_dies_after_whichever_step() {
    let rules = json!([
        { "article": "of-main", "mode": "main" },
        { "article": "commanded", "mode": "commanded" },
        { "article": "in-parts", "entrusted": ["stock", "delivery"] },
    ]);
    let mut sites = open(&json!({ "rules": rules }), &json!({ "per_sale": { "rate_bp": 1000 } })).await;
    let articles = [("of-partner", false), ("of-main", true), ("commanded", false), ("in-parts", true)];
    for (article, is_of_main) in articles {
        receives(&sites.main, article, 2).await;
        receives(&sites.partner, article, 2).await;
        let asked = ask(&sites.partner, TIE_UP, ("buy", article, 1)).await;
        let mut steps = Vec::new();
        loop {
            sites.main.node.kill();
            sites.partner.node.crash();
            sites.main.node.start_again();
            let Some((is_main, request, step)) = next(&sites, &asked).await else { break };
            let body = json!({ "step": step, "amount": 1000, "currency": "EUR" });
            let party = if is_main { &sites.main } else { &sites.partner };
            let path = format!("/v1/page-requests/{request}/answer");
            let answered = party.do_once(&path, &format!("{request}-{step}"), &body).await;
            // A view may be behind by a step.
            assert!(matches!(answered.status, 200 | 409), "{}", answered.text);
            if answered.status == 200 {
                steps.push(step);
            }
        }
        assert_eq!(steps, ["price", "payment", "delivery"], "{article}");
        let (seller, other) = if is_of_main { (&sites.main, &sites.partner) } else { (&sites.partner, &sites.main) };
        assert_eq!((sold(seller, article).await, sold(other, article).await), ([1, 0, 3], [0, 0, 1]), "{article}");
    }
    sites.partner.owes_nothing().await;
    // Of all but the one that was paid at the main site.
    let collected = async || sites.main.rows("collections").await;
    let collected = first(collected, |rows| rows.len() == 3).await;
    assert!(collected.iter().all(|row| row["charge"] == json!(100)), "{collected:?}");
    sites.assert_sound();
}

#[tokio::test]
async fn nobody_but_the_other_site_entrusts_reports_or_settles_and_once_is_enough() {
    let rules = json!([{ "kind": "buy", "entrusted": ["stock"] }, { "kind": "price", "mode": "commanded" }]);
    let sites = open(&json!({ "rules": rules }), &Value::Null).await;
    let (main, partner) = (&sites.main, &sites.partner);
    receives(main, "a", 5).await;
    let [to_main, to_partner] = [Proxy::before(main).await, Proxy::before(partner).await];
    partner.finds(main, "main_site", &to_main.url).await;
    main.finds(partner, "partner_site", &to_partner.url).await;
    let asked = ask(partner, TIE_UP, ("buy", "a", 2)).await;
    for step in ["price", "payment", "delivery"] {
        sees(partner, &asked, |row| row["waits_for"] == json!(step)).await;
        let body = json!({ "step": step, "amount": 1, "currency": "EUR" });
        let path = format!("/v1/page-requests/{}/answer", asked.id);
        partner.do_once(&path, &key("answer"), &body).await.expect(200);
    }
    sees(partner, &asked, |row| row["state"] == json!("done")).await;
    let before = (sold(main, "a").await, main.rows("page-requests").await);
    assert_eq!(before.0, [2, 0, 3]);
    for (proxy, party, path) in
        [(&to_main, main, "/entrust"), (&to_partner, partner, "/report"), (&to_main, main, "/settle")]
    {
        let passed = proxy.passed(path);
        let request = String::from_utf8(passed[0].request.clone()).unwrap();
        // Sent again as it was, it changes nothing.
        send(party.node.url(), request.as_bytes()).await;
        // Anything else in it is another request than the one that was signed.
        let body = request.split("\r\n\r\n").nth(1).unwrap();
        let others = [("true", "null"), ("\"quantity\":2", "\"quantity\":5"), ("\"available\":3", "\"available\":9")];
        let other = others.iter().fold(body.to_owned(), |body, (from, to)| body.replace(from, to));
        let changed = request.replace(body, &other);
        assert_ne!(changed, request, "{path}");
        let (status, text) = told(&send(party.node.url(), changed.as_bytes()).await);
        assert!(matches!(status, 400 | 401), "{path}: {status} {text}");
        // Who has a key of the node is not the other site.
        let body: Value = serde_json::from_str(body).unwrap();
        let path = passed[0].path.clone();
        assert_eq!(party.operator().post(&path, &key("forged"), &body).await.status, 403, "{path}");
        assert_eq!(party.guest().post(&path, &key("forged"), &body).await.status, 401, "{path}");
    }
    assert_eq!((sold(main, "a").await, main.rows("page-requests").await), before);
    sites.assert_sound();
}
