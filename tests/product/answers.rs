//! What the server says besides what a command or a query gives: headers, health, documentation, figures, and whose key
//! counts.

use serde_json::json;

use crate::fixture::Node;
use crate::http::{Begun, Caller, Reply};

/// Sends a request that no command is.
async fn ask(caller: &Caller, method: &str, path: &str) -> Reply {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    caller.send(caller.request(method, path).header("X-Request-Id", "mine-1")).await.unwrap()
}

/// Shows F31.
#[tokio::test]
async fn every_answer_names_its_request_and_is_neither_kept_nor_guessed_at() {
    let node = Node::start();
    let operator = node.operator();
    for (path, status) in [("/v1/clients", 200), ("/nowhere", 404)] {
        let reply = ask(&operator, "GET", path).await.expect(status);
        let header = ["X-Request-Id", "Cache-Control", "X-Content-Type-Options"].map(|name| reply.header(name));
        assert_eq!(header, [Some("mine-1"), Some("no-store"), Some("nosniff")], "{path}");
    }
    assert!(operator.get("/nowhere").await.header("X-Request-Id").is_some_and(|name| !name.is_empty()));
}

/// Shows F31.
#[tokio::test]
async fn unknown_paths_and_methods_are_problems_that_say_what_there_is() {
    let node = Node::start();
    let operator = node.operator();
    let client = format!("/v1/clients/{}", "a".repeat(24));
    for (method, path, allowed) in [
        ("POST", "/livez", "GET, HEAD"),
        ("DELETE", "/v1/clients", "GET, HEAD, POST"),
        ("PUT", &client, "GET, HEAD"),
        ("GET", &format!("{client}/revoke"), "POST"),
        // What is no command on a token may be an id.
        ("POST", "/v1/clients/open", "GET, HEAD"),
    ] {
        let reply = ask(&operator, method, path).await.expect_problem(405, "method-not-allowed");
        assert_eq!(reply.header("Allow"), Some(allowed), "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/nowhere"),
        ("POST", "/v1/kings"),
        ("GET", "/v1/kings"),
        ("POST", &format!("{client}/crown")),
        ("POST", &format!("{client}/roll_key")),
        ("GET", &client),
    ] {
        let reply = ask(&operator, method, path).await.expect_problem(404, "not-found");
        assert_eq!(reply.header("Allow"), None, "{method} {path}");
    }
}

/// Shows F31.
#[tokio::test]
async fn the_document_is_sent_once_to_whoever_keeps_it() {
    let node = Node::start();
    let anybody = node.caller("");
    let tag = anybody.get("/openapi.json").await.header("ETag").unwrap().to_owned();
    for (known, status) in [(tag.as_str(), 304), ("\"0\"", 200)] {
        let request = anybody.query("/openapi.json", None).header("If-None-Match", known);
        let reply = anybody.send(request).await.unwrap().expect(status);
        assert_eq!((reply.text.is_empty(), reply.header("ETag")), (status == 304, Some(tag.as_str())), "{known}");
    }
}

/// Shows F31, F34.
#[tokio::test]
async fn health_and_documentation_need_no_key() {
    let node = Node::start();
    let anybody = node.caller("");
    let document = anybody.get("/openapi.json").await.expect(200).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(anybody.get("/docs").await.expect(200).text.contains("<html"));
    let problems = anybody.get("/problems").await.expect(200).text;
    let problems: Vec<&str> = problems.split('"').filter(|part| part.starts_with("/problems/")).collect();
    assert!(problems.len() > 20, "{problems:?}");
    let pages = ["/livez", "/readyz", "/openapi.json", "/docs", "/docs/app.js", "/docs/style.css", "/problems"];
    for path in pages.iter().chain(&problems) {
        anybody.get(path).await.expect(200);
        assert_eq!(ask(&anybody, "HEAD", path).await.expect(200).text, "", "{path}");
    }
}

/// Shows F34.
#[tokio::test]
async fn figures_are_for_operators() {
    let node = Node::start();
    let (operator, shop) = (node.operator(), node.market(0).client("shop", "s").await);
    node.caller("").get("/metrics").await.expect_problem(401, "unauthenticated");
    shop.get("/metrics").await.expect_problem(403, "forbidden");
    let figures = operator.get("/metrics").await.expect(200).text;
    for line in [
        "kippu_commands_total{family=\"clients\",command=\"open\",outcome=\"done\"} 1",
        "kippu_partition_serving{partition=\"3\"} 1",
        "kippu_view_stalled{view=\"clients\"} 0",
        "kippu_command_seconds_count{family=\"clients\",command=\"open\"} 1",
    ] {
        assert!(figures.contains(line), "{line} is not in\n{figures}");
    }
    let commits = figures.lines().find_map(|line| line.strip_prefix("kippu_log_commit_seconds_count "));
    assert!(commits.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count > 0), "{figures}");
}

/// Shows F32.
#[tokio::test]
async fn a_key_counts_at_once_and_is_refused_as_soon_as_its_revocation_is_answered() {
    let node = Node::start();
    let operator = node.operator();
    for round in 0..20 {
        let (name, body) = (format!("open-{round}"), json!({ "role": "settler", "name": "s" }));
        let opened = operator.post("/v1/clients", &name, &body).await.expect(201);
        let settler = node.caller(&opened.field("key"));
        settler.get("/v1/approvals").await.expect(200);
        operator.post(&format!("/v1/clients/{}/revoke", opened.field("id")), "revoke", &json!({})).await.expect(200);
        settler.get("/v1/approvals").await.expect_problem(401, "unauthenticated");
    }
}

/// Shows F32.
#[tokio::test]
async fn a_command_whose_body_comes_after_its_key_was_revoked_is_refused() {
    let node = Node::start();
    let operator = node.operator();
    for (path, late) in [("/v1/placements", json!({ "label": "late" })), ("/v1/log/seal", json!({ "next": "/other" }))]
    {
        let opened = operator.post("/v1/clients", path, &json!({ "role": "operator", "name": "o" })).await.expect(201);
        let begun = Begun::post(&node.caller(&opened.field("key")), path, "late", &late).await;
        operator.post(&format!("/v1/clients/{}/revoke", opened.field("id")), "revoke", &json!({})).await.expect(200);
        let answer = begun.finish().await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    assert_eq!(operator.get("/v1/placements").await.expect(200).json()["data"], json!([]));
}

/// Shows F32.
#[tokio::test]
async fn a_query_that_waits_while_its_key_is_revoked_is_refused() {
    let node = Node::start_with(&["--partitions", "1"]);
    let operator = node.operator();
    let opened = operator.post("/v1/clients", "open", &json!({ "role": "operator", "name": "o" })).await.expect(201);
    let caller = node.caller(&opened.field("key"));
    let cut = caller.get_at("/v1/clients", &opened.position()).await.expect(200).header("Kippu-Cut").map(str::to_owned);
    let last: u64 = cut.expect("a list has one").parse().expect("of one partition");
    // It waits for the record that revokes its key.
    let (next, nothing) = ((last + 1).to_string(), json!({}));
    let path = format!("/v1/clients/{}/revoke", opened.field("id"));
    let (answer, revoked) = tokio::join!(caller.get_at("/v1/clients", &next), operator.post(&path, "revoke", &nothing));
    revoked.expect(200);
    answer.expect_problem(401, "unauthenticated");
}

/// Shows F31, F32.
#[tokio::test]
async fn a_rolled_key_replaces_the_one_before_at_once_and_that_uses_up_nobodys_rate() {
    let node = Node::start_with(&["--rate-per-second", "1", "--rate-burst", "3"]);
    let body = json!({ "role": "settler", "name": "s" });
    let opened = node.operator().post("/v1/clients", "open", &body).await.expect(201);
    let path = format!("/v1/clients/{}/roll-key", opened.field("id"));
    let rolled = node.operator().post(&path, "roll", &json!({})).await.expect(200);
    for _ in 0..10 {
        node.caller(&opened.field("key")).get("/v1/approvals").await.expect_problem(401, "unauthenticated");
    }
    node.caller(&rolled.field("key")).get("/v1/approvals").await.expect(200);
}

/// Shows F12, F13, F20.
#[tokio::test]
async fn an_answer_has_a_version_a_place_and_a_position_and_a_retry_says_that_it_is_one() {
    let node = Node::start();
    let operator = node.operator();
    let body = json!({ "role": "shop", "name": "a shop" });
    let first = operator.post("/v1/clients", "k", &body).await.expect(201);
    let again = operator.post("/v1/clients", "k", &body).await.expect(201);
    assert_eq!([&first, &again].map(|reply| reply.header("Idempotent-Replayed")), [None, Some("true")]);
    assert_eq!((&first.text, first.position()), (&again.text, again.position()));
    assert_eq!(first.header("ETag"), Some("\"1\""));
    let place = first.header("Location").expect("it lies somewhere");
    assert_eq!(operator.get_at(place, &first.position()).await.expect(200).field("name"), "a shop");
}

/// Shows F31.
#[tokio::test]
async fn a_caller_over_its_rate_is_told_to_wait() {
    let node = Node::start_with(&["--rate-per-second", "1", "--rate-burst", "3"]);
    let operator = node.operator();
    // A machine that stalls for a second fills the bucket again.
    let mut refused = operator.get("/v1/clients").await;
    for _ in 0..100 {
        if refused.status == 200 {
            refused = operator.get("/v1/clients").await;
        }
    }
    assert_eq!(refused.expect_problem(429, "rate-limited").header("Retry-After"), Some("1"));
}

/// Shows F35.
#[tokio::test]
async fn a_node_stops_at_once_next_to_an_idle_connection() {
    // Longer than one waits for the end.
    let mut node = Node::start_with(&["--drain-secs", "600"]);
    let operator = node.operator();
    operator.get("/livez").await.expect(200);
    node.stop();
}
