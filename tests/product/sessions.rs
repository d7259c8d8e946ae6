//! End users' sessions, by people who mean no good, and by those who do.

use kippu_client::Client;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::fixture::{Node, first, until};
use crate::http::{Caller, Reply};
use crate::market::redemption;

const PIN: &str = "271828";
const COOKIE: &str = "__Host-kippu";

/// A node whose users can sign in.
struct Site {
    node: Node,
    operator: Caller,
    nobody: Caller,
}

/// A user who has signed in.
struct SignedIn {
    user: String,
    session: u64,
    token: String,
    csrf: String,
    bearer: Caller,
}

/// An idempotency key as guests have it.
fn guest_key(name: &str) -> String {
    format!("{name:-<36}")
}

impl Site {
    fn start() -> Self {
        let node = Node::start();
        let operator = node.operator();
        Self { nobody: operator.with_key(""), operator, node }
    }

    /// Registers a user; gives its id.
    async fn register(&self, login: &str) -> String {
        let limit = json!({ "source": "fixed", "amount": 1000, "currency": "EUR" });
        let body = json!({ "login": login, "pin": PIN, "limit": limit });
        self.operator.post("/v1/users", &format!("user-{login}"), &body).await.expect(201).field("id")
    }

    async fn try_to_sign_in(&self, key: &str, body: &Value) -> Reply {
        self.nobody.post("/v1/sessions", &guest_key(key), body).await
    }

    /// Signs `login` in, for as long as `more` says.
    async fn sign_in(&self, key: &str, login: &str, more: &Value) -> SignedIn {
        let mut body = json!({ "login": login, "pin": PIN });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = self.try_to_sign_in(key, &body).await.expect(201);
        let (user, token, csrf) = (reply.field("id"), reply.field("token"), reply.field("csrf"));
        let session = reply.json()["sessions"][0].as_u64().unwrap();
        SignedIn { bearer: self.nobody.with_key(&token), user, session, token, csrf }
    }

    /// A request of a browser that has `cookies`.
    fn browser(&self, method: Method, path: &str, cookies: &str) -> RequestBuilder {
        let client: &Client = &self.nobody;
        client.request(method, path).header("cookie", cookies)
    }

    /// A command of a browser.
    fn command(&self, path: &str, key: &str, cookies: &str, body: &Value) -> RequestBuilder {
        self.nobody.command(path, key, body.to_string()).header("cookie", cookies)
    }

    async fn send(&self, request: RequestBuilder) -> Reply {
        self.nobody.send(request).await.expect("it is answered")
    }

    /// A form of a browser that has `cookies`, with what else its request says.
    async fn submit(&self, path: &str, cookies: &str, said: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
        let mut request = self.browser(Method::POST, path, cookies);
        for (name, value) in said {
            request = request.header(*name, *value);
        }
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let members: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let form = "application/x-www-form-urlencoded";
        self.send(request.header("content-type", form).body(members.join("&"))).await
    }

    /// The session as the operator sees it.
    async fn shown(&self, of: &SignedIn) -> Value {
        let row = self.operator.get(&format!("/v1/sessions/{}", of.user)).await.expect(200).json();
        let sessions = row["sessions"].as_array().unwrap().iter();
        sessions.clone().find(|session| session["session"] == of.session).cloned().unwrap_or_default()
    }
}

impl SignedIn {
    fn cookie(&self) -> String {
        format!("{COOKIE}={}", self.token)
    }

    /// The row of the own sessions.
    fn own(&self) -> String {
        format!("/v1/sessions/{}", self.user)
    }

    /// Whether the token counts.
    async fn counts(&self) -> bool {
        let reply = self.bearer.get(&self.own()).await;
        assert!(matches!(reply.status, 200 | 401), "{reply:?}");
        reply.status == 200
    }

    fn this(&self) -> Value {
        json!({ "session": self.session })
    }
}

/// Shows F45.
#[tokio::test]
async fn a_session_reads_the_rows_of_its_user_by_bearer_and_by_cookie_and_acts_on_no_other() {
    let site = Site::start();
    let bob = site.register("bob").await;
    site.register("ann").await;
    let ann = site.sign_in("ann", "ann", &json!({})).await;
    let others = site.sign_in("bob", "bob", &json!({})).await;
    let listed = ann.bearer.get("/v1/sessions").await.expect(200).json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["id"]), (1, &json!(ann.user)));
    site.send(site.browser(Method::GET, &ann.own(), &ann.cookie())).await.expect(200);
    ann.bearer.get(&format!("/v1/sessions/{bob}")).await.expect_problem(404, "not-found");
    ann.bearer.get("/v1/clients").await.expect_problem(403, "forbidden");
    for (n, command) in ["end", "use"].into_iter().enumerate() {
        let path = format!("/v1/sessions/{bob}/{command}");
        ann.bearer.post(&path, &format!("other-{n}"), &others.this()).await.expect_problem(403, "forbidden");
    }
    ann.bearer.post(&format!("/v1/sessions/{bob}/end-all"), "all", &json!({})).await.expect_problem(403, "forbidden");
    let limit = json!({ "limit": 1_000_000 });
    let raise = ann.bearer.post(&format!("/v1/users/{}/change-limit", ann.user), "raise", &limit).await;
    raise.expect_problem(403, "forbidden");
    assert!(others.counts().await);
    site.node.assert_sound();
}

/// Shows F45.
#[tokio::test]
async fn what_is_no_token_of_an_open_session_is_refused_alike_whatever_it_is() {
    let site = Site::start();
    site.register("ann").await;
    let ann = site.sign_in("ann", "ann", &json!({})).await;
    let elsewhere = Site::start();
    elsewhere.register("ann").await;
    let anothers = elsewhere.sign_in("ann", "ann", &json!({})).await;
    let last = if ann.token.ends_with('A') { "Q" } else { "A" };
    let forged = format!("{}{last}", &ann.token[..ann.token.len() - 1]);
    let as_key = ann.token.replacen("kps_", "kpk_", 1);
    let as_session = site.operator.key.replacen("kpk_", "kps_", 1);
    let never = site.nobody.with_key("kps_").get("/v1/sessions").await.expect_problem(401, "unauthenticated");
    for token in [&forged, &as_key, &as_session, &anothers.token, &format!("{}A", ann.token), &ann.csrf] {
        let by_bearer = site.nobody.with_key(token).get("/v1/sessions").await;
        assert_eq!((by_bearer.status, by_bearer.slug().as_deref()), (401, Some("unauthenticated")), "{token}");
        let cookie = format!("{COOKIE}={token}");
        let by_cookie = site.send(site.browser(Method::GET, "/v1/sessions", &cookie)).await;
        assert!(by_cookie.says_the_same_as(&never), "{token}: {by_cookie:?}");
    }
    // An API key in a cookie, and two cookies.
    for cookies in [
        format!("{COOKIE}={}", site.operator.key),
        format!("{0}; {0}", ann.cookie()),
        format!("{COOKIE}={forged}; {}", ann.cookie()),
        format!("{}; {COOKIE}=", ann.cookie()),
    ] {
        let reply = site.send(site.browser(Method::GET, "/v1/sessions", &cookies)).await;
        assert!(reply.says_the_same_as(&never), "{cookies}: {reply:?}");
    }
    // A session's token pays for nothing.
    let settler = site.node.market(0).settler("one").await;
    let redeemed = settler.post("/v1/approvals/redeem", "redeem", &redemption(&ann.token)).await;
    redeemed.expect_problem(404, "token-not-valid");
    assert!(ann.counts().await);
}

/// Shows F45.
#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_its_time_is_over() {
    let site = Site::start();
    site.register("ann").await;
    let idle = site.sign_in("idle", "ann", &json!({ "idle_secs": 1 })).await;
    let over = site.sign_in("over", "ann", &json!({ "ends_in_secs": 1 })).await;
    until(async || over.counts().await, |counts| !counts).await;
    for (session, reason) in [(&idle, "idle"), (&over, "over")] {
        let ended = first(async || site.shown(session).await, |shown| shown["state"] == "ended").await;
        assert_eq!(ended["reason"], reason, "{ended}");
        assert!(!session.counts().await);
    }
    site.node.assert_sound();
}

/// Shows F45.
#[tokio::test]
async fn a_session_in_use_goes_on_by_being_used() {
    let site = Site::start();
    site.register("ann").await;
    let ann = site.sign_in("ann", "ann", &json!({ "idle_secs": 8 })).await;
    let in_use = async || {
        assert!(ann.counts().await);
        site.shown(&ann).await
    };
    let used = first(in_use, |shown| shown["used_at"] != shown["opened_at"]).await;
    assert_eq!(used["state"], "open");
}

/// Shows F45.
#[tokio::test]
async fn who_signs_out_is_out_at_once_here_or_everywhere_and_after_a_crash_too() {
    let mut site = Site::start();
    site.register("ann").await;
    let sessions = [
        site.sign_in("first", "ann", &json!({})).await,
        site.sign_in("second", "ann", &json!({})).await,
        site.sign_in("third", "ann", &json!({})).await,
    ];
    let [one, two, three] = &sessions;
    one.bearer.post(&format!("{}/end", one.own()), "end", &one.this()).await.expect(200);
    one.bearer.get(&one.own()).await.expect_problem(401, "unauthenticated");
    assert!(two.counts().await && three.counts().await);
    // By one of them, of another.
    two.bearer.post(&format!("{}/end", two.own()), "again", &one.this()).await.expect_problem(409, "no-open-session");
    let ended = two.bearer.post(&format!("{}/end-all", two.own()), "all", &json!({})).await.expect(200).json();
    assert_eq!(ended["sessions"], json!([2, 3]));
    assert!(!two.counts().await && !three.counts().await);
    // The retry of a sign-in is told its old token, which stays over.
    let again = site.sign_in("third", "ann", &json!({})).await;
    assert!(again.token == three.token && !again.counts().await);
    let by_operator = site.sign_in("fourth", "ann", &json!({})).await;
    let path = format!("{}/end-all", by_operator.own());
    site.operator.post(&path, "by-operator", &json!({})).await.expect(200);
    assert!(!by_operator.counts().await);
    let open = site.sign_in("fifth", "ann", &json!({})).await;
    site.node.crash();
    site.operator = site.node.operator();
    site.nobody = site.operator.with_key("");
    for session in sessions.iter().chain([&by_operator]) {
        site.nobody.with_key(&session.token).get(&session.own()).await.expect_problem(401, "unauthenticated");
    }
    site.nobody.with_key(&open.token).get(&open.own()).await.expect(200);
    site.node.assert_sound();
}

/// Shows F45.
#[tokio::test]
async fn a_cookie_changes_nothing_without_what_only_a_page_of_the_session_knows() {
    let site = Site::start();
    site.register("ann").await;
    let (ann, other) = (site.sign_in("a", "ann", &json!({})).await, site.sign_in("b", "ann", &json!({})).await);
    let path = format!("{}/end", ann.own());
    let end = |key: &str| site.command(&path, key, &ann.cookie(), &ann.this());
    for (n, request) in [
        end("no-0"),
        end("no-1").header("x-csrf-token", ""),
        end("no-2").header("x-csrf-token", &other.csrf),
        end("no-3").header("x-csrf-token", &ann.csrf).header("x-csrf-token", &ann.csrf),
        end("no-4").header("x-csrf-token", &ann.csrf).header("origin", "https://evil.example"),
        end("no-5").header("x-csrf-token", &ann.csrf).header("origin", "null"),
        end("no-6").header("x-csrf-token", &ann.csrf).header("sec-fetch-site", "cross-site"),
        end("no-7").header("x-csrf-token", &ann.csrf).header("sec-fetch-site", "same-site"),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = site.send(request).await;
        assert_eq!((reply.status, reply.slug().as_deref()), (403, Some("csrf")), "{n}: {reply:?}");
    }
    assert!(ann.counts().await);
    // Reading needs none, and neither does a bearer, which no browser sends by itself.
    site.send(site.browser(Method::GET, &ann.own(), &ann.cookie())).await.expect(200);
    other.bearer.post(&format!("{}/end", other.own()), "bearer", &other.this()).await.expect(200);
    let origin = site.nobody.url.clone();
    let here = end("yes").header("x-csrf-token", &ann.csrf).header("origin", origin);
    site.send(here.header("sec-fetch-site", "same-origin")).await.expect(200);
    assert!(!ann.counts().await);
}

/// Shows F45.
#[tokio::test]
async fn a_browser_signs_in_and_out_by_forms_without_a_script() {
    let site = Site::start();
    site.register("ann").await;
    let page = site.nobody.get("/sign-in?next=/docs").await.expect(200);
    assert!(page.text.contains(r#"name="next" value="/docs""#) && !page.text.contains("<script"), "{}", page.text);
    let cookie_of = |reply: &Reply| {
        let set = reply.header("set-cookie").unwrap().to_owned();
        for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(set.contains(attribute) && !set.contains("Domain"), "{set}");
        }
        set.split(';').next().unwrap().to_owned()
    };
    let form = [("login", "ann"), ("pin", PIN), ("next", "/docs")];
    let signed_in = site.submit("/sign-in", "", &[], &form).await.expect(303);
    assert_eq!(signed_in.header("location"), Some("/docs"));
    let (cookie, other) = (cookie_of(&signed_in), cookie_of(&site.submit("/sign-in", "", &[], &form).await));
    assert_ne!(cookie, other);
    let page = site.send(site.browser(Method::GET, "/sign-in", &cookie)).await.expect(200).text;
    let csrf = page.split_once(r#"name="csrf" value=""#).unwrap().1.split('"').next().unwrap().to_owned();
    for form in [&[][..], &[("csrf", "")], &[("csrf", &csrf[1..])], &[("csrf", &*csrf), ("csrf", &*csrf)]] {
        site.submit("/sign-out", &cookie, &[], form).await.expect_problem(403, "csrf");
    }
    let form = [("csrf", &*csrf)];
    let foreign = [("origin", "https://evil.example")];
    site.submit("/sign-out", &cookie, &foreign, &form).await.expect_problem(403, "csrf");
    let out = site.submit("/sign-out", &cookie, &[], &form).await.expect(303);
    assert!(out.header("set-cookie").unwrap().starts_with("__Host-kippu=;"));
    let own = async |cookie: &str| site.send(site.browser(Method::GET, "/v1/sessions", cookie)).await.status;
    assert_eq!((own(&cookie).await, own(&other).await), (401, 200));
    // Once more: there is nothing to end, which is as good.
    site.submit("/sign-out", &cookie, &[], &form).await.expect(303);
    let page = site.send(site.browser(Method::GET, "/sign-in", &other)).await.expect(200).text;
    let csrf = page.split_once(r#"name="csrf" value=""#).unwrap().1.split('"').next().unwrap().to_owned();
    site.submit("/sign-out", &other, &[], &[("csrf", &csrf), ("everywhere", "yes")]).await.expect(303);
    assert_eq!(own(&other).await, 401);
}

/// Shows F45.
#[tokio::test]
async fn signing_in_leads_to_no_other_site_and_is_not_done_by_one() {
    let site = Site::start();
    site.register("ann").await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/a\r\nset-cookie: a=b",
        "",
    ] {
        let reply =
            site.submit("/sign-in", "", &[], &[("login", "ann"), ("pin", PIN), ("next", next)]).await.expect(303);
        assert_eq!(reply.header("location"), Some("/sign-in"), "{next:?}");
        let refused = [("login", "ann"), ("pin", "0000"), ("next", next)];
        let reply = site.submit("/sign-in", "", &[], &refused).await.expect(303);
        assert_eq!(reply.header("location"), Some("/sign-in?refused&next=/sign-in"), "{next:?}");
        assert_eq!(reply.header("set-cookie"), None);
    }
    let form = [("login", "ann"), ("pin", PIN)];
    for said in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let reply = site.submit("/sign-in", "", &[said], &form).await.expect_problem(403, "csrf");
        assert_eq!(reply.header("set-cookie"), None);
    }
    let twice = [("login", "ann"), ("pin", PIN), ("login", "bob")];
    let reply = site.submit("/sign-in", "", &[], &twice).await.expect(303);
    assert_eq!((reply.header("location"), reply.header("set-cookie")), (Some("/sign-in?refused&next=/sign-in"), None));
}

/// Shows F45.
#[tokio::test]
async fn who_guesses_is_told_nothing_and_counted() {
    let site = Site::start();
    let user = site.register("ann").await;
    let guess = |login: &str, pin: &str| json!({ "login": login, "pin": pin });
    let unknown = site.try_to_sign_in("unknown", &guess("nobody", PIN)).await.expect_problem(403, "not-identified");
    for n in 0..5 {
        let wrong = site.try_to_sign_in(&format!("wrong-{n}"), &guess("ann", "314159")).await;
        assert!(wrong.says_the_same_as(&unknown), "{wrong:?}");
    }
    let locked = site.try_to_sign_in("locked", &guess("ann", PIN)).await;
    assert!(locked.says_the_same_as(&unknown), "{locked:?}");
    let row = site.operator.get(&format!("/v1/users/{user}")).await.expect(200).json();
    assert!(row["pin_locked_until"].is_string(), "{row}");
    // A key that others may use too would be told their answers.
    let short = site.nobody.post("/v1/sessions", "short", &guess("ann", PIN)).await;
    short.expect_problem(400, "invalid-request");
    site.node.assert_sound();
}

#[tokio::test]
async fn an_auditor_reads_what_an_operator_reads_and_gives_no_command() {
    let node = Node::start();
    let market = node.market(1_000);
    let buyer = market.buyer("ann").await;
    let auditor = market.client("auditor", "auditor").await;
    for view in ["users", "clients", "approvals", "spending", "sessions", "peers", "signing-keys", "placements"] {
        let path = format!("/v1/{view}");
        let (by_operator, by_auditor) = (market.operator.get(&path).await.expect(200), auditor.get(&path).await);
        assert!(by_auditor.says_the_same_as(&by_operator), "{view}: {by_auditor:?}");
    }
    auditor.get(&format!("/v1/users/{}", buyer.user)).await.expect(200);
    auditor.get(&format!("/v1/users/{}?decrypt=true", buyer.user)).await.expect_problem(403, "forbidden");
    auditor.get("/v1/status").await.expect(200);
    let limit = json!({ "limit": 2_000 });
    let path = format!("/v1/users/{}/change-limit", buyer.user);
    auditor.post(&path, "limit", &limit).await.expect_problem(403, "forbidden");
    let path = format!("/v1/sessions/{}/end-all", buyer.user);
    auditor.post(&path, "end", &json!({})).await.expect_problem(403, "forbidden");
}
