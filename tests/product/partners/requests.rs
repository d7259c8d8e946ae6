//! Requests of visitors between real processes: who processes which, as the terms of the contract say.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::shopping::{BOOK, ORIGINAL, TIE_UP, Worker, ask, done, failed, open, outcome, over, receives, sees, stock};
use crate::fixture::Ended;
use crate::parties::proxy::Proxy;
use crate::parties::{Party, key};

const BUY: (&str, &str, u32) = ("buy", BOOK, 2);

/// Which steps partner sites are told to take for the book.
async fn instruct(main: &Party, steps: &[&str]) {
    let body = json!({ "article": BOOK, "steps": steps });
    main.do_once("/v1/stocks/instruct", &key("instruct"), &body).await.expect(200);
}

/// Shows B19, B50.
#[tokio::test]
async fn where_the_partner_processes_all_the_main_site_is_not_called_and_its_stock_not_written() {
    let sites = open(&json!({}), &Value::Null).await;
    let (main, partner) = (&sites.main, &sites.partner);
    let calls = Proxy::before(main).await;
    partner.finds(main, "main_site", &calls.url).await;
    for party in [main, partner] {
        receives(party, BOOK, 5).await;
    }
    let _shop = Worker::shop(partner).await;
    let before = (main.node.ends().await, stock(main).await);
    assert_eq!(outcome(partner, TIE_UP, BUY).await, done());
    assert_eq!(outcome(partner, TIE_UP, ("buy", BOOK, 4)).await, failed("out-of-stock"));
    assert_eq!(outcome(partner, TIE_UP, ("stock", BOOK, 1)).await, done());
    partner.owes_nothing().await;
    assert_eq!(stock(partner).await, [3, 0, 2, 3]);
    assert_eq!((main.node.ends().await, stock(main).await), before);
    assert_eq!((calls.passed("").len(), main.rows("page-requests").await.len()), (0, 0));
    sites.assert_sound();
}

/// Shows B20, B50.
#[tokio::test]
async fn where_the_main_site_processes_all_the_partners_stock_is_untouched_whoever_dies() {
    let mut sites = open(&json!({ "rules": [{ "kind": "buy", "mode": "main" }] }), &Value::Null).await;
    for party in [&sites.main, &sites.partner] {
        receives(party, BOOK, 5).await;
    }
    let before = stock(&sites.partner).await;
    // Nobody is there to be told.
    sites.main.node.kill();
    let asked = ask(&sites.partner, TIE_UP, BUY).await;
    sees(&sites.partner, &asked, |row| row["state"] == json!("entrusting")).await;
    sites.partner.node.kill();
    sites.main.node.start_again();
    sites.partner.node.start_again();
    sees(&sites.partner, &asked, |row| row["state"] == json!("entrusted")).await;
    // The shop's program comes last, and the partner is not there to be told what it did.
    sites.partner.node.kill();
    let _shop = Worker::shop(&sites.main).await;
    let of_main = async || sites.main.rows("page-requests").await;
    crate::fixture::until(of_main, |rows| rows[0]["state"] == json!("reporting")).await;
    sites.partner.node.start_again();
    let row = over(&sites.partner, &asked).await;
    assert_eq!((&row["state"], &row["mode"]), (&json!("done"), &json!("main")), "{row}");
    assert_eq!((stock(&sites.partner).await, stock(&sites.main).await), (before, [3, 0, 2, 3]));
    sites.assert_sound();
}

/// Shows B21, B50.
#[tokio::test]
async fn a_command_of_the_main_site_changes_what_the_partner_does_next() {
    let sites = open(&json!({ "rules": [{ "mode": "commanded" }] }), &Value::Null).await;
    let (main, partner) = (&sites.main, &sites.partner);
    receives(partner, BOOK, 1).await;
    let _shop = Worker::shop(partner).await;
    let all = ["price", "stock", "payment", "delivery"];
    // Two are more than the partner has: it depends on the command whether that is looked at.
    for (steps, expected, untouched) in [
        (&all[..], failed("out-of-stock"), true),
        (&["price", "payment", "delivery"], done(), true),
        (&all[..], failed("out-of-stock"), true),
    ] {
        instruct(main, steps).await;
        assert_eq!(outcome(partner, TIE_UP, BUY).await, expected, "{steps:?}");
        assert_eq!(stock(partner).await == [1, 0, 0, 1], untouched);
    }
    assert_eq!(outcome(partner, TIE_UP, ("buy", BOOK, 1)).await, done());
    assert_eq!(stock(partner).await, [0, 0, 1, 3]);
    let commanded = main.rows("page-requests").await;
    assert!(commanded.len() == 4 && commanded.iter().all(|row| row["state"] == json!("commanded")), "{commanded:?}");
    sites.assert_sound();
}

/// Shows B22, B50.
#[tokio::test]
async fn the_content_of_a_request_says_who_processes_it_and_a_part_of_one_is_entrusted() {
    let rules = json!([{ "kind": "price", "mode": "main" }, { "kind": "buy", "entrusted": ["stock"] }]);
    let mut sites = open(&json!({ "rules": rules }), &Value::Null).await;
    receives(&sites.main, BOOK, 3).await;
    receives(&sites.partner, BOOK, 3).await;
    // Each site answers what is its own, and nothing else.
    let _of_main = Worker::of(&sites.main, &["price"]).await;
    let asked = ask(&sites.partner, TIE_UP, ("price", BOOK, 1)).await;
    let row = over(&sites.partner, &asked).await;
    assert_eq!(
        (&row["mode"], &row["steps"][0]["at"], &row["steps"][0]["amount"]),
        (&json!("main"), &json!("main"), &json!(1999))
    );
    let pricing = Worker::of(&sites.partner, &["price"]).await;
    let asked = ask(&sites.partner, TIE_UP, BUY).await;
    sees(&sites.partner, &asked, |row| row["waits_for"] == json!("payment")).await;
    assert_eq!((stock(&sites.main).await[1], stock(&sites.partner).await[1]), (2, 0));
    // The main site dies with the reservation, and the partner before it says that it was sold.
    sites.main.node.kill();
    drop(pricing);
    let _shop = Worker::shop(&sites.partner).await;
    sees(&sites.partner, &asked, |row| row["state"] == json!("settling")).await;
    sites.partner.node.kill();
    sites.main.node.start_again();
    sites.partner.node.start_again();
    let row = over(&sites.partner, &asked).await;
    let at: Vec<_> = row["steps"].as_array().unwrap().iter().map(|step| step["at"].clone()).collect();
    assert_eq!(
        (&row["state"], at),
        (&json!("done"), ["partner", "main", "partner", "partner"].map(Value::from).to_vec())
    );
    assert_eq!((stock(&sites.main).await, stock(&sites.partner).await), ([1, 0, 2, 3], [3, 0, 0, 1]));
    sites.assert_sound();
}

/// Shows B23.
#[tokio::test]
async fn requests_to_originals_are_processed_while_the_main_site_is_down() {
    let mut sites = open(&json!({ "rules": [{ "mode": "main" }] }), &Value::Null).await;
    receives(&sites.partner, BOOK, 2).await;
    let _shop = Worker::shop(&sites.partner).await;
    sites.main.node.kill();
    assert_eq!(outcome(&sites.partner, ORIGINAL, BUY).await, done());
    assert_eq!(stock(&sites.partner).await, [0, 0, 2, 3]);
    // The same on a tie-up page is the main site's.
    let asked = ask(&sites.partner, TIE_UP, BUY).await;
    sees(&sites.partner, &asked, |row| row["state"] == json!("entrusting")).await;
    sites.partner.node.assert_sound();
}

/// Shows B53.
#[tokio::test]
async fn a_question_about_a_timetable_is_answered_in_every_mode_without_a_shop() {
    let rules = json!([
        { "kind": "timetable", "article": "osaka", "mode": "main" },
        { "kind": "timetable", "article": "kyoto", "mode": "commanded" },
        { "kind": "timetable", "article": "nara", "entrusted": ["answer"] },
    ]);
    let sites = open(&json!({ "rules": rules }), &Value::Null).await;
    let (main, partner) = (&sites.main, &sites.partner);
    let _of_partner = Worker::of(partner, &["answer"]).await;
    let _of_main = Worker::of(main, &["answer"]).await;
    for (city, mode, at, text) in [
        ("tokyo", "partner", "partner", "06:00 Nozomi 1"),
        ("osaka", "main", "main", "06:16 Nozomi 3"),
        ("kyoto", "commanded", "partner", "06:30 Hikari 5"),
        ("nara", "partner", "main", "06:40 Kodama 7"),
    ] {
        let row = over(partner, &ask(partner, TIE_UP, ("timetable", city, 1)).await).await;
        let step = &row["steps"][0];
        assert_eq!(
            (&row["state"], &row["mode"], &step["at"], &step["text"]),
            (&json!("done"), &json!(mode), &json!(at), &json!(text))
        );
    }
    for party in [main, partner] {
        assert_eq!(party.rows("stocks").await, [] as [Value; 0]);
    }
    sites.assert_sound();
}

/// Shows B50.
#[tokio::test]
async fn a_shop_is_a_process_of_its_own_that_may_die_and_what_nobody_answers_is_released() {
    let sites = open(&json!({ "answer_secs": 3 }), &Value::Null).await;
    let partner = &sites.partner;
    receives(partner, BOOK, 2).await;
    let pricing = Worker::of(partner, &["price"]).await;
    assert!(![std::process::id(), partner.node.pid()].contains(&pricing.pid()));
    let asked = ask(partner, TIE_UP, BUY).await;
    sees(partner, &asked, |row| row["waits_for"] == json!("payment") && row["reserved"] == json!("here")).await;
    assert_eq!(outcome(partner, TIE_UP, BUY).await, failed("out-of-stock"));
    // Nobody takes payments.
    let row = over(partner, &asked).await;
    assert_eq!((&row["failure"]["reason"], &row["failure"]["step"]), (&json!("no-answer"), &json!("payment")), "{row}");
    assert_eq!(stock(partner).await, [2, 0, 0, 3]);
    // Another program does, and a second one beside it changes nothing.
    drop(pricing);
    let _two = [Worker::shop(partner).await, Worker::shop(partner).await];
    assert_eq!(outcome(partner, TIE_UP, BUY).await, done());
    assert_eq!(stock(partner).await, [0, 0, 2, 5]);
    sites.assert_sound();
}

/// Shows B1.
#[tokio::test]
async fn a_client_sees_no_difference_between_the_main_site_and_its_partner() {
    let sites = open(&json!({}), &Value::Null).await;
    let mut workers = Vec::new();
    for party in [&sites.main, &sites.partner] {
        receives(party, BOOK, 5).await;
        workers.push(Worker::shop(party).await);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/shopping.py");
    let shops = |party: &Party| Ended::of(Command::new("python3").arg(&script).arg(party.node.url())).ok().out;
    let expected = "offers\n\
        price book-1 1: done None price [1999]\n\
        buy book-1 2: done None price stock payment delivery [3998]\n\
        buy book-1 9: failed out-of-stock price [17991]\n\
        price no 1: failed no-such-article  []\n";
    assert_eq!(shops(&sites.main), expected);
    assert_eq!(shops(&sites.partner), expected);
    for party in [&sites.main, &sites.partner] {
        assert_eq!(stock(party).await, [3, 0, 2, 3]);
    }
    sites.assert_sound();
}

#[tokio::test]
async fn a_form_of_a_page_asks_too_and_what_is_no_request_is_refused() {
    let sites = open(&json!({}), &Value::Null).await;
    let partner = &sites.partner;
    let post = async |page: &str, kind: &str, body: &str| {
        let request = partner.guest().request(reqwest::Method::POST, &format!("/site/{page}"));
        let request = request.header("Content-Type", kind).body(body.to_owned());
        partner.guest().send(request).await.expect("the node answers")
    };
    let form = "application/x-www-form-urlencoded";
    let opened = post(TIE_UP, form, "kind=stock&article=book-1").await.expect(201);
    assert!(opened.field("capability").starts_with("kpc_"));
    post(TIE_UP, form, "kind=buy&article=book-1&quantity=0").await.expect_problem(422, "invalid-body");
    post(TIE_UP, "application/json", "{\"kind\":\"buy\"").await.expect_problem(422, "invalid-body");
    post(TIE_UP, "application/json", "{\"kind\":\"buy\",\"article\":\"a\",\"contract\":null}")
        .await
        .expect_problem(422, "invalid-body");
    assert_eq!(post("nothing.html", form, "kind=buy&article=a").await.status, 404);
    assert_eq!(post(TIE_UP, "text/plain", "kind=buy").await.status, 415);
    // Nobody else sees it.
    let path = format!("/v1/page-requests/{}", opened.field("id"));
    assert_eq!(partner.guest().get(&path).await.status, 401);
}
