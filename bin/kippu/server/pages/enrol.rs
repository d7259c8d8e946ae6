//! `/enrol`: an operator registers a subscriber. Operators have API keys and no sessions, so the form has the key as a member: it is the
//! authority for this one request, and is kept nowhere, neither here nor in a cookie or an address.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::Call;
use kippu_actors::access::users::pin::{FEWEST_DIGITS, MOST_DIGITS};
use kippu_actors::access::users::request::Reply;
use kippu_actors::problem::{self, Problem};
use kippu_events::Family;
use kippu_events::access::users::LimitSource;
use kippu_events::money::{Currency, Minor};
use maud::html;
use serde_json::json;

use super::who;
use crate::server::Shared;
use crate::server::forms::{Form, fresh_key};
use crate::server::given::{Asked, Given, done, give};
use crate::server::layout::{Page, hidden, money};
use crate::server::problem_page::sentence;
use crate::server::sessions::csrf;

/// Digits of a PIN that is made here: a guess holds once in a million.
const DIGITS: u32 = 6;
const SOURCES: [(&str, &str); 3] = [("fixed", "Fixed by us"), ("prepaid", "Paid in beforehand"), ("points", "Points")];

/// `GET /enrol`.
///
/// # Errors
/// Where there is no randomness.
pub(super) async fn show(shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    Ok(page(shared.name(), &Form::of_query(""), (&fresh_key()?, &pin()?), None))
}

/// `POST /enrol`: the same as `POST /v1/users` with the key in the form.
///
/// # Errors
/// Where the form cannot be shown again.
pub(super) async fn enrol(request: HttpRequest, shared: Data<Shared>, body: Payload) -> Result<HttpResponse, Problem> {
    csrf::from_here(request.headers())?;
    who::guest(&request, &shared)?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    match registered(&request, &shared, &form).await {
        Ok(response) => Ok(response),
        // What is no problem of what was typed is not mended by typing.
        Err(problem) if problem.kind.status >= 500 || problem.kind == &problem::CSRF => Err(problem),
        Err(problem) => Ok(page(shared.name(), &form, (&fresh_key()?, &pin()?), Some(&problem))),
    }
}

async fn registered(request: &HttpRequest, shared: &Shared, form: &Form) -> Result<HttpResponse, Problem> {
    let caller = shared.authenticator.admit_key(form.get("api_key").unwrap_or_default().trim()).await?.caller;
    let (body, pin) = asked(form)?;
    let key = form.get("key").unwrap_or_default().to_owned();
    let call = Call { caller, key, id: None, if_match: None };
    match give(request, shared, Asked { family: Family::Users, name: "open", call, body }, &form.body).await? {
        Given::Here(outcome) => Ok(registered_page(shared.name(), &done(&outcome)?, &pin)),
        Given::There(answer) => Ok(answer),
    }
}

/// What the command is asked, and the PIN. One that was made here came with the page, so that it is the same however often the form
/// is sent.
fn asked(form: &Form) -> Result<(serde_json::Value, String), Problem> {
    let wrong = |detail: String| Problem::new(&problem::INVALID_BODY, detail);
    let text = |name: &str| form.get(name).map(str::trim).filter(|text| !text.is_empty());
    let pin = match (text("pin"), text("pin_again")) {
        (None, None) => text("made_pin"),
        (pin, again) if pin == again => pin,
        (Some(_) | None, Some(_) | None) => return Err(wrong("the two PINs are not the same".to_owned())),
    };
    let pin = pin.ok_or_else(|| wrong("there is no PIN".to_owned()))?;
    let currency = text("currency").unwrap_or_default().to_uppercase();
    let currency: Currency = currency.parse().map_err(|error| wrong(format!("the currency: {error}")))?;
    let limit = text("limit").ok_or_else(|| wrong("there is no limit".to_owned()))?;
    let limit = Minor::from_decimal(limit, currency).map_err(|error| wrong(format!("the limit: {error}")))?;
    let mut body = json!({
        "login": text("login").ok_or_else(|| wrong("there is no identifier".to_owned()))?,
        "pin": pin,
        "limit": { "source": text("source").unwrap_or(SOURCES[0].0), "amount": limit, "currency": currency },
    });
    for name in ["name", "realm"] {
        if let Some(text) = text(name) {
            body[name] = text.into();
        }
    }
    Ok((body, pin.to_owned()))
}

/// A PIN that nobody has chosen.
fn pin() -> Result<String, Problem> {
    // Evenly, but for one part in a billion.
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal("there is no randomness"))?;
    let number = u64::from_be_bytes(bytes) % 10_u64.pow(DIGITS);
    Ok(format!("{number:0width$}", width = DIGITS as usize))
}

/// The form, with what was typed before but for what is secret.
fn page(site: &str, typed: &Form, (key, made_pin): (&str, &str), problem: Option<&Problem>) -> HttpResponse {
    let was = |name: &str| typed.get(name).unwrap_or_default().to_owned();
    let digits = format!("[0-9]{{{FEWEST_DIGITS},{MOST_DIGITS}}}");
    let currency = typed.get("currency").unwrap_or("EUR");
    let body = html! {
        @if let Some(problem) = problem {
            p role="alert" { (problem.kind.title) ": " (sentence(&problem.detail)) }
        }
        form method="post" action="/enrol" autocomplete="off" {
            (hidden("key", key))
            (hidden("made_pin", made_pin))
            p { label { "Your API key " span.quiet { "(of an operator; it is not kept)" } input name="api_key" type="password" required autocomplete="off"; } }
            p { label { "Identifier " span.quiet { "(name or number)" } input name="login" required value=(was("login")); } }
            p { label { "Person's name " span.quiet { "(optional)" } input name="name" value=(was("name")); } }
            p { label { "Realm " span.quiet { "(optional)" } input name="realm" value=(was("realm")); } }
            p { label { "Limit " input name="limit" inputmode="decimal" required placeholder="100.00" value=(was("limit")); } }
            p { label { "Currency " input name="currency" required maxlength="3" value=(currency); } }
            p {
                label {
                    "Where the limit comes from "
                    select name="source" {
                        @for (value, text) in SOURCES { option value=(value) selected[was("source") == value] { (text) } }
                    }
                }
            }
            p { label { "PIN " span.quiet { "(leave both empty, and one is made)" } input name="pin" type="password" inputmode="numeric" pattern=(digits) autocomplete="new-password"; } }
            p { label { "PIN again " input name="pin_again" type="password" inputmode="numeric" pattern=(digits) autocomplete="new-password"; } }
            p { button { "Enrol" } }
        }
    };
    let status = problem.and_then(|problem| StatusCode::from_u16(problem.kind.status).ok()).unwrap_or(StatusCode::OK);
    Page::new("Enrol a subscriber", body).of(site).acts_here().show_as(status)
}

fn registered_page(site: &str, reply: &Reply, pin: &str) -> HttpResponse {
    let source = reply.source.map(|source| match source {
        LimitSource::Fixed => "fixed",
        LimitSource::Prepaid => "prepaid",
        LimitSource::Points => "points",
        LimitSource::Solvency => "solvency",
    });
    let body = html! {
        p role="status" { "Registered as " (reply.id) "." }
        @if let (Some(limit), Some(currency)) = (reply.limit, reply.currency) {
            p { "Limit: " strong { (money(limit, currency)) } @if let Some(source) = source { " (" (source) ")" } }
        }
        p { "PIN, which is shown this once: " br; span.number-big { (pin) } }
        p { a href="/enrol" { "Enrol another" } }
    };
    Page::new("Subscriber enrolled", body).of(site).show()
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;

    use super::*;

    const TYPED: &str = "login=+aiko+&name=&realm=bank&limit=100.00&currency=eur&source=prepaid&made_pin=000042";

    fn text(response: HttpResponse) -> String {
        String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    /// Shows D40.
    #[test]
    fn a_subscriber_is_enrolled_with_identifier_limit_and_a_pin_that_was_typed_twice_or_made() {
        let (body, pin) = asked(&Form::of_body(TYPED)).unwrap();
        let limit = json!({"source": "prepaid", "amount": 10_000, "currency": "EUR"});
        assert_eq!(body, json!({"login": "aiko", "realm": "bank", "pin": "000042", "limit": limit}));
        assert_eq!(pin, "000042");
        let (body, _) = asked(&Form::of_body(&format!("{TYPED}&pin=1234&pin_again=1234"))).unwrap();
        assert_eq!(body["pin"], "1234");
        for wrong in [
            &format!("{TYPED}&pin=1234&pin_again=1235"),
            &format!("{TYPED}&pin=1234"),
            &TYPED.replace("limit=100.00", "limit=-1"),
            &TYPED.replace("limit=100.00", "limit=1.001"),
            &TYPED.replace("currency=eur", "currency=euros"),
            &TYPED.replace("login=+aiko+", "login=+"),
        ] {
            assert_eq!(asked(&Form::of_body(wrong)).unwrap_err().kind.slug, "invalid-body", "{wrong}");
        }
    }

    #[test]
    fn a_made_pin_has_six_digits_and_what_was_typed_is_shown_again_without_secrets() {
        let made = pin().unwrap();
        assert!(made.len() == 6 && made.bytes().all(|digit| digit.is_ascii_digit()), "{made}");
        let typed = Form::of_body("login=%22%3E%3Cb%3E&api_key=kpk_secret&pin=1234&pin_again=1235&source=points");
        let problem = Problem::new(&problem::INVALID_BODY, "the two PINs are not the same");
        let response = page("Carrier", &typed, ("k", &made), Some(&problem));
        assert_eq!(response.status(), 422);
        let page = text(response);
        for part in ["&quot;&gt;&lt;b&gt;", "The two PINs are not the same.", "value=\"points\" selected"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("kpk_secret") && !page.contains("1234"), "{page}");
    }
}
