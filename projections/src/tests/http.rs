//! The query endpoints, over a service without a socket.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use actix_web::{App, HttpMessage as _, dev::Service as _, test, web};
use kippu_events::EntityId;
use kippu_events::access::Caller;
use kippu_events::log::Position;
use kippu_events::secrets::EncryptedField;
use serde_json::Value;

use super::sample::State;
use super::{Running, SampleHistory, Scripted, end_of, seed};
use crate::error::{NotOpened, QueryError};
use crate::http::{self, AccessLog, CUT, POSITION};
use crate::view::Decrypt;

const MIN: &str = "kippu-min-position";

struct Answer {
    status: StatusCode,
    headers: actix_web::http::header::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What the service over `running` answers to `GET path` from `caller`.
async fn ask(running: &Running, caller: Option<Caller>, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask_with(running, caller, path, headers, None).await
}

/// The same, with an access log.
async fn ask_with(
    running: &Running,
    caller: Option<Caller>,
    path: &str,
    headers: &[(&str, &str)],
    access_log: Option<web::Data<dyn AccessLog>>,
) -> Answer {
    let app = App::new()
        .app_data(web::Data::new(running.queries()))
        .configure(|config| {
            if let Some(log) = access_log {
                config.app_data(log);
            }
        })
        .service(web::scope("/v1").configure(http::configure))
        .wrap_fn(move |request, service| {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            service.call(request)
        });
    let app = test::init_service(app).await;
    let mut request = test::TestRequest::get().uri(path);
    for header in headers {
        request = request.insert_header(*header);
    }
    let response = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = test::read_body(response).await;
    Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

/// Shows F20, F31.
#[actix_web::test]
async fn a_row_names_what_it_reflects_and_its_version() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    let running = Running::over(log.clone());
    let beat = sample.register();
    let position = log.write(&beat);
    let path = format!("/v1/users/{}", sample.users.last().expect("a user"));
    let operator = Some(Caller::OPERATOR);
    let answer = ask(&running, operator, &path, &[(MIN, &position.to_string())]).await;
    assert_eq!((answer.status, &answer.body["limit"]), (StatusCode::OK, &Value::from(100_000)));
    assert_eq!(answer.header(ETAG), "\"2\"");
    assert_eq!(answer.header(POSITION), position.to_string());
    assert_eq!(answer.header(CUT), end_of(&*log).to_string());
    let unchanged = ask(&running, operator, &path, &[(IF_NONE_MATCH.as_str(), "\"2\"")]).await;
    assert_eq!((unchanged.status, unchanged.body), (StatusCode::NOT_MODIFIED, Value::Null));
    let changed = ask(&running, operator, &path, &[(IF_NONE_MATCH.as_str(), "\"3\"")]).await;
    assert_eq!(changed.status, StatusCode::OK);
    let earlier = ask(&running, operator, &format!("{path}?as_of={position}"), &[]).await;
    assert_eq!((earlier.status, &earlier.body), (StatusCode::OK, &answer.body));
    assert_eq!((earlier.header(POSITION), earlier.header(CUT)), (position.to_string().as_str(), ""));
}

#[actix_web::test]
async fn a_list_comes_in_pages() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 100);
    let running = Running::over(log.clone());
    let operator = Some(Caller::OPERATOR);
    let cut = end_of(&*log).to_string();
    let first = ask(&running, operator, "/v1/approvals?limit=3", &[(MIN, &cut)]).await;
    assert_eq!((first.status, first.header(CUT)), (StatusCode::OK, cut.as_str()));
    assert_eq!((first.body["data"].as_array().map(Vec::len), &first.body["has_more"]), (Some(3), &Value::from(true)));
    let next = first.body["next"].as_str().expect("a cursor");
    let second = ask(&running, operator, &format!("/v1/approvals?limit=1000&cursor={next}"), &[]).await;
    assert_eq!(second.body["data"].as_array().map(Vec::len), Some(sample.approvals.len() - 3));
    assert_eq!((&second.body["next"], &second.body["has_more"]), (&Value::Null, &Value::from(false)));
    let issued = |state: &State| *state == State::Issued;
    let user = sample.approvals.iter().find(|(.., state)| issued(state)).expect("some are issued").1;
    let few = ask(&running, operator, &format!("/v1/approvals?user={user}&state=issued"), &[]).await;
    let rows = few.body["data"].as_array().expect("rows");
    assert!(rows.iter().all(|row| row["state"] == "issued" && row["user"] == user.to_string()), "{rows:?}");
    let expected = sample.approvals.iter().filter(|(_, of, state)| *of == user && issued(state)).count();
    assert_eq!(rows.len(), expected);
}

/// Shows F31.
#[actix_web::test]
async fn what_cannot_be_answered_is_a_documented_problem() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    let head = log.head(0);
    let running = Running::over(log);
    let user = sample.users[0].to_string();
    let operator = Some(Caller::OPERATOR);
    let other = Position { mark: [0; 8], ..Position::new(0, head.number, &head.hash) }.to_string();
    let none: &[(&str, &str)] = &[];
    let min_other: &[(&str, &str)] = &[(MIN, &other)];
    let min_wrong: &[(&str, &str)] = &[(MIN, "soon")];
    let min_time: &[(&str, &str)] = &[(MIN, "2026-11-21T09:30:00Z")];
    let cut = end_of(&*running.log).to_string();
    ask(&running, operator, "/v1/users", &[(MIN, &cut)]).await;
    for (caller, path, headers, status, slug) in [
        (operator, "/v1/nothing".to_owned(), none, 404, "not-found"),
        (operator, "/v1/history".to_owned(), none, 404, "not-found"),
        (operator, "/v1/users/nobody".to_owned(), none, 404, "not-found"),
        (operator, format!("/v1/approvals/{user}"), none, 404, "not-found"),
        (operator, "/v1/users?limit=0".to_owned(), none, 400, "invalid-request"),
        (operator, "/v1/users?limit=-1".to_owned(), none, 400, "invalid-request"),
        (operator, "/v1/users?cursor=x".to_owned(), none, 400, "invalid-request"),
        (operator, "/v1/users?colour=red".to_owned(), none, 400, "invalid-request"),
        (operator, "/v1/users?as_of=2026-11-21T09:30:00Z".to_owned(), none, 400, "as-of-unsupported"),
        (operator, format!("/v1/users/{user}?as_of=then"), none, 400, "invalid-request"),
        (operator, format!("/v1/users/{user}?limit=3&colour=red"), none, 400, "invalid-request"),
        (operator, format!("/v1/users/{user}"), min_wrong, 400, "invalid-request"),
        (operator, format!("/v1/users/{user}"), min_time, 400, "invalid-request"),
        (operator, format!("/v1/users/{user}"), min_other, 409, "other-history"),
        (None, format!("/v1/users/{user}"), none, 403, "forbidden"),
    ] {
        let answer = ask(&running, caller, &path, headers).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.body["type"], format!("/problems/{slug}"), "{path}");
        assert_eq!(answer.body["status"], status, "{path}");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}");
        assert_eq!(answer.header(RETRY_AFTER), "", "{path}");
    }
}

/// Remembers what was to be on record.
#[derive(Default)]
struct Noted(Mutex<Vec<(String, Vec<EntityId>)>>);

impl AccessLog for Noted {
    fn note<'a>(
        &'a self,
        _caller: &'a Caller,
        query: &'a str,
        persons: Vec<EntityId>,
    ) -> Pin<Box<dyn Future<Output = Result<(), QueryError>> + 'a>> {
        self.0.lock().unwrap().push((query.to_owned(), persons));
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Opens fields anywhere but on the thread that it was made on.
struct OtherThread(ThreadId);

impl Decrypt for OtherThread {
    fn decrypt(&self, _person: EntityId, _field: &str, _sealed: &EncryptedField) -> Result<Option<String>, NotOpened> {
        let here = std::thread::current().id() == self.0;
        if here { Err(NotOpened("asked on the worker".to_owned())) } else { Ok(Some("Ann".to_owned())) }
    }
}

#[actix_web::test]
async fn fields_are_opened_where_waiting_for_a_key_holds_up_no_other_request() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 30);
    let running = Running::decrypting(log.clone(), OtherThread(std::thread::current().id()));
    let cut = end_of(&*log).to_string();
    let user = sample.users[0];
    let noted = Arc::new(Noted::default());
    let log = || Some(web::Data::from(Arc::clone(&noted) as Arc<dyn AccessLog>));
    for path in [format!("/v1/users/{user}?decrypt=true"), format!("/v1/users/{user}?decrypt=true&as_of={cut}")] {
        let answer = ask_with(&running, Some(Caller::OPERATOR), &path, &[(MIN, &cut)], log()).await;
        assert_eq!((answer.status, &answer.body["login"]), (StatusCode::OK, &Value::from("Ann")), "{path}");
        assert_eq!(noted.0.lock().unwrap().pop(), Some((path, vec![user])));
    }
    let listed = ask_with(&running, Some(Caller::OPERATOR), "/v1/users?decrypt=true", &[], log()).await;
    assert_eq!((listed.status, &listed.body["data"][0]["login"]), (StatusCode::OK, &Value::from("Ann")));
    assert_eq!(noted.0.lock().unwrap().pop().unwrap().1.len(), sample.users.len());
    // The row behind a page is looked for, and nobody is shown it.
    let page = ask_with(&running, Some(Caller::OPERATOR), "/v1/users?decrypt=true&limit=1", &[], log()).await;
    assert_eq!((page.status, &page.body["has_more"]), (StatusCode::OK, &Value::from(true)));
    assert_eq!(noted.0.lock().unwrap().pop().unwrap().1.len(), 1);
    // Without an access log nobody is shown anything.
    let refused = ask(&running, Some(Caller::OPERATOR), "/v1/users?decrypt=true", &[]).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!refused.body.to_string().contains("Ann"), "{}", refused.body);
}
