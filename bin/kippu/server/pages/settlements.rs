//! `/settlements/{id}`: what becomes of a purchase, for the browser that made it, and what was bought.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use kippu_actors::Call;
use kippu_actors::approvals::settlements::request::Reply;
use kippu_actors::problem::Problem;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family};
use kippu_projections::QueryError;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::who;
use crate::server::forms::{Form, fresh_key};
use crate::server::given::{Asked, Given, done, give, led, shown};
use crate::server::layout::{Line, Page, bill, hidden, money, origin};
use crate::server::sessions::csrf;
use crate::server::{Shared, contents};

/// The view of settlements.
const VIEW: &str = "settlements";
/// While something is under way, the page is loaded again after so many seconds.
const AGAIN_SECS: u8 = 1;

/// A settlement as its row has it.
#[derive(Deserialize)]
struct Row {
    state: String,
    items: Vec<Item>,
    total: Minor,
    currency: Currency,
    contents: Vec<Content>,
    #[serde(default)]
    settled_amount: Option<Minor>,
    #[serde(default)]
    refunded: Option<Minor>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    name: Option<String>,
    quantity: u32,
    price: Minor,
}

#[derive(Deserialize)]
struct Content {
    n: u32,
    name: String,
    size: u64,
    #[serde(default)]
    url: Option<String>,
}

/// `GET /settlements/{id}`.
///
/// # Errors
/// 404 for every other browser.
pub(super) async fn show(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<EntityId>,
) -> Result<HttpResponse, Problem> {
    let caller = who::holder(&request, &shared, *id)?;
    match shared.queries.get(VIEW, &id.to_string(), &caller, false) {
        Ok(found) => {
            let row: Row = serde_json::from_slice(found.row.as_bytes())
                .map_err(|error| Problem::internal(format!("a row of a view is not read: {error}")))?;
            Ok(page(shared.name(), *id, &row, &fresh_key()?))
        }
        // Its capability is genuine, so it is there, and the view a moment behind.
        Err(QueryError::NotFound) => {
            let body = html! { p role="status" { "Your approval was presented." } };
            Ok(Page::new("Your purchase", body).of(shared.name()).again_after(Some(AGAIN_SECS)).show())
        }
        Err(error) => Ok(error.error_response()),
    }
}

/// `GET /settlements/{id}/content/{n}`: the same as below `/v1`.
///
/// # Errors
/// 404 for every other browser, and for what is not to be had.
pub(super) async fn content(
    request: HttpRequest,
    shared: Data<Shared>,
    path: Path<(EntityId, u32)>,
) -> Result<HttpResponse, Problem> {
    let caller = who::holder(&request, &shared, path.0)?;
    contents::give(&request, &shared, caller, *path).await
}

/// `POST /settlements/{id}/received`: the same as below `/v1`.
///
/// # Errors
/// Why that is not so.
pub(super) async fn received(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<EntityId>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    match ask(&request, &shared, (*id, "received"), body).await? {
        Given::Here(outcome) => {
            done::<Reply>(&outcome)?;
            shown(&shared, VIEW, outcome.position).await;
            Ok(led(&format!("/settlements/{id}"), Some(outcome.position)))
        }
        Given::There(answer) => Ok(answer),
    }
}

/// `POST /settlements/{id}/collect`: the same as below `/v1`; what opens the contents at the shop goes there in forms.
///
/// # Errors
/// Why it is not told.
pub(super) async fn collect(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<EntityId>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    match ask(&request, &shared, (*id, "collect"), body).await? {
        Given::Here(outcome) => Ok(at_shop(shared.name(), &done(&outcome)?)),
        Given::There(answer) => Ok(answer),
    }
}

/// A command of who holds the capability. Its cookie comes along with no other site's form, and browsers say whose this is.
async fn ask(
    request: &HttpRequest,
    shared: &Shared,
    (id, name): (EntityId, &'static str),
    body: Payload,
) -> Result<Given, Problem> {
    csrf::from_here(request.headers())?;
    let caller = who::holder(request, shared, id)?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let key = form.get("key").unwrap_or_default().to_owned();
    let call = Call { caller, key, id: Some(id), if_match: None };
    give(request, shared, Asked { family: Family::Settlements, name, call, body: json!({}) }, &form.body).await
}

fn page(site: &str, id: EntityId, row: &Row, key: &str) -> HttpResponse {
    let is_running = matches!(row.state.as_str(), "presented" | "permitted" | "fetching");
    let lines = row.items.iter().map(|item| Line {
        name: item.name.as_deref().unwrap_or("–"),
        quantity: item.quantity,
        price: item.price,
    });
    let body = html! {
        (state(row))
        (bill(lines, row.total, row.currency))
        @if !is_running { (had(id, row, key)) }
    };
    Page::new("Your purchase", body).of(site).acts_here().again_after(is_running.then_some(AGAIN_SECS)).show()
}

/// Where it is, in words.
fn state(row: &Row) -> Markup {
    let amount = |amount: Minor| money(amount, row.currency);
    let none = "Nothing is paid, and what was held from your limit is free again.";
    html! {
        @match row.state.as_str() {
            "presented" => p role="status" { "Who approved it is asked whether it may be paid. This page looks again by itself." },
            "permitted" | "fetching" => p role="status" { "The payment is permitted, and the shop delivers. This page looks again by itself." },
            "available" => p role="status" { "It has come. It is paid once you say below that you have it." },
            "settled" => p role="status" {
                "Paid: " strong { (amount(row.settled_amount.unwrap_or(row.total))) } "."
                @if let Some(refunded) = row.refunded { " Given back: " (amount(refunded)) "." }
            },
            "timed_out" => p role="alert" { "There was no answer in time. " (none) },
            "cancelled" => p role="alert" { "It was called off. " (none) },
            _ => p role="alert" { "It came to nothing (" (row.reason.as_deref().unwrap_or("refused")) "). " (none) },
        }
    }
}

/// What is to be had.
fn had(id: EntityId, row: &Row, key: &str) -> Markup {
    let here = |content: &Content| content.url.as_deref().is_some_and(|url| url.starts_with('/'));
    let is_at_shop = row.contents.iter().any(|content| content.url.is_some() && !here(content));
    let is_open = row.state == "available" || row.contents.iter().any(here);
    html! {
        @if !row.contents.is_empty() && matches!(row.state.as_str(), "available" | "settled") {
            h2 { "What you bought" }
            ul.files {
                @for content in &row.contents {
                    li {
                        @if here(content) {
                            a href={ "/settlements/" (id) "/content/" (content.n) } download { (content.name) }
                            " " span.quiet { (size(content.size)) }
                        } @else if content.url.is_some() { (content.name) } @else { (content.name) " " span.quiet { "received" } }
                    }
                }
            }
        }
        @if is_at_shop {
            form method="post" action={ "/settlements/" (id) "/collect" } {
                (hidden("key", key)) button { "Fetch it at the shop" }
            }
        } @else if is_open {
            form method="post" action={ "/settlements/" (id) "/received" } {
                (hidden("key", key))
                button.second[row.state != "available"] { "I have everything" }
            }
            p.quiet { "After that it is not kept for you here any more." }
        }
    }
}

/// The files at the shop, each with a form that opens it there.
fn at_shop(site: &str, reply: &Reply) -> HttpResponse {
    let capability = reply.shop_capability.as_deref().unwrap_or_default();
    let contents = serde_json::to_value(reply.contents.as_deref().unwrap_or_default());
    let contents: Vec<Content> = contents.and_then(serde_json::from_value).unwrap_or_default();
    let found: Vec<(&Content, &str)> =
        contents.iter().filter_map(|content| Some((content, content.url.as_deref()?))).collect();
    let body = html! {
        @for (content, url) in &found {
            // Below `/v1` a program shows the capability as a bearer, which no form can.
            form method="post" action=(url.replacen("/v1/offers/", "/shop/offers/", 1)) {
                (hidden("capability", capability))
                button { "Fetch " (content.name) }
            }
        }
    };
    Page::new("Fetch it at the shop", body)
        .of(site)
        .forms_to(found.iter().filter_map(|(_, url)| origin(url)).take(1))
        .show()
}

/// Of a file.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000.. => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use actix_web::http::header;
    use serde_json::Value;

    use super::*;

    fn text(response: HttpResponse) -> String {
        String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    fn shown(state: &str, url: &Value) -> String {
        let id = EntityId::from_hash(&[1; 32]);
        let row = json!({"state": state, "total": 990, "currency": "EUR", "reason": "<i>",
            "items": [{"name": "Música <b>", "quantity": 1, "price": 990}],
            "contents": [{"n": 1, "name": "<b>.ogg", "size": 2_500, "url": url}]});
        text(page("Settle & Co", id, &serde_json::from_value(row).unwrap(), "key"))
    }

    #[test]
    fn a_page_looks_again_while_something_is_under_way_and_then_shows_what_is_to_be_had() {
        let id = EntityId::from_hash(&[1; 32]);
        for state in ["presented", "permitted", "fetching"] {
            let page = shown(state, &Value::Null);
            assert!(page.contains("http-equiv=\"refresh\"") && !page.contains("<form"), "{state}: {page}");
        }
        let url = json!(format!("/v1/settlements/{id}/content/1"));
        for state in ["available", "settled"] {
            let page = shown(state, &url);
            assert!(!page.contains("http-equiv=\"refresh\""), "{state}: {page}");
            for part in [&*format!("/settlements/{id}/content/1\" download"), "&lt;b&gt;.ogg", "2 kB", "/received\""] {
                assert!(page.contains(part), "{state}, {part}: {page}");
            }
        }
        let received = shown("settled", &Value::Null);
        assert!(!received.contains("<form") && !received.contains("download") && received.contains("received"));
        for state in ["refused", "timed_out", "cancelled"] {
            let page = shown(state, &Value::Null);
            assert!(page.contains("role=\"alert\"") && !page.contains("<form") && !page.contains("<i>"), "{page}");
        }
        let page = shown("settled", &json!("https://shop.example/v1/offers/o/content/1"));
        assert!(page.contains("/collect\"") && !page.contains("download"), "{page}");
    }

    #[test]
    fn what_lies_at_the_shop_is_fetched_there_by_a_form() {
        let id = EntityId::from_hash(&[1; 32]);
        let reply = json!({"id": id, "shop_capability": "kpc_\"", "contents": [{"n": 1, "name": "a.ogg",
            "media_type": "audio/ogg", "sha256": "0", "size": 1, "url": "https://shop.example/v1/offers/o/content/1"}]});
        let response = at_shop("Settle & Co", &serde_json::from_value(reply).unwrap());
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap().to_owned();
        assert!(policy.ends_with("form-action 'self' https://shop.example"), "{policy}");
        let page = text(response);
        for part in ["action=\"https://shop.example/shop/offers/o/content/1\"", "value=\"kpc_&quot;\"", "Fetch a.ogg"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
