//! Whatever is wrong with a request, the answer is a problem of ours with a clear status.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Fixture, Reply, served};

async fn raw(fixture: &Fixture, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Reply {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = fixture.http.request(method, fixture.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    fixture.send(request.body(body.into())).await
}

/// Shows F31.
#[test]
fn every_malformed_command_is_a_problem_and_none_is_a_page() {
    served(
        |_| {},
        async |fixture| {
            let bearer = format!("Bearer {}", fixture.operator);
            let good =
                [("authorization", bearer.as_str()), ("idempotency-key", "k"), ("content-type", "application/json")];
            let with = |name: &'static str, value: &'static str| {
                let mut headers = good.to_vec();
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value));
                headers
            };
            let without = |name: &str| good.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>();
            let shop = json!({ "role": "shop", "name": "n" }).to_string();
            let large = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
            let cases = [
                (good.to_vec(), b"{\"role\":".to_vec(), 400, "invalid-json"),
                (good.to_vec(), b"{\"role\":\"shop\",\"name\":\"\xff\xfe\"}".to_vec(), 400, "invalid-json"),
                (good.to_vec(), b"{\"role\":NaN}".to_vec(), 400, "invalid-json"),
                (good.to_vec(), b"[]".to_vec(), 422, "invalid-body"),
                (good.to_vec(), b"{\"role\":\"king\",\"name\":\"n\"}".to_vec(), 422, "invalid-body"),
                (good.to_vec(), b"{\"role\":\"shop\",\"name\":\"n\",\"x\":1}".to_vec(), 422, "invalid-body"),
                (good.to_vec(), b"{\"role\":\"shop\",\"name\":7}".to_vec(), 422, "invalid-body"),
                (good.to_vec(), large.into_bytes(), 413, "too-large"),
                (with("content-type", "text/plain"), shop.clone().into_bytes(), 415, "unsupported-media-type"),
                (
                    with("content-type", "application/json; charset=utf-16"),
                    shop.clone().into_bytes(),
                    415,
                    "unsupported-media-type",
                ),
                (without("content-type"), shop.clone().into_bytes(), 415, "unsupported-media-type"),
                (without("idempotency-key"), shop.clone().into_bytes(), 400, "invalid-request"),
                (
                    [good.as_slice(), &[("idempotency-key", "l")]].concat(),
                    shop.clone().into_bytes(),
                    400,
                    "invalid-request",
                ),
                (with("if-match", "3"), shop.clone().into_bytes(), 400, "invalid-request"),
                (without("authorization"), shop.clone().into_bytes(), 401, "unauthenticated"),
                (with("authorization", "Bearer kpk_forged"), shop.clone().into_bytes(), 401, "unauthenticated"),
                (with("authorization", "Basic a2V5"), shop.clone().into_bytes(), 401, "unauthenticated"),
            ];
            for (headers, body, status, slug) in cases {
                let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
                let reply = raw(&fixture, "POST", "/v1/clients", &headers, body).await;
                assert_eq!(reply.problem(), (status, slug.to_owned()), "{headers:?} {shown}");
            }
            // None of these took effect.
            let listed = fixture.get_as(&fixture.operator, "/v1/clients").await.json();
            assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
            fixture
        },
    );
}

/// Shows F31.
#[test]
fn unknown_paths_and_methods_are_problems_that_say_what_there_is() {
    served(
        |_| {},
        async |fixture| {
            let bearer = format!("Bearer {}", fixture.operator);
            let id = "a".repeat(24);
            let cases = [
                ("GET", "/nowhere".to_owned(), 404, ""),
                ("POST", "/livez".to_owned(), 405, "GET, HEAD"),
                ("DELETE", "/v1/clients".to_owned(), 405, "GET, HEAD, POST"),
                ("PUT", format!("/v1/clients/{id}"), 405, "GET, HEAD"),
                ("GET", format!("/v1/clients/{id}/revoke"), 405, "POST"),
                ("POST", "/v1/kings".to_owned(), 404, ""),
                ("POST", format!("/v1/clients/{id}/crown"), 404, ""),
                ("POST", format!("/v1/clients/{id}/roll_key"), 404, ""),
                ("POST", "/v1/clients/not-an-id/revoke".to_owned(), 404, ""),
                ("POST", "/v1/clients/open".to_owned(), 405, "GET, HEAD"),
                ("GET", "/v1/kings".to_owned(), 404, ""),
                ("GET", format!("/v1/clients/{id}"), 404, ""),
            ];
            for (method, path, status, allow) in cases {
                let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
                let reply = raw(&fixture, method, &path, &headers, "").await;
                assert_eq!(reply.problem().0, status, "{method} {path} {}", reply.text);
                assert_eq!(reply.header("allow"), allow, "{method} {path}");
            }
            fixture
        },
    );
}

/// Shows F32.
#[test]
fn a_key_of_another_role_is_forbidden() {
    served(
        |_| {},
        async |fixture| {
            let shop = fixture.post("/v1/clients", "s", &json!({ "role": "shop", "name": "s" })).await.json();
            let key = shop["key"].as_str().unwrap();
            let reply = fixture.post_as(key, "/v1/clients", "x", &json!({ "role": "operator", "name": "me" })).await;
            assert_eq!(reply.problem(), (403, "forbidden".to_owned()));
            fixture
        },
    );
}

#[test]
fn ten_thousand_headers_are_refused_with_431() {
    served(
        |_| {},
        async |fixture| {
            let mut head = "GET /livez HTTP/1.1\r\nhost: kippu\r\n".to_owned();
            for n in 0..10_000 {
                head.push_str(&format!("x-{n}: {n}\r\n"));
            }
            head.push_str("\r\n");
            let mut stream = TcpStream::connect(fixture.address).await.unwrap();
            // The server may close before it has read everything.
            let _closed = stream.write_all(head.as_bytes()).await;
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.1 431");
            fixture
        },
    );
}

/// Shows F31.
#[test]
fn slow_bodies_and_slow_heads_are_given_up_with_408() {
    let quick = |config: &mut crate::config::Config| config.http.request_timeout_secs = 1;
    served(quick, async |fixture| {
        let head = format!(
            "POST /v1/clients HTTP/1.1\r\nhost: kippu\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
            fixture.operator
        );
        for text in [head.as_str(), "GET /livez HTTP/1.1\r\nhost: ki"] {
            let mut stream = TcpStream::connect(fixture.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = vec![0; 12];
            let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer)).await;
            read.expect("an answer").unwrap();
            assert_eq!(answer, b"HTTP/1.1 408", "{text}");
        }
        fixture
    });
}
