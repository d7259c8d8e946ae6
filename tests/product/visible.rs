//! What was answered can be read: at once with its position, after restarts, and without any cache.

use crate::fixture::{Node, until};
use crate::http::Caller;
use crate::market::{price, purchase, redemption};

/// Shows F20.
#[tokio::test]
async fn an_answered_command_is_readable_at_once_with_its_position() {
    let mut node = Node::start();
    let market = node.market(1_000_000);
    let (mut buyer, mut settler) = (market.buyer("ann").await, market.settler("one").await);
    for round in 0..40 {
        if round % 10 == 9 {
            node.crash();
            buyer.terminal = node.caller(&buyer.terminal.key);
            settler = node.caller(&settler.key);
        }
        let opened = buyer.terminal.post("/v1/approvals", &format!("o{round}"), &purchase(100)).await.expect(201);
        let path = format!("/v1/approvals/{}", opened.field("id"));
        let read = buyer.terminal.get_at(&path, &opened.position()).await.expect(200);
        assert_eq!(read.field("state"), "issued");

        let body = redemption(&opened.field("token"));
        let redeemed = settler.post("/v1/approvals/redeem", &format!("r{round}"), &body).await.expect(200);
        assert_eq!(settler.get_at(&path, &redeemed.position()).await.expect(200).field("state"), "redeemed");

        let settled = settler.post(&format!("{path}/settle"), &format!("s{round}"), &price(99)).await.expect(200);
        let spending = node.operator().get_at(&format!("/v1/spending/{}", buyer.user), &settled.position()).await;
        assert_eq!(spending.expect(200).json()["charged"], 99 * (round + 1));
    }
}

/// Shows F19, F25. Keeps P2.
#[tokio::test]
async fn views_are_rebuilt_next_to_those_that_answer() {
    let mut node = Node::start();
    let buyer = node.market(1_000).buyer("ann").await;
    let opened = buyer.terminal.post("/v1/approvals", "one", &purchase(100)).await.expect(201);
    let path = format!("/v1/approvals/{}", opened.field("id"));
    let before = node.operator().get_at(&path, &opened.position()).await.expect(200).text;
    node.stop();
    node.start_again_with("--rebuild-views");
    let views = kippu_projections::catalogue::views();
    let is_told = |log: &str, view: &str| log.contains(&format!("the rows are the same view=\"{view}\""));
    let rebuilt = |log: &String| views.iter().all(|view| is_told(log, view.name()));
    until(
        async || {
            assert_eq!(node.operator().get(&path).await.expect(200).text, before);
            node.log()
        },
        rebuilt,
    )
    .await;
}

/// Shows F25. Keeps E1, P2, P3.
#[tokio::test]
async fn deleting_every_cache_changes_no_answer() {
    let mut node = Node::start();
    let market = node.market(1_000);
    let settler = market.settler("one").await;
    let mut buyers = Vec::new();
    let mut answered = Vec::new();
    for name in ["ann", "bob", "cyd", "dan", "eve"] {
        let buyer = market.buyer(name).await;
        for amount in [300, 400, 500] {
            let (path, key) = ("/v1/approvals".to_owned(), format!("open-{amount}"));
            let opened = buyer.terminal.post(&path, &key, &purchase(amount)).await;
            if opened.status == 201 {
                let body = redemption(&opened.field("token"));
                let (path, key) = ("/v1/approvals/redeem".to_owned(), format!("redeem-{name}-{amount}"));
                let redeemed = settler.post(&path, &key, &body).await.expect(200);
                answered.push((settler.key.clone(), path, key, body, redeemed));
            }
            answered.push((buyer.terminal.key.clone(), path, key, purchase(amount), opened));
        }
        buyers.push(buyer);
    }
    let last: Vec<String> = answered.iter().map(|(.., reply)| reply.position()).collect();
    let before = everything(&node.operator(), &last).await;

    node.stop();
    for cache in ["views", "entities"] {
        std::fs::remove_dir_all(node.data().join(cache)).unwrap();
    }
    node.start_again();

    assert_eq!(everything(&node.operator(), &last).await, before);
    for (caller, path, key, body, reply) in &answered {
        let again = node.caller(caller).post(path, key, body).await;
        assert!(again.says_the_same_as(reply), "{path} {key}: {reply:?}, then {again:?}");
    }
    for buyer in &buyers {
        // 300 and 400 are held, so 301 is too much and 300 is not.
        let terminal = node.caller(&buyer.terminal.key);
        terminal.post("/v1/approvals", "too much", &purchase(301)).await.expect_problem(409, "limit-exceeded");
        terminal.post("/v1/approvals", "enough", &purchase(300)).await.expect(201);
    }
}

/// Every row of every view of entities, once it reflects `positions`.
async fn everything(operator: &Caller, positions: &[String]) -> Vec<String> {
    let mut rows = Vec::new();
    for view in ["users", "clients", "approvals", "spending"] {
        for position in positions {
            operator.get_at(&format!("/v1/{view}?limit=1"), position).await.expect(200);
        }
        let page = operator.get(&format!("/v1/{view}?limit=1000")).await.expect(200).json();
        assert!(page["next"].is_null(), "one page is enough");
        rows.extend(page["data"].as_array().unwrap().iter().map(|row| format!("{view} {row}")));
    }
    rows.sort();
    rows
}

/// Shows F17. Keeps T1.
#[tokio::test]
async fn an_approval_whose_node_crashed_before_its_time_was_over_expires_by_itself() {
    let mut node = Node::start();
    let market = node.market(1_000);
    let (buyer, settler) = (market.buyer("ann").await, market.settler("one").await);
    let mut body = purchase(1_000);
    body["expires_in_secs"] = 1.into();
    let opened = buyer.terminal.post("/v1/approvals", "open", &body).await.expect(201);
    node.crash();

    // Nothing but the node's own deadline ends it, and frees the limit.
    let (terminal, settler) = (node.caller(&buyer.terminal.key), node.caller(&settler.key));
    let path = format!("/v1/approvals/{}", opened.field("id"));
    until(async || terminal.get(&path).await.expect(200).field("state"), |state| state == "expired").await;
    let late = settler.post("/v1/approvals/redeem", "late", &redemption(&opened.field("token"))).await;
    late.expect_problem(409, "approval-expired");
    terminal.post("/v1/approvals", "after", &purchase(1_000)).await.expect(201);
    // The retry of what has expired is still answered as the first time.
    assert!(terminal.post("/v1/approvals", "open", &body).await.says_the_same_as(&opened));
}
