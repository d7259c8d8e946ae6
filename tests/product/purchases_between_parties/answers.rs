//! A party whose answers do not count, are late or are lost: each time this is named, and nothing moves before there is one that counts.

use kippu_events::secrets::PublicKey;
use serde_json::{Value, json};

use crate::books::books;
use crate::fixture::{first, run, utf8};
use crate::parties::proxy::{self, Act, Passed, Proxy};
use crate::parties::{Bought, Parties, Party, finish, key, present, settle, settled};

/// What goes wrong with an answer, and what is said of it. The answer `earlier` is genuine, to another request.
fn faults(earlier: &Passed) -> [(Act, &'static str); 7] {
    let fails = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops";
    [
        (
            Act::Say(fails.to_vec()),
            "the answer does not count: it is not signed; the answer is 500 Internal Server Error",
        ),
        (Act::Hang, "operation timed out"),
        (Act::Say(b"this is no HTTP\r\n\r\n".to_vec()), "invalid HTTP version"),
        (Act::Say(earlier.answer.clone()), "the answer does not count: it answers another request"),
        (Act::Change(proxy::cut), "end of file before message length reached"),
        (Act::Change(proxy::unsigned), "the answer does not count: it is not signed; the answer is 200 OK"),
        (Act::Change(proxy::altered), "the answer does not count: its body is not that of its header field"),
    ]
}

/// What the settlement server comes to owe for `settlement`, once the last error of it has `named` in it and it was tried more than
/// `tries` times.
pub(super) async fn owed(settler: &Party, settlement: &str, named: &str, tries: u64) -> Value {
    let entity = format!("settlements/{settlement}");
    let of_it = async || {
        let owed = settler.operator().get("/v1/activities").await.expect(200).json();
        let mut rows = owed["data"].as_array().unwrap().iter();
        rows.find(|row| row["entity"] == entity).cloned().unwrap_or_default()
    };
    let is_named = |row: &Value| row["last_error"].as_str().is_some_and(|error| error.contains(named));
    first(of_it, |row| is_named(row) && row["tries"].as_u64() > Some(tries)).await
}

/// What `kippu activities list` says.
pub(super) fn listed(settler: &Party) -> String {
    let key = settler.node.data().join("operator.key");
    run(&["activities", "list", "--server", settler.node.url(), "--key-file", utf8(&key)]).ok().out
}

/// What is owed waits no longer for its time.
pub(super) async fn hurry(settler: &Party) {
    let retry = settler.operator().request(reqwest::Method::POST, "/v1/activities/retry");
    settler.operator().send(retry).await.expect("the settlement server answers").expect(204);
}

/// Plays every fault at requests of the settlement server for paths that end so, at each of which a purchase stands still in `state`.
async fn faults_are_named(is_shop: bool, path: &'static str, state: &str) {
    let mut parties = Parties::start().await;
    parties.settle_on("settle_first", 60).await;
    let (party, role) = if is_shop { (&parties.shop, "shop") } else { (&parties.authenticator, "authenticator") };
    let proxy = Proxy::before(party).await;
    parties.settler.finds(party, role, &proxy.url).await;
    let (product, file) = parties.product(100).await;
    let buyer = parties.buyer(10_000).await;
    parties.buy(&buyer, &product).await;
    parties.settler.owes_nothing().await;
    let mut charged = 100;
    let earlier = proxy.passed(path).pop().expect("an answer to another request");
    for (act, named) in faults(&earlier) {
        let is_asked = matches!(act, Act::Change(_));
        proxy.acts(path, move || act.clone());
        let offer = parties.offer(&product).await;
        let approval = buyer.approve(&offer).await.expect(201).json();
        let opened = present(&parties.settler, &approval, &offer, &key("settlement")).await.expect(201).json();
        let id = opened["id"].as_str().unwrap();
        let row = owed(&parties.settler, id, named, 0).await;
        assert_eq!(row["to"], json!(party.id), "{row}");
        let listed = listed(&parties.settler);
        assert!(listed.lines().any(|line| line.contains(id) && line.contains(named)), "{listed}");
        let holder = parties.settler.node.caller(opened["capability"].as_str().unwrap());
        let row = settled(&holder, id, &[state]).await;
        // Nothing is paid on it. A payment that is settled may have reached the books of its issuer.
        let is_paid = state == "settled";
        assert_eq!(row["settled_amount"].as_u64(), is_paid.then_some(100), "{named}: {row}");
        let has_notice = is_paid && is_asked;
        let account = if has_notice { (0, charged + 100) } else { (100, charged) };
        assert_eq!(parties.account(&buyer.user).await, account, "{named}");
        // It answers as it should again.
        proxy.passes_on();
        hurry(&parties.settler).await;
        let Bought { row, files, .. } = finish(&parties.settler, opened).await;
        assert_eq!((&row["state"], &files), (&json!("settled"), &vec![file.clone()]), "{named}: {row}");
        parties.settler.owes_nothing().await;
        charged += 100;
        assert_eq!(parties.account(&buyer.user).await, (0, charged), "{named}");
    }
    let settlements = parties.settler.rows("settlements").await;
    assert!(settlements.iter().all(|row| row["settled_amount"] == json!(100)), "{settlements:?}");
    assert_eq!(settlements.len(), 8);
    paid_between(&parties, charged).await;
    parties.assert_sound();
}

/// Asserts that so much is paid in the books of both servers.
async fn paid_between(parties: &Parties, amount: u64) {
    let amount = i64::try_from(amount).unwrap();
    let of = |party: &Party, kind: &str| format!("{kind}.{}.settlements.EUR", party.id);
    let [issuer, settler] = [books(&parties.authenticator).await, books(&parties.settler).await];
    assert_eq!(issuer[&of(&parties.settler, "settler")], (0, amount), "{issuer:?}");
    assert_eq!(settler[&of(&parties.authenticator, "issuer")], (amount, 0), "{settler:?}");
}

/// Shows F43, F44.
#[tokio::test]
async fn nothing_is_permitted_by_an_answer_that_does_not_count() {
    faults_are_named(false, "/v1/approvals/redeem", "presented").await;
}

/// Shows F43, F44.
#[tokio::test]
async fn nothing_is_delivered_by_an_answer_that_does_not_count() {
    faults_are_named(true, "/deliver", "permitted").await;
}

/// Shows D34, F43, F44.
#[tokio::test]
async fn a_payment_notice_is_owed_until_an_answer_counts_and_paid_once() {
    faults_are_named(false, "/settle", "settled").await;
}

/// Shows F43.
#[tokio::test]
async fn an_answer_by_a_key_that_is_not_known_or_whose_time_is_over_does_not_count() {
    let mut parties = Parties::start().await;
    parties.settle_on("settle_first", 60).await;
    let (product, _) = parties.product(100).await;
    let buyer = parties.buyer(1_000).await;
    let issuer = crate::parties::card(&parties.authenticator.node).await;
    let mut signing = issuer["keys"].as_array().unwrap().iter().filter(|key| key["use"] == json!("http"));
    let (x, None) = (&signing.next().unwrap()["x"], signing.next()) else { panic!("one key signs: {issuer}") };
    let id = &x.as_str().unwrap().parse::<PublicKey>().unwrap().id();
    let change = async |command: &str, body: &Value| {
        let path = format!("/v1/peers/{}/{command}", parties.authenticator.id);
        parties.settler.do_once(&path, &key(command), body).await.expect(200);
    };
    change("revoke-key", &json!({ "key": id })).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let opened = present(&parties.settler, &approval, &offer, &key("settlement")).await.expect(201).json();
    let settlement = opened["id"].as_str().unwrap();
    let named = format!("no key of its signer that counts has the id {id}");
    let row = owed(&parties.settler, settlement, &named, 0).await;
    // The key is known, and counted until an hour ago.
    let until = jiff::Timestamp::now() - jiff::Span::new().hours(1);
    change("add-key", &json!({ "key": { "use": "http", "x": x, "until": until.to_string() } })).await;
    hurry(&parties.settler).await;
    // One try may have begun before.
    let row = owed(&parties.settler, settlement, &named, row["tries"].as_u64().unwrap() + 1).await;
    assert!(listed(&parties.settler).contains(&named), "{row}");
    assert_eq!(parties.account(&buyer.user).await, (100, 0));
    change("revoke-key", &json!({ "key": id })).await;
    change("add-key", &json!({ "key": { "use": "http", "x": x } })).await;
    hurry(&parties.settler).await;
    assert_eq!(finish(&parties.settler, opened).await.row["state"], json!("settled"));
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 100));
    parties.assert_sound();
}

/// Shows D34. Keeps R3.
#[tokio::test]
async fn a_payment_notice_that_is_lost_twice_and_comes_twice_is_one_payment_in_the_books_of_both() {
    let mut parties = Parties::start().await;
    let proxy = Proxy::before(&parties.authenticator).await;
    parties.settler.finds(&parties.authenticator, "authenticator", &proxy.url).await;
    let mut acts = [Act::LoseRequest, Act::LoseAnswer, Act::AskTwice].into_iter();
    proxy.acts("/settle", move || acts.next().unwrap_or(Act::PassOn));
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&parties.product(500).await.0).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let bought = settle(&parties.settler, &approval, &offer).await;
    assert_eq!((&bought.row["settled_amount"], bought.files.len()), (&json!(500), 1));
    parties.settler.owes_nothing().await;
    let told: Vec<_> = proxy.passed("/settle").iter().map(|passed| proxy::told(&passed.answer)).collect();
    assert!(told.len() == 3 && told.iter().all(|one| *one == told[0] && one.0 == 200), "{told:?}");
    let row = parties.authenticator.row(&format!("/v1/approvals/{}", approval["id"].as_str().unwrap())).await;
    assert_eq!((&row["state"], &row["settled_amount"]), (&json!("settled"), &json!(500)));
    assert_eq!(parties.account(&buyer.user).await, (0, 500));
    paid_between(&parties, 500).await;
    parties.assert_sound();
}

/// Shows D28, D36.
#[tokio::test]
async fn a_permission_that_was_given_in_time_and_arrives_after_it_moves_nothing() {
    let mut parties = Parties::start().await;
    parties.settle_on("settle_first", 1).await;
    let proxy = Proxy::before(&parties.authenticator).await;
    parties.settler.finds(&parties.authenticator, "authenticator", &proxy.url).await;
    proxy.acts("/redeem", || Act::HoldBack);
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&parties.product(500).await.0).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let opened = present(&parties.settler, &approval, &offer, &key("settlement")).await.expect(201).json();
    let permitted = first(async || proxy.passed("/redeem"), |passed| !passed.is_empty()).await.remove(0);
    let (status, permission) = proxy::told(&permitted.answer);
    assert_eq!(status, 200, "{permission}");
    let id = opened["id"].as_str().unwrap();
    let holder = parties.settler.node.caller(opened["capability"].as_str().unwrap());
    settled(&holder, id, &["timed_out"]).await;
    let approval = format!("/v1/approvals/{}", approval["id"].as_str().unwrap());
    assert_eq!(parties.authenticator.row(&approval).await["state"], json!("redeemed"));
    // It arrives now.
    proxy.passes_on();
    parties.settler.owes_nothing().await;
    assert_eq!(parties.authenticator.row(&approval).await["state"], json!("released"));
    assert_eq!(parties.account(&buyer.user).await, (0, 0));
    let row = settled(&holder, id, &["timed_out"]).await;
    assert_eq!((&row["settled_amount"], &row["contents"]), (&json!(null), &json!([])));
    parties.assert_sound();
}
