//! `/approve`: what a shop offers is shown to who is signed in, who has it approved within their limit.
//!
//! Who is signed in has identified themselves by login and PIN, and the command wants no more of them: the page asks for a
//! confirmation, and nothing else. `GET` takes the offer in the address, since browsers send no cookie along with another
//! site's form.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::Call;
use kippu_actors::approvals::offer;
use kippu_actors::approvals::refusal::Refused;
use kippu_actors::approvals::reply::{Reply, State};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::peers::Peer;
use kippu_events::access::{Caller, Role};
use kippu_events::approvals::offer_content::OfferContent;
use kippu_events::money::{Currency, Minor};
use kippu_events::statement::Unverified;
use kippu_events::{EntityKey, Family, Time};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::approvals;
use super::who;
use crate::server::Shared;
use crate::server::forms::{Form, fresh_key};
use crate::server::given::{Asked, Given, done, give, led, shown};
use crate::server::known::{self, Known};
use crate::server::layout::{Line, Page, bill, hidden, money, time};
use crate::server::sessions::page::csrf_input;
use crate::server::sessions::{csrf, next};

/// An offer, and whose.
struct Offered {
    shop: String,
    content: OfferContent,
    settlers: Vec<Known>,
}

/// What is left of the limit, as the user's row has it.
#[derive(Deserialize)]
struct Left {
    available: Minor,
    currency: Currency,
}

/// `GET /approve?offer=…`.
///
/// # Errors
/// Where the text is no offer that could be approved.
pub(super) async fn show(request: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    let Some((caller, bearer)) = who::user(&request, &shared).await? else {
        let path = request.uri().path_and_query().map_or("/approve", |path| path.as_str());
        return Ok(who::to_sign_in(path));
    };
    let query = Form::of_query(request.query_string());
    let statement = named(&query)?;
    let offered = offered(&shared, statement).await?;
    let (key, csrf) = (fresh_key()?, shared.sessions.csrf(&bearer));
    let form = html! { (csrf_input(&csrf)) (hidden("key", &key)) (hidden("offer", statement)) };
    Ok(page(shared.name(), &offered, left(&shared, &caller).as_ref(), &form))
}

/// `POST /approve`: the same as `POST /v1/approvals` of the user with this offer.
///
/// # Errors
/// Why it is not approved.
pub(super) async fn approve(
    request: HttpRequest,
    shared: Data<Shared>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    csrf::from_here(request.headers())?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let statement = named(&form)?;
    let Some((caller, bearer)) = who::user(&request, &shared).await? else {
        return Ok(who::to_sign_in(&path("/approve", statement)));
    };
    shared.sessions.guard_form(form.get("csrf"), &bearer)?;
    let key = form.get("key").unwrap_or_default();
    let call = Call { caller, key: key.to_owned(), id: None, if_match: None };
    let asked = Asked { family: Family::Approvals, name: "open", call, body: json!({ "offer": statement }) };
    match give(&request, &shared, asked, &form.body).await? {
        Given::Here(outcome) => {
            let reply: Reply = done(&outcome)?;
            if reply.state == State::Pending {
                shown(&shared, "approvals", outcome.position).await;
                return Ok(led(&path(&format!("/approvals/{}", reply.id), statement), Some(outcome.position)));
            }
            approvals::given(&shared, &reply, statement, key)
        }
        Given::There(answer) => Ok(answer),
    }
}

/// The offer that a form or an address names.
pub(super) fn named(form: &Form) -> Result<&str, Problem> {
    form.get("offer").ok_or_else(|| Problem::new(&problem::INVALID_REQUEST, "there is no offer in this request"))
}

/// `path` with the offer in its query.
pub(super) fn path(path: &str, statement: &str) -> String {
    format!("{path}?offer={}", next::in_query(statement))
}

async fn offered(shared: &Shared, statement: &str) -> Result<Offered, Problem> {
    let not_genuine = || Problem::from(Refused::OfferNotGenuine);
    let signer = Unverified::parse(statement).map_err(|_| not_genuine())?.signer;
    let found = shared.node.runtime.peek(EntityKey::of::<Peer>(signer)).await?;
    let peer: &Peer = found.state.as_any().downcast_ref().ok_or_else(not_genuine)?;
    let now = Time::now();
    let content = offer::content(statement, peer, now).map_err(Refused::from)?;
    if content.expires_at() <= now {
        return Err(Refused::OfferExpired.into());
    }
    let shop = peer.known().map(|shop| shop.name.clone()).unwrap_or_default();
    let settlers = known::among(&shared.queries, &content.settlers, Role::Settler)?;
    Ok(Offered { shop, content, settlers })
}

/// Nothing where the view does not say now: the command decides by itself.
fn left(shared: &Shared, caller: &Caller) -> Option<Left> {
    let row = shared.queries.get("users", &caller.user?.to_string(), caller, false).ok()?;
    serde_json::from_slice(row.row.as_bytes()).ok()
}

fn page(site: &str, offered: &Offered, left: Option<&Left>, form: &Markup) -> HttpResponse {
    let Offered { shop, content, settlers } = offered;
    let lines = content.items.iter();
    let lines = lines.map(|item| Line { name: &item.name, quantity: item.quantity, price: item.price });
    let body = html! {
        p { "You buy from " strong { (shop) } "." }
        (bill(lines, content.total, content.currency))
        @if let Some(left) = left { p { "Left of your limit: " strong { (money(left.available, left.currency)) } } }
        @if settlers.is_empty() {
            p role="alert" { "No settlement server of this shop is known here, so nothing could be paid." }
        } @else {
            form method="post" action="/approve" {
                (form)
                button { "Approve " (money(content.total, content.currency)) }
            }
            p.quiet {
                "The offer stands until " (time(content.expires_at())) ". What you approve is held from your limit until it is "
                "paid, or until the approval is over."
            }
        }
        p.quiet { "Not you? " a href="/sign-in" { "Sign out" } "." }
    };
    Page::new("Approve a purchase", body).of(site).acts_here().show()
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use kippu_events::EntityId;
    use kippu_events::approvals::offer_content::OfferItem;

    use super::*;

    fn offered(name: &str, settlers: Vec<Known>) -> Offered {
        let (id, price) = (EntityId::from_hash(&[1; 32]), Minor::new(990).unwrap());
        let item = OfferItem { kind: "music".to_owned(), name: name.to_owned(), price, product: id, quantity: 1 };
        let content = OfferContent {
            iss: id,
            id,
            iat: 0,
            exp: 1_795_233_600,
            currency: "EUR".parse().unwrap(),
            total: price,
            items: vec![item],
            settlers: vec![id],
            direct: false,
        };
        Offered { shop: name.to_owned(), content, settlers }
    }

    fn text(response: HttpResponse) -> String {
        String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    /// Shows D5.
    #[test]
    fn a_person_sees_shop_kind_and_amount_before_they_approve_and_no_markup_of_others() {
        let settler =
            || serde_json::from_value::<Known>(json!({ "name": "s", "url": "http://a", "roles": [] })).unwrap();
        let left = Left { available: Minor::new(9_000).unwrap(), currency: "EUR".parse().unwrap() };
        let form = hidden("offer", "a.b.\"");
        let shown = text(page("Carrier", &offered("Música <b>", vec![settler()]), Some(&left), &form));
        for part in ["Música &lt;b&gt;", "Approve 9.90 EUR", "90.00 EUR", "value=\"a.b.&quot;\"", "Carrier"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("<b>"));
        let nowhere = text(page("Carrier", &offered("a", Vec::new()), None, &form));
        assert!(!nowhere.contains("<form") && nowhere.contains("role=\"alert\""), "{nowhere}");
    }
}
