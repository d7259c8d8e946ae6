//! Callers who race: for one token, for the last of a limit, and with their own retries.

use futures_util::future::join_all;

use crate::fixture::Node;
use crate::market::{price, purchase, redemption};

/// Shows D25, D26, D27, D36, F12. Keeps T1, E2.
#[tokio::test]
async fn of_sixteen_callers_who_race_to_redeem_one_token_exactly_one_succeeds() {
    let node = Node::start();
    let market = node.market(10_000);
    let buyer = market.buyer("ann").await;
    let mut settlers = Vec::new();
    for name in ["s1", "s2", "s3", "s4"] {
        settlers.push(market.settler(name).await);
    }
    for round in 0..20 {
        let opened = buyer.terminal.post("/v1/approvals", &format!("open-{round}"), &purchase(100)).await.expect(201);
        let (id, body) = (opened.field("id"), redemption(&opened.field("token")));
        let keys: Vec<_> = (0..16).map(|caller| format!("redeem-{round}-{caller}")).collect();
        let race = keys.iter().enumerate().map(|(n, key)| settlers[n % 4].post("/v1/approvals/redeem", key, &body));
        let replies = join_all(race).await;

        let winners: Vec<_> = (0..16).filter(|n| replies[*n].status == 200).collect();
        assert_eq!(winners.len(), 1, "{replies:?}");
        for (n, reply) in replies.iter().enumerate().filter(|(n, _)| *n != winners[0]) {
            assert_eq!((reply.status, reply.slug().as_deref()), (409, Some("already-redeemed")), "caller {n}");
        }
        // Whoever repeats a key gets that key's answer, the winner too.
        for (n, reply) in replies.iter().enumerate() {
            let again = settlers[n % 4].post("/v1/approvals/redeem", &keys[n], &body).await;
            assert!(again.says_the_same_as(reply), "caller {n}: {reply:?}, then {again:?}");
        }
        // Every refusal is on record, and the repetitions added nothing.
        let last = replies.iter().map(crate::http::Reply::position).max_by_key(|at| number(at)).unwrap();
        let approval = market.operator.get_at(&format!("/v1/approvals/{id}"), &last).await.expect(200).json();
        assert_eq!((approval["state"].as_str(), approval["redeem_refusals"].as_u64()), (Some("redeemed"), Some(15)));
        // The payment is bound to the winner.
        for (n, settler) in settlers.iter().enumerate().filter(|(n, _)| *n != winners[0] % 4) {
            let path = format!("/v1/approvals/{id}/settle");
            let refused = settler.post(&path, &format!("settle-{round}-{n}"), &price(100)).await;
            refused.expect_problem(403, "not-your-approval");
        }
    }
}

fn number(position: &str) -> u64 {
    position.split('-').nth(1).and_then(|number| number.parse().ok()).expect("partition-number-mark")
}

/// Shows D16, D18. Keeps T2.
#[tokio::test]
async fn of_two_approvals_that_race_for_the_last_of_a_limit_one_is_given() {
    let node = Node::start();
    let market = node.market(1_000);
    for round in 0..30 {
        let buyer = market.buyer(&format!("buyer-{round}")).await;
        let almost_all = purchase(600);
        let request = |key| buyer.terminal.post("/v1/approvals", key, &almost_all);
        let (one, two) = tokio::join!(request("one"), request("two"));
        let (given, refused) = if one.status == 201 { (one, two) } else { (two, one) };
        given.expect(201);
        refused.expect_problem(409, "limit-exceeded");
        // What is left is there to be had, and not a cent more.
        buyer.terminal.post("/v1/approvals", "three", &purchase(401)).await.expect_problem(409, "limit-exceeded");
        buyer.terminal.post("/v1/approvals", "four", &purchase(400)).await.expect(201);
    }
}

/// Shows F12. Keeps E2.
#[tokio::test]
async fn callers_who_send_one_command_at_once_get_one_answer_and_one_effect() {
    let node = Node::start();
    let market = node.market(1_000);
    let buyer = market.buyer("ann").await;
    for round in 0..20 {
        let (key, body) = (format!("key-{round}"), purchase(10));
        let replies = join_all((0..8).map(|_| buyer.terminal.post("/v1/approvals", &key, &body))).await;
        for reply in &replies {
            assert!(reply.status == 201 && reply.says_the_same_as(&replies[0]), "{replies:?}");
        }
    }
    let last = buyer.terminal.post("/v1/approvals", "last", &purchase(0)).await.expect(201).position();
    let spending = market.operator.get_at(&format!("/v1/spending/{}", buyer.user), &last).await.expect(200);
    assert_eq!(spending.json()["reserved"], 200, "twenty purchases of ten cents were asked for, eight times each");
}

/// Shows F12, F35. Keeps E2, T1.
#[tokio::test]
async fn a_retry_after_a_crash_is_answered_as_the_first_time() {
    let mut node = Node::start();
    let market = node.market(1_000);
    let (buyer, settler) = (market.buyer("ann").await, market.settler("one").await);
    let opened = buyer.terminal.post("/v1/approvals", "open", &purchase(700)).await.expect(201);
    let refused = buyer.terminal.post("/v1/approvals", "too-much", &purchase(301)).await;
    let body = redemption(&opened.field("token"));
    let redeemed = settler.post("/v1/approvals/redeem", "redeem", &body).await.expect(200);
    let again = settler.post("/v1/approvals/redeem", "again", &body).await.expect_problem(409, "already-redeemed");

    node.crash();

    let (terminal, settler) = (node.caller(&buyer.terminal.key), node.caller(&settler.key));
    assert!(terminal.post("/v1/approvals", "open", &purchase(700)).await.says_the_same_as(&opened));
    assert!(terminal.post("/v1/approvals", "too-much", &purchase(301)).await.says_the_same_as(&refused));
    assert!(settler.post("/v1/approvals/redeem", "redeem", &body).await.says_the_same_as(&redeemed));
    assert!(settler.post("/v1/approvals/redeem", "again", &body).await.says_the_same_as(&again));
    settler.post("/v1/approvals/redeem", "a third", &body).await.expect_problem(409, "already-redeemed");
}

/// Shows F12. Keeps E2.
#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let node = Node::start();
    let market = node.market(1_000);
    let buyer = market.buyer("ann").await;
    let first = buyer.terminal.post("/v1/approvals", "key", &purchase(10)).await.expect(201);
    buyer.terminal.post("/v1/approvals", "key", &purchase(11)).await.expect_problem(422, "idempotency-key-reused");
    assert!(buyer.terminal.post("/v1/approvals", "key", &purchase(10)).await.says_the_same_as(&first));
}

/// Shows F13.
#[tokio::test]
async fn a_command_decided_on_another_version_is_refused() {
    let node = Node::start();
    let market = node.market(1_000);
    let buyer = market.buyer("ann").await;
    let path = format!("/v1/users/{}/change-limit", buyer.user);
    let change = |version: &'static str, key: &'static str| {
        let operator = market.operator.clone();
        let request = operator.command(&path, key, r#"{"limit":2000}"#).header("If-Match", version);
        async move { operator.send(request).await.unwrap() }
    };
    change("\"7\"", "seven").await.expect_problem(412, "version-mismatch");
    change("\"1\"", "one").await.expect(200);
    change("\"1\"", "one again").await.expect_problem(412, "version-mismatch");
}
