//! The forms of a browser: `GET /sign-in` shows them, `POST /sign-in` opens a session and puts its token into the cookie, `POST
//! /sign-out` ends it. Programs have the commands of sessions for that.

use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::access::sessions::refusal::NO_SESSION;
use kippu_actors::access::sessions::request::Reply;
use kippu_actors::http::KIPPU_POSITION;
use kippu_actors::problem::{self, Problem};
use kippu_actors::runtime::Outcome;
use kippu_actors::{Answer, Call};
use kippu_events::access::Caller;
use kippu_events::{Family, Time};
use serde_json::json;

use super::super::Shared;
use super::super::forms::{Form, fresh_key};
use super::super::given::{Asked, Given, give, position_of};
use super::{Sessions, cookie, csrf, next, page};

/// Where users sign in and out, and where they are sent unless they came from elsewhere.
const SIGN_IN: &str = "/sign-in";

/// `GET /sign-in`: the page for whoever asks.
pub(crate) async fn show(
    request: HttpRequest,
    shared: Data<Shared>,
    sessions: Data<Sessions>,
) -> Result<HttpResponse, Problem> {
    let bearer = match cookie::token(request.headers()) {
        Ok(Some(token)) => sessions.admit(token).await.map(|(_, bearer)| Some(bearer)),
        Ok(None) => Ok(None),
        Err(problem) => Err(problem),
    };
    match bearer {
        Ok(Some(bearer)) => Ok(page::signed_in(shared.name(), &sessions.csrf(&bearer))),
        Err(problem) if problem.kind != &problem::UNAUTHENTICATED => Err(problem),
        Ok(None) | Err(_) => {
            let asked = Form::of_query(request.query_string());
            Ok(page::sign_in(shared.name(), path_in(&asked), &fresh_key()?, asked.get("refused").is_some()))
        }
    }
}

/// `POST /sign-in`: a session is opened, and the browser goes on to the member `next`.
pub(crate) async fn sign_in(
    request: HttpRequest,
    shared: Data<Shared>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    // Or another site could sign its visitors in as somebody else.
    csrf::from_here(request.headers())?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    // The same key at another node, if it is asked.
    let form = if form.get("key").is_none() { form.with("key", &fresh_key()?) } else { form };
    let to = path_in(&form).to_owned();
    let mut asked = serde_json::Map::new();
    for name in ["realm", "login", "pin"] {
        if let Some(value) = form.get(name).filter(|value| name != "realm" || !value.is_empty()) {
            asked.insert(name.to_owned(), value.into());
        }
    }
    let key = form.get("key").unwrap_or_default().to_owned();
    let call = Call { caller: Caller::GUEST, key, id: None, if_match: None };
    let opened = match give(&request, &shared, of_sessions("open", call, json!(asked)), &form.body).await {
        Ok(Given::Here(outcome)) => outcome,
        Ok(Given::There(response)) => return Ok(response),
        // What is no login or PIN is nobody's.
        Err(problem) if problem.kind == &problem::INVALID_BODY => return Ok(sent_back(&to)),
        Err(problem) => return Err(problem),
    };
    let reply = match &opened.answer {
        Answer::Done { body, .. } => serde_json::from_slice::<Reply>(body).ok(),
        Answer::Refused(problem) if problem.kind == &problem::NOT_IDENTIFIED => return Ok(sent_back(&to)),
        Answer::Refused(problem) => return Err(problem.clone()),
    };
    let opened = reply.and_then(|reply| cookie::set(&reply.token?, reply.ends_at?.since(Time::now())));
    let set = opened.ok_or_else(|| Problem::internal("the session has no token any more"))?;
    let mut response = redirect(&to);
    response.headers_mut().append(SET_COOKIE, set);
    Ok(response)
}

/// `POST /sign-out`: the session in the cookie ends, or with the member `everywhere` all of its user.
pub(crate) async fn sign_out(
    request: HttpRequest,
    shared: Data<Shared>,
    sessions: Data<Sessions>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    csrf::from_here(request.headers())?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let admitted = match cookie::token(request.headers()) {
        Ok(Some(token)) => sessions.admit(token).await,
        Ok(None) => Err(super::refused()),
        Err(problem) => Err(problem),
    };
    let (caller, bearer) = match admitted {
        Ok(admitted) => admitted,
        // There is nothing to end.
        Err(problem) if problem.kind == &problem::UNAUTHENTICATED => return Ok(signed_out()),
        Err(problem) => return Err(problem),
    };
    sessions.guard_form(form.get("csrf"), &bearer)?;
    let (name, asked) = match form.get("everywhere") {
        Some(_) => ("end_all", json!({})),
        None => ("end", json!({ "session": bearer.counter })),
    };
    let key = format!("sign-out-{}-{name}", bearer.counter);
    let call = Call { caller, key, id: Some(bearer.entity), if_match: None };
    let given = match give(&request, &shared, of_sessions(name, call, asked), &form.body).await {
        // It ended meanwhile.
        Err(problem) if problem.kind == &NO_SESSION => return Ok(signed_out()),
        given => given?,
    };
    let response = match given {
        Given::Here(Outcome { answer: Answer::Refused(problem), .. }) => return Err(problem),
        Given::Here(outcome) => {
            let mut response = signed_out();
            if let Ok(position) = outcome.position.to_string().parse() {
                response.headers_mut().insert(KIPPU_POSITION, position);
            }
            response
        }
        Given::There(response) => response,
    };
    if let Some(position) = position_of(&response) {
        sessions.reflect(position).await?;
    }
    Ok(response)
}

const fn of_sessions(name: &'static str, call: Call, body: serde_json::Value) -> Asked {
    Asked { family: Family::Sessions, name, call, body }
}

/// Where to go, by the member `next`.
fn path_in(form: &Form) -> &str {
    form.get("next").and_then(next::local).unwrap_or(SIGN_IN)
}

/// To the form again, which says why.
fn sent_back(to: &str) -> HttpResponse {
    redirect(&format!("{SIGN_IN}?refused&next={}", next::in_query(to)))
}

fn signed_out() -> HttpResponse {
    let mut response = redirect(SIGN_IN);
    if let Some(cleared) = cookie::cleared() {
        response.headers_mut().append(SET_COOKIE, cleared);
    }
    response
}

fn redirect(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, to)).finish()
}
