//! HTTP as others speak it, byte by byte: what is allowed works, on a connection that goes on, and what is not is told in a
//! problem.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::fixture::{Node, PATIENCE};

/// One connection to a node.
struct Line {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: Vec<(String, String)>,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Line {
    fn to(node: &Node) -> Self {
        let stream = TcpStream::connect(node.url().strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next answer, which MUST say how long it is; one that says to go on comes before it.
    fn answer(&mut self) -> Answer {
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{status:?}"));
        let mut head = Vec::new();
        loop {
            match self.line() {
                line if line.is_empty() => break,
                line => {
                    let (name, value) = line.split_once(": ").unwrap();
                    head.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        if status == 100 {
            return self.answer();
        }
        let mut answer = Answer { status, head, body: Value::Null };
        let length = answer.header("Content-Length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        answer.body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        answer
    }

    fn is_closed(&mut self) -> bool {
        self.stream.read_to_end(&mut Vec::new()).is_ok_and(|more| more == 0)
    }
}

/// A node, and heads of commands to it.
struct Stage {
    node: Node,
    key: String,
}

impl Stage {
    fn set() -> Self {
        let node = Node::start_with(&["--partitions", "2"]);
        Self { key: node.operator().key.clone(), node }
    }

    /// Opens a placement that is there to be read; gives its id.
    async fn placement(&self, name: &str) -> String {
        let operator = self.node.operator();
        let opened = operator.post("/v1/placements", name, &json!({ "label": "l" })).await.expect(201);
        let id = opened.field("id");
        operator.get_at(&format!("/v1/placements/{id}"), &opened.position()).await.expect(200);
        id
    }

    /// Sends a command without fields to an entity of its own in each form, twice on one connection: it is done, and then
    /// repeated.
    async fn assert_closes(&self, forms: &[(&str, &str)]) {
        let mut wrong = Vec::new();
        for (number, (what, form)) in forms.iter().enumerate() {
            let id = self.placement(&format!("p{number}")).await;
            let form = form.replace("{path}", &format!("/v1/placements/{id}/close"));
            let common = format!("Authorization: Bearer {}\r\nIdempotency-Key: close", self.key);
            let mut line = Line::to(&self.node);
            for replayed in [None, Some("true")] {
                line.send(form.replace("{common}", &common).as_bytes());
                let answer = line.answer();
                if answer.status != 200 || answer.header("Idempotent-Replayed") != replayed {
                    wrong.push(format!("{what}: {answer:?}"));
                    break;
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}

/// Shows F31.
#[tokio::test]
async fn an_offer_of_another_protocol_is_not_taken_up_and_the_connection_goes_on() {
    let stage = Stage::set();
    let head = "POST {path} HTTP/1.1\r\nHost: n\r\n{common}\r\n";
    let json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let forms = [
        (
            "Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 0\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\nUpgrade: h2c\r\n\r\n",
            "the JDK",
        ),
        ("Connection: upgrade\r\nContent-Length: 0\r\n\r\n", "nginx as it is set for websockets"),
        ("Connection: keep-alive, Upgrade\r\nUpgrade: foo/2\r\n\r\n", "anything"),
    ];
    let mut all: Vec<(&str, String)> = forms.iter().map(|(form, what)| (*what, format!("{head}{form}"))).collect();
    all.push(("a websocket", format!("{head}Connection: Upgrade\r\nUpgrade: websocket\r\n{json}\r\n{{}}")));
    let all: Vec<(&str, &str)> = all.iter().map(|(what, form)| (*what, form.as_str())).collect();
    stage.assert_closes(&all).await;
}

/// Shows F31.
#[tokio::test]
async fn a_command_without_fields_may_say_so_in_any_way() {
    let stage = Stage::set();
    let cookies = "c".repeat(8 * 1024);
    let forwarded: String = (0..60).map(|n| format!("X-Forwarded-For: 10.0.0.{n}\r\n")).collect();
    let json = |more: &str, body: &str| {
        let length = body.len();
        format!("POST {{path}} HTTP/1.1\r\nHost: n\r\n{{common}}\r\n{more}Content-Length: {length}\r\n\r\n{body}")
    };
    let chunked = |chunks: &str| {
        let head = "POST {path} HTTP/1.1\r\nHost: n\r\n{common}\r\nContent-Type: application/json\r\nTE: trailers\r\n";
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}")
    };
    let kept = "Connection: keep-alive\r\n";
    let forms = [
        ("HTTP/1.0 without a length", format!("POST {{path}} HTTP/1.0\r\n{{common}}\r\n{kept}\r\n")),
        ("HTTP/1.0 with a host", format!("POST {{path}} HTTP/1.0\r\nHost: n\r\n{{common}}\r\n{kept}\r\n")),
        ("no length", "POST {path} HTTP/1.1\r\nHost: n\r\n{common}\r\n\r\n".to_owned()),
        ("a form that is empty", json("Content-Type: application/x-www-form-urlencoded\r\n", "")),
        ("a type of nothing", json("Content-Type: text/plain;charset=UTF-8\r\n", "")),
        ("white space", json("Content-Type: text/plain\r\n", "\r\n")),
        ("an object", json("Content-Type: application/json\r\n", "{}")),
        ("a character set", json("Content-Type: application/json; charset=UTF-8\r\n", "{ }\r\n")),
        ("the old name of JSON", json("Content-Type: text/json\r\n", "{}")),
        ("null", json("Content-Type: application/json\r\n", " null")),
        ("a byte order mark", json("Content-Type: application/json\r\n", "\u{feff}{}")),
        ("a byte order mark alone", json("Content-Type: application/json\r\n", "\u{feff}")),
        ("a body that waits", json("Content-Type: application/json\r\nExpect: 100-continue\r\n", "{}")),
        ("an expectation of nobody", json("Expect: the-unexpected\r\n", "")),
        ("no chunks", chunked("0\r\n\r\n")),
        ("chunks", chunked("1;name=value\r\n{\r\n1\r\n}\r\n0;last\r\nChecksum: none\r\n\r\n")),
        ("a whole address", "POST http://n.example{path} HTTP/1.1\r\nHost: n\r\n{common}\r\n\r\n".to_owned()),
        ("lines without a return", "POST {path} HTTP/1.1\nHost: n\n{common}\n\n".to_owned()),
        ("an empty line before it", "\r\nPOST {path} HTTP/1.1\r\nHost:\r\n{common}\r\n\r\n".to_owned()),
        ("headers in capitals", "POST {path} HTTP/1.1\r\nHOST: n\r\n{common}\r\nCONTENT-LENGTH: 0\r\n\r\n".to_owned()),
        ("long cookies", json(&format!("Cookie: {cookies}\r\n"), "")),
        ("many proxies", json(&format!("{forwarded}Via: 1.1 a, 1.0 b\r\n"), "")),
        ("any wish", json("Accept: application/xml\r\nAccept-Encoding: gzip, br\r\nAccept-Language: x\r\n", "")),
        ("an offer of trailers", json("Connection: keep-alive, TE\r\nTE: trailers, deflate;q=0.5\r\n", "")),
        ("any version", json("If-Match: *\r\n", "")),
        ("the version, weakly", json("If-Match: W/\"1\"\r\n", "")),
        ("the version, compressed", json("If-Match: \"1-gzip\"\r\n", "")),
        ("one of several versions", json("If-Match: \"7\", W/\"1\"\r\n", "")),
        ("one of several lines of versions", json("If-Match: \"7\"\r\nIf-Match: \"1\"\r\n", "")),
    ];
    let forms: Vec<(&str, &str)> = forms.iter().map(|(what, form)| (*what, form.as_str())).collect();
    stage.assert_closes(&forms).await;
}

/// Shows F31.
#[tokio::test]
async fn what_http_does_not_allow_is_told_in_a_problem_before_the_connection_ends() {
    let stage = Stage::set();
    let long = format!("GET /{} HTTP/1.1\r\nHost: n\r\n\r\n", "x".repeat(70_000));
    for (what, bytes, status, slug) in [
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", 400, "invalid-request"),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n", 400, "invalid-request"),
        ("no host", "GET /livez HTTP/1.1\r\n\r\n", 400, "invalid-request"),
        ("two hosts", "GET /livez HTTP/1.1\r\nHost: n\r\nHost: n\r\n\r\n", 400, "invalid-request"),
        ("a header on two lines", "GET /livez HTTP/1.1\r\nHost: n\r\nA: b\r\n c\r\n\r\n", 400, "invalid-request"),
        (
            "a coding that ended",
            "POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: identity\r\n\r\n",
            400,
            "invalid-request",
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
            400,
            "invalid-request",
        ),
        ("a tunnel", "CONNECT n:80 HTTP/1.1\r\nHost: n\r\n\r\n", 400, "invalid-request"),
        ("a long target", &long, 400, "invalid-request"),
    ] {
        let mut line = Line::to(&stage.node);
        // What came before it is answered first.
        line.send(b"GET /livez HTTP/1.1\r\nHost: n\r\n\r\n");
        line.send(bytes.as_bytes());
        assert_eq!(line.answer().body["status"], "alive", "{what}");
        let answer = line.answer();
        assert_eq!(
            (answer.status, answer.body["type"].as_str()),
            (status, Some(&*format!("/problems/{slug}"))),
            "{what}"
        );
        assert_eq!(answer.header("Content-Type"), Some("application/problem+json"), "{what}");
        assert_eq!(answer.body["request_id"].as_str(), answer.header("X-Request-Id"), "{what}");
        assert_eq!(answer.header("Connection"), Some("close"), "{what}");
        assert!(line.is_closed(), "{what}");
    }
}

/// Shows F31.
#[tokio::test]
async fn methods_and_paths_that_there_are_not_are_told_in_a_problem_and_the_connection_goes_on() {
    let stage = Stage::set();
    let mut line = Line::to(&stage.node);
    let id = stage.placement("one").await;
    for (method, path, status) in [
        ("post", "/v1/placements", 405),
        ("OPTIONS", "/v1/placements", 405),
        ("OPTIONS", "*", 404),
        ("PATCH", "/v1/placements", 405),
        ("GET", "/v1/placements/", 404),
        ("POST", "/v1/placements/", 404),
        ("GET", "//v1/placements", 404),
        ("GET", "/v1/%zz", 404),
        ("GET", "/v1/%70lacements", 200),
        ("GET", &format!("/v1/placements/{id}"), 200),
        ("GET", &format!("http://other.example/v1/placements/{id}"), 200),
    ] {
        let key = &stage.key;
        line.send(format!("{method} {path} HTTP/1.1\r\nHost: n\r\nAuthorization: bearer {key}\r\n\r\n").as_bytes());
        let answer = line.answer();
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.body["type"].is_string(), status != 200, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("Allow").is_some(), status == 405, "{method} {path}: {answer:?}");
    }
}

/// Shows F13, F31.
#[tokio::test]
async fn a_row_is_not_sent_again_to_whoever_has_its_tag_however_a_proxy_wrote_it() {
    let stage = Stage::set();
    let mut line = Line::to(&stage.node);
    let id = stage.placement("one").await;
    for (tags, status) in [
        ("\"1\"", 304),
        ("W/\"1\"", 304),
        ("\"1-gzip\"", 304),
        ("\"0\", W/\"1\"", 304),
        ("*", 304),
        ("\"2\"", 200),
        ("1", 200),
    ] {
        let asked = format!("GET /v1/placements/{id} HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer {}\r\n", stage.key);
        line.send(format!("{asked}If-None-Match: {tags}\r\n\r\n").as_bytes());
        assert_eq!(line.answer().status, status, "{tags}");
    }
}

/// Shows F31.
#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    let stage = Stage::set();
    let mut line = Line::to(&stage.node);
    let ids = ["a", "b", "c"].map(|name| stage.placement(name));
    let mut all = String::new();
    let mut expected = Vec::new();
    for id in ids {
        let id = id.await;
        all += &format!("GET /v1/placements/{id} HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer {}\r\n\r\n", stage.key);
        expected.push(id);
    }
    line.send(all.repeat(3).as_bytes());
    for id in expected.iter().cycle().take(9) {
        assert_eq!(line.answer().body["id"], **id);
    }
}

/// Shows F31.
#[tokio::test]
async fn answers_say_how_long_an_idle_connection_is_kept_and_which_is_the_last() {
    let stage = Stage::set();
    let mut line = Line::to(&stage.node);
    for (version, connection, kept, is_last) in [
        ("1.1", "", Some("timeout=620"), false),
        ("1.0", "Connection: Keep-Alive\r\n", Some("timeout=620"), false),
        ("1.1", "Connection: close\r\n", None, true),
    ] {
        line.send(format!("GET /livez HTTP/{version}\r\nHost: n\r\n{connection}\r\n").as_bytes());
        let answer = line.answer();
        assert_eq!(answer.header("Keep-Alive"), kept, "{version} {connection}");
        assert_eq!(answer.header("Connection") == Some("close"), is_last, "{version} {connection}");
    }
    assert!(line.is_closed());
}

/// Shows F31.
#[tokio::test]
async fn a_body_that_nobody_asked_for_ends_the_connection_only_after_the_answer_that_says_so() {
    let stage = Stage::set();
    let mut line = Line::to(&stage.node);
    line.send(b"GET /livez HTTP/1.1\r\nHost: n\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    let answer = line.answer();
    assert_eq!(answer.body["status"], "alive");
    if answer.header("Connection") != Some("close") {
        line.send(b"GET /livez HTTP/1.1\r\nHost: n\r\n\r\n");
        assert_eq!(line.answer().status, 200);
    }
}
