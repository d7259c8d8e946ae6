//! `POST /site/{path}`: what a visitor asks for on a page, as a form or as JSON. It is the command that opens a request, with the page and
//! the contract by which it came filled in.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use kippu_actors::Call;
use kippu_actors::http::{IDEMPOTENCY_KEY, Limits, read_whole, render};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Caller;
use kippu_events::partners::pages::{Page, id_of};
use kippu_events::{EntityKey, Family};
use serde_json::{Map, Value, json};

use super::named;
use crate::server::Shared;
use crate::server::forms::{Form, fresh_key};
use crate::server::given::{Asked, Given, give};

/// Members that a form has.
const TEXTS: [&str; 2] = ["kind", "article"];
const QUANTITY: &str = "quantity";
const KEY: &str = "key";

/// Opens a request.
///
/// # Errors
/// Where it was not opened.
pub(super) async fn open(
    request: &HttpRequest,
    shared: &Data<Shared>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let absent = || Problem::new(&problem::NOT_FOUND, "there is no page at this path");
    let path = named(request.match_info().get("path").unwrap_or_default()).ok_or_else(absent)?;
    let (sent, mut body, key) = read(request, &shared.limits, payload).await?;
    let page = id_of(shared.node.secrets.party, &path);
    let found = shared.node.runtime.peek(EntityKey::of::<Page>(page)).await?;
    let contract = match found.state.as_any().downcast_ref().ok_or_else(absent)? {
        Page::Absent => return Err(absent()),
        Page::Own(_) => None,
        Page::TieUp(page) => Some(page.contract),
    };
    body.insert("page".to_owned(), json!(page));
    body.insert("contract".to_owned(), json!(contract));
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    let call = Call { caller, key, id: None, if_match: None };
    let asked = Asked { family: Family::PageRequests, name: "open", call, body: Value::Object(body) };
    match give(request, shared, asked, &sent).await? {
        Given::Here(outcome) => Ok(render(outcome)),
        Given::There(response) => Ok(response),
    }
}

/// What was sent, its members, and the key under which it is done once.
async fn read(
    request: &HttpRequest,
    limits: &Limits,
    payload: Payload,
) -> Result<(actix_web::web::Bytes, Map<String, Value>, String), Problem> {
    let headers = request.headers();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wrong = |why: &str| Problem::new(&problem::INVALID_BODY, why.to_owned());
    let mut key = headers.get(&IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
    let (sent, body) =
        if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            let sent = read_whole(headers, payload, limits).await?;
            let body: Map<String, Value> = serde_json::from_slice(&sent).map_err(|error| wrong(&error.to_string()))?;
            if body.contains_key("page") || body.contains_key("contract") {
                return Err(wrong("the page is the one at this path"));
            }
            (sent, body)
        } else {
            let form = Form::read(headers, payload, limits).await?;
            let texts = TEXTS.iter().filter_map(|name| Some(((*name).to_owned(), json!(form.get(name)?))));
            let mut body: Map<String, Value> = texts.collect();
            if let Some(quantity) = form.get(QUANTITY) {
                let quantity: u32 = quantity.parse().map_err(|_| wrong("a quantity is a whole number"))?;
                body.insert(QUANTITY.to_owned(), json!(quantity));
            }
            key = key.or_else(|| form.get(KEY).map(str::to_owned));
            (form.body, body)
        };
    let key = match key {
        Some(key) => key,
        // Who names none asks anew each time.
        None => fresh_key()?,
    };
    Ok((sent, body, key))
}
