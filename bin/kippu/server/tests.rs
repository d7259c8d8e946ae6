//! What a panic becomes, which nobody can provoke from outside. Everything else is asked of the real binary, in
//! `tests/product/`.

use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpResponse, web};
use serde_json::Value;

use super::edge::edge;

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
