//! Who a subscriber is, and where the limit comes from.

use serde_json::{Value, json};

use crate::http::Caller;
use crate::parties::{Parties, Party, key, settle};

/// A terminal that stores nobody's identification.
async fn terminal(authenticator: &Party) -> Caller {
    let body = json!({ "role": "terminal", "name": "a terminal for all" });
    let opened = authenticator.do_once("/v1/clients", &key("client"), &body).await.expect(201);
    authenticator.node.caller(&opened.field("key"))
}

/// Shows D8, D12.
#[tokio::test]
async fn a_subscriber_is_identified_in_one_step_or_in_two_and_nobody_learns_who_is_one() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(100).await;
    let login = key("login");
    let user = parties.subscriber(&login, "271828", 1_000).await;
    let terminal = terminal(&parties.authenticator).await;
    let offer = parties.offer(&product).await;
    let ask = async |identification: Value| {
        let body = json!({ "offer": offer["statement"], "identification": identification });
        terminal.post("/v1/approvals", &key("approval"), &body).await
    };
    // The login is named first, and the PIN is given with what was answered.
    let challenge = async |login: &str| {
        let body = json!({ "login": login });
        terminal.post("/v1/challenges", &key("challenge"), &body).await.expect(201).field("id")
    };
    ask(json!({ "login": login, "pin": "271828" })).await.expect(201);
    let challenged = challenge(&login).await;
    ask(json!({ "challenge": challenged, "pin": "271828" })).await.expect(201);
    ask(json!({ "challenge": challenged, "pin": "271828" })).await.expect_problem(409, "challenge-not-valid");
    let wrong = ask(json!({ "challenge": challenge(&login).await, "pin": "999999" })).await;
    let unknown = ask(json!({ "challenge": challenge("nobody").await, "pin": "271828" })).await;
    let in_one_step = ask(json!({ "login": "nobody", "pin": "271828" })).await;
    assert_eq!(wrong.slug().as_deref(), Some("not-identified"), "{}", wrong.text);
    for refused in [unknown, in_one_step] {
        assert!(refused.says_the_same_as(&wrong), "{refused:?}, {wrong:?}");
    }
    assert_eq!(parties.account(&user).await, (200, 0));
}

/// Shows D17.
#[tokio::test]
async fn a_limit_is_what_was_paid_in_beforehand_or_what_purchases_have_gathered() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(1_000).await;
    let limit = async |user: &str| parties.authenticator.row(&format!("/v1/users/{user}")).await["limit"].clone();
    let source = |source: &str, amount: u64| json!({ "source": source, "amount": amount, "currency": "EUR" });
    let prepaid = parties.buyer_with(json!({ "limit": source("prepaid", 0) })).await;
    let offer = parties.offer(&product).await;
    prepaid.approve(&offer).await.expect_problem(409, "limit-exceeded");
    let credit = format!("/v1/users/{}/credit", prepaid.user);
    parties.authenticator.do_once(&credit, &key("credit"), &json!({ "amount": 1_000 })).await.expect(200);
    assert_eq!(limit(&prepaid.user).await, json!(1_000));
    let approval = prepaid.approve(&offer).await.expect(201).json();
    settle(&parties.settler, &approval, &offer).await;
    // Ten percent of what is settled.
    let points = json!({ "limit": source("points", 1_000), "points_rate_bp": 1_000 });
    let gathers = parties.buyer_with(points).await;
    parties.buy(&gathers, &product).await;
    parties.settler.owes_nothing().await;
    assert_eq!(limit(&gathers.user).await, json!(1_100));
    for buyer in [prepaid, gathers] {
        assert_eq!(parties.account(&buyer.user).await, (0, 1_000));
    }
}
