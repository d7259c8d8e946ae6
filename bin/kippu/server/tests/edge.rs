//! What every answer has, and what a panic becomes.

use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpResponse, web};
use serde_json::Value;

use super::super::edge::edge;
use super::served;

async fn panics() -> HttpResponse {
    panic!("the secret body")
}

/// Keeps S1.
#[actix_web::test]
async fn a_panic_is_a_problem_with_the_requests_name_and_nothing_of_what_was_sent() {
    let app = App::new().wrap(from_fn(edge)).route("/", web::get().to(panics));
    let app = init_service(app).await;
    let request = TestRequest::get().uri("/").insert_header(("x-request-id", "r-1")).to_request();
    let error = try_call_service(&app, request).await.expect_err("an error that is an answer");
    let response = error.error_response();
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers().get("x-request-id").unwrap(), "r-1");
    let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((problem["type"].as_str(), problem["request_id"].as_str()), (Some("/problems/internal"), Some("r-1")));
    assert!(!String::from_utf8_lossy(&body).contains("secret"));
}

/// Shows F31.
#[test]
fn every_answer_names_its_request_and_is_neither_kept_nor_guessed_at() {
    served(
        |_| {},
        async |fixture| {
            let request = fixture.http.get(fixture.url("/v1/clients")).bearer_auth(&fixture.operator);
            let reply = fixture.send(request.header("x-request-id", "mine-1")).await;
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("x-request-id"), "mine-1");
            assert_eq!(
                (reply.header("cache-control"), reply.header("x-content-type-options")),
                ("no-store", "nosniff")
            );
            let problem = fixture.get("/nowhere").await;
            assert_eq!(problem.problem(), (404, "not-found".to_owned()));
            assert_ne!(problem.header("x-request-id"), "");
            fixture
        },
    );
}

/// Shows F31, F34.
#[test]
fn health_and_documentation_need_no_key() {
    served(
        |_| {},
        async |fixture| {
            for path in ["/livez", "/readyz", "/openapi.json", "/docs", "/docs/app.js", "/docs/style.css", "/problems"]
            {
                let reply = fixture.get(path).await;
                assert_eq!(reply.status, 200, "{path} {}", reply.text);
                let head = fixture.send(fixture.http.head(fixture.url(path))).await;
                assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
            }
            for entry in super::super::problems::all() {
                let reply = fixture.get(&format!("/problems/{}", entry.slug())).await;
                assert_eq!(reply.status, 200, "{entry:?}");
            }
            fixture
        },
    );
}

#[test]
fn the_document_is_sent_once_to_whoever_keeps_it() {
    served(
        |_| {},
        async |fixture| {
            let tag = fixture.get("/openapi.json").await.header("etag").to_owned();
            for (known, status) in [(tag.as_str(), 304), ("\"0\"", 200)] {
                let request = fixture.http.get(fixture.url("/openapi.json")).header("if-none-match", known);
                let reply = fixture.send(request).await;
                assert_eq!((reply.status, reply.text.is_empty()), (status, status == 304), "{known}");
                assert_eq!((reply.header("etag"), reply.header("cache-control")), (tag.as_str(), "no-cache"));
            }
            fixture
        },
    );
}

/// Shows F34.
#[test]
fn figures_are_for_operators_wherever_they_call_from() {
    served(
        |_| {},
        async |fixture| {
            let body = serde_json::json!({ "role": "shop", "name": "s" });
            let shop = fixture.post("/v1/clients", "m", &body).await.json()["key"].as_str().unwrap().to_owned();
            assert_eq!(fixture.get("/metrics").await.problem(), (401, "unauthenticated".to_owned()));
            assert_eq!(fixture.get_as(&shop, "/metrics").await.problem(), (403, "forbidden".to_owned()));
            let text = fixture.get_as(&fixture.operator, "/metrics").await.text;
            for line in [
                "kippu_commands_total{family=\"clients\",command=\"open\",outcome=\"done\"} 1",
                "kippu_partition_serving{partition=\"3\"} 1",
                "kippu_view_stalled{view=\"clients\"} 0",
                "kippu_command_seconds_count{family=\"clients\",command=\"open\"} 1",
            ] {
                assert!(text.contains(line), "{line} is not in\n{text}");
            }
            fixture
        },
    );
}
