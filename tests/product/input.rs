//! Bad input of every kind: a clear 4xx problem each, nothing written, and no panic.

mod raw;

use serde_json::{Value, json};

use self::raw::{Answered, Request};
use crate::fixture::Node;
use crate::http::Caller;
use crate::market::{Buyer, price, purchase, redemption};

/// A node with everything that a request can go wrong about.
struct Stage {
    node: Node,
    buyer: Buyer,
    settler: Caller,
    shop: Caller,
    approval: String,
    token: String,
}

impl Stage {
    async fn set(settings: &[&str]) -> Self {
        let node = Node::start_with(settings);
        let market = node.market(10_000);
        let buyer = market.buyer("ann").await;
        let (settler, shop) = (market.settler("one").await, market.client("shop", "shop").await);
        let opened = buyer.terminal.post("/v1/approvals", "open", &purchase(100)).await.expect(201);
        Self { approval: opened.field("id"), token: opened.field("token"), node, buyer, settler, shop }
    }

    /// A command of `caller` with any body.
    fn command(&self, caller: &Caller, path: &str, body: impl Into<Vec<u8>>) -> Request {
        Request::post(path)
            .header("Authorization", format!("Bearer {}", caller.key))
            .header("Idempotency-Key", "bad")
            .header("Content-Type", "application/json")
            .body(body)
    }

    fn request_approval(&self, body: impl Into<Vec<u8>>) -> Request {
        self.command(&self.buyer.terminal, "/v1/approvals", body)
    }

    /// Sends every request and holds what comes of it against what is expected.
    async fn assert_refused(&self, cases: Vec<(&str, Request, u16, &str)>) {
        let before = self.node.ends().await;
        let mut wrong = Vec::new();
        for (what, request, status, slug) in cases {
            let Answered { status: found, problem, content_type, .. } = request.send(self.node.url());
            let is_problem = content_type.as_deref() == Some("application/problem+json");
            let is_told = is_problem && problem.as_deref() == Some(slug);
            if found != status || !is_told {
                wrong.push(format!("{what}: {status} {slug} is expected, not {found} {problem:?} as {content_type:?}"));
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        assert_eq!(self.node.ends().await, before, "nothing was written");
        // The node goes on as if nothing had been.
        self.buyer.terminal.post("/v1/approvals", "open", &purchase(100)).await.expect(201);
        let log = self.node.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// Shows F31.
#[tokio::test]
async fn bodies_that_are_no_request_are_refused() {
    let stage = Stage::set(&[]).await;
    let amount = |text: &str| stage.request_approval(format!(r#"{{"amount":{text},"currency":"EUR"}}"#));
    let currency = |text: &str| stage.request_approval(format!(r#"{{"amount":1,"currency":{text}}}"#));
    let with = |member: &str| stage.request_approval(format!(r#"{{"amount":1,"currency":"EUR",{member}}}"#));
    let operator = stage.node.operator();
    let seal = |next: &str| stage.command(&operator, "/v1/log/seal", json!({ "next": next }).to_string());
    stage
        .assert_refused(vec![
            ("no JSON", stage.request_approval("amount=1"), 400, "invalid-json"),
            ("half a JSON", stage.request_approval(r#"{"amount":1"#), 400, "invalid-json"),
            ("two JSONs", stage.request_approval(r#"{"amount":1,"currency":"EUR"} {}"#), 400, "invalid-json"),
            ("an array", stage.request_approval("[]"), 422, "invalid-body"),
            ("null", stage.request_approval("null"), 422, "invalid-body"),
            ("nothing", stage.request_approval(""), 422, "invalid-body"),
            ("deep nesting", stage.request_approval("[".repeat(20_000)), 400, "invalid-json"),
            ("invalid UTF-8", stage.request_approval(b"{\"amount\":1,\"currency\":\"\xff\xfe\"}"), 400, "invalid-json"),
            ("NaN", amount("NaN"), 400, "invalid-json"),
            ("infinity", amount("Infinity"), 400, "invalid-json"),
            ("a number that is too large for any", amount("1e400"), 422, "invalid-body"),
            ("more than 64 bits", amount("18446744073709551616"), 422, "invalid-body"),
            ("more than there is money", amount("1000000000000001"), 422, "invalid-body"),
            ("negative money", amount("-1"), 422, "invalid-body"),
            ("a fraction of a cent", amount("1.5"), 422, "invalid-body"),
            ("a text for a number", amount("\"1\""), 422, "invalid-body"),
            ("an object for a number", amount("{}"), 422, "invalid-body"),
            ("a currency that there is not", currency("\"XXY\""), 422, "invalid-body"),
            ("a currency in lower case", currency("\"eur\""), 422, "invalid-body"),
            ("a number for a currency", currency("978"), 422, "invalid-body"),
            ("an unknown field", with(r#""discount":1"#), 422, "invalid-body"),
            ("the same field twice", with(r#""amount":2"#), 422, "invalid-body"),
            ("an unknown field within", with(r#""purchase":{"colour":"red"}"#), 422, "invalid-body"),
            ("a negative number of things", with(r#""purchase":{"quantity":-1}"#), 422, "invalid-body"),
            ("a time that is over", with(r#""expires_in_secs":0"#), 422, "invalid-body"),
            ("a time without end", with(r#""expires_in_secs":4000000000"#), 422, "invalid-body"),
            (
                "an identification at a terminal that stores one",
                with(r#""identification":{"login":"ann","pin":"1234"}"#),
                422,
                "invalid-body",
            ),
            (
                "a long description",
                with(&format!(r#""purchase":{{"description":"{}"}}"#, "x".repeat(257))),
                422,
                "invalid-body",
            ),
            ("control characters", with(r#""purchase":{"description":"a\u0000b"}"#), 422, "invalid-body"),
            ("a location that is none", seal("other"), 422, "invalid-body"),
            ("a location that nothing lies at", seal("kafka://a:1/"), 422, "invalid-body"),
        ])
        .await;
}

/// Shows F31.
#[tokio::test]
async fn requests_that_are_too_much_are_refused() {
    let stage = Stage::set(&[]).await;
    let mega = json!({ "amount": 1, "currency": "EUR", "purchase": { "description": "x".repeat(1 << 20) } });
    let mut many = stage.request_approval(purchase(1).to_string());
    for n in 0..10_000 {
        many = many.header(&format!("X-Header-{n}"), "x");
    }
    let long = stage.request_approval(purchase(1).to_string()).header("X-Long", "x".repeat(1 << 20));
    let mut unannounced = stage.request_approval("");
    unannounced.chunked = Some(mega.to_string().into_bytes());
    stage
        .assert_refused(vec![
            ("a body of a megabyte", stage.request_approval(mega.to_string()), 413, "too-large"),
            ("a body of a megabyte that does not say so", unannounced, 413, "too-large"),
            ("ten thousand headers", many, 431, "headers-too-large"),
            ("a header of a megabyte", long, 431, "headers-too-large"),
        ])
        .await;
}

/// Shows F31.
#[tokio::test]
async fn requests_that_do_not_arrive_are_given_up() {
    let stage = Stage::set(&["--request-timeout-secs", "1"]).await;
    let mut slow = stage.request_approval(purchase(1).to_string());
    slow.held_back = 5;
    let mut half = Request::get("/livez");
    half.held_back = 5;
    let body = ("a body whose end does not come", slow, 408, "timeout");
    stage.assert_refused(vec![body, ("a head whose end does not come", half, 408, "timeout")]).await;
}

/// Shows F31, F32.
#[tokio::test]
async fn headers_that_are_no_headers_are_refused() {
    let stage = Stage::set(&[]).await;
    let body = purchase(1).to_string();
    let without = |name: &str| stage.request_approval(body.clone()).without(name);
    let with = |name: &str, value: &str| without(name).header(name, value.to_owned());
    stage
        .assert_refused(vec![
            ("no idempotency key", without("Idempotency-Key"), 400, "invalid-request"),
            ("an empty idempotency key", with("Idempotency-Key", ""), 400, "invalid-request"),
            ("two idempotency keys", with("X", "y").header("Idempotency-Key", "another"), 400, "invalid-request"),
            ("a long idempotency key", with("Idempotency-Key", &"k".repeat(256)), 400, "invalid-request"),
            ("no content type", without("Content-Type"), 415, "unsupported-media-type"),
            ("another content type", with("Content-Type", "text/xml"), 415, "unsupported-media-type"),
            (
                "another character set",
                with("Content-Type", "application/json; charset=latin1"),
                415,
                "unsupported-media-type",
            ),
            ("a version that is none", with("If-Match", "three"), 400, "invalid-request"),
            ("a version without quotes", with("If-Match", "3"), 400, "invalid-request"),
            ("no API key", without("Authorization"), 401, "unauthenticated"),
            ("another scheme", with("Authorization", "Basic YTpi"), 401, "unauthenticated"),
            ("a key that is none", with("Authorization", "Bearer kpk_x"), 401, "unauthenticated"),
            ("a key that is no text", with("Authorization", "Bearer \u{e4}"), 401, "unauthenticated"),
            ("no such path", stage.command(&stage.shop, "/v1/nothing", "{}"), 404, "not-found"),
            ("no such command", stage.command(&stage.settler, "/v1/approvals/1/dance", "{}"), 404, "not-found"),
            ("a command on an id", stage.command(&stage.settler, "/v1/approvals/1", "{}"), 405, "method-not-allowed"),
            ("an id that is none", stage.command(&stage.settler, "/v1/approvals/1/settle", "{}"), 404, "not-found"),
        ])
        .await;
    stage.buyer.terminal.post("/v1/approvals", &"k".repeat(255), &purchase(1)).await.expect(201);
}

/// Shows D12, D25, D27, F32.
#[tokio::test]
async fn tokens_and_keys_that_are_not_genuine_are_refused() {
    let stage = Stage::set(&[]).await;
    let redeem = |token: &str| stage.command(&stage.settler, "/v1/approvals/redeem", redemption(token).to_string());
    let with_key = |key: &str| {
        let request = stage.request_approval(purchase(1).to_string()).without("Authorization");
        request.header("Authorization", format!("Bearer {key}"))
    };
    let (token, key) = (stage.token.as_str(), stage.buyer.terminal.key.as_str());
    let forged = |text: &str, at: usize| {
        let mut text = text.as_bytes().to_vec();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(text).unwrap()
    };
    let mut cases = vec![
        ("an empty token", redeem(""), 422, "invalid-body"),
        ("a long token", redeem(&"x".repeat(513)), 422, "invalid-body"),
        ("no token at all", redeem("hello"), 404, "token-not-valid"),
        ("a token that is cut", redeem(&token[..token.len() - 1]), 404, "token-not-valid"),
        ("a token with more behind it", redeem(&format!("{token}A")), 404, "token-not-valid"),
        ("a token of another prefix", redeem(&token.replacen("kpa_", "kpk_", 1)), 404, "token-not-valid"),
        ("an API key for a token", redeem(key), 404, "token-not-valid"),
        ("a token for an API key", with_key(token), 401, "unauthenticated"),
        ("a key that is cut", with_key(&key[..key.len() - 1]), 401, "unauthenticated"),
        ("a key of another prefix", with_key(&key.replacen("kpk_", "kpa_", 1)), 401, "unauthenticated"),
    ];
    for at in 4..token.len() {
        cases.push(("a token with one character changed", redeem(&forged(token, at)), 404, "token-not-valid"));
    }
    for at in 4..key.len() {
        cases.push(("a key with one character changed", with_key(&forged(key, at)), 401, "unauthenticated"));
    }
    stage.assert_refused(cases).await;
    // The token is as good as before.
    stage.settler.post("/v1/approvals/redeem", "genuine", &redemption(token)).await.expect(200);
}

/// Shows D37, F32.
#[tokio::test]
async fn what_is_for_another_role_is_refused() {
    let stage = Stage::set(&[]).await;
    let (terminal, operator) = (&stage.buyer.terminal, stage.node.operator());
    let text = |body: Value| body.to_string();
    let (open, redeem) = ("/v1/approvals", "/v1/approvals/redeem");
    let [settle, revoke] = ["settle", "revoke"].map(|name| format!("/v1/approvals/{}/{name}", stage.approval));
    let user = json!({ "login": "x", "limit": { "source": "fixed", "amount": 1, "currency": "EUR" } });
    let client = json!({ "role": "operator", "name": "x" });
    let mut cases = vec![("a revocation by a shop", stage.command(&stage.shop, &revoke, "{}"), 403, "forbidden")];
    for caller in [&stage.settler, &stage.shop, &operator] {
        cases.push((
            "an approval asked for by no terminal",
            stage.command(caller, open, text(purchase(1))),
            403,
            "forbidden",
        ));
    }
    for caller in [terminal, &stage.shop, &operator] {
        let body = text(redemption(&stage.token));
        cases.push(("a redemption by no settler", stage.command(caller, redeem, body), 403, "forbidden"));
        cases.push(("a settlement by no settler", stage.command(caller, &settle, text(price(1))), 403, "forbidden"));
    }
    for caller in [terminal, &stage.shop, &stage.settler] {
        let seal = stage.command(caller, "/v1/log/seal", text(json!({ "next": "/other" })));
        cases.push(("a history sealed by no operator", seal, 403, "forbidden"));
        cases.push((
            "a registration by no operator",
            stage.command(caller, "/v1/users", text(user.clone())),
            403,
            "forbidden",
        ));
        cases.push((
            "a client opened by no operator",
            stage.command(caller, "/v1/clients", text(client.clone())),
            403,
            "forbidden",
        ));
        let request = Request::get("/v1/users").header("Authorization", format!("Bearer {}", caller.key));
        if caller.key != terminal.key {
            cases.push(("persons listed by no operator", request, 403, "forbidden"));
        }
    }
    stage.assert_refused(cases).await;
}
