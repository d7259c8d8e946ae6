//! `/approvals/{id}`: an approval that is not given at once, and the page with one that is given: its token goes on to a settlement server in
//! a form, and is in no address and no cookie.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use kippu_actors::Call;
use kippu_actors::approvals::reply::Reply;
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Role;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family};
use kippu_projections::QueryError;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::approve::{named, path};
use super::who;
use crate::server::Shared;
use crate::server::forms::{Form, fresh_key};
use crate::server::given::{Asked, Given, done, give};
use crate::server::known::{self, Known};
use crate::server::layout::{Page, hidden, money, time};
use crate::server::sessions::csrf;
use crate::server::sessions::page::csrf_input;

/// While a financial reference is asked, the page is loaded again after so many seconds.
const AGAIN_SECS: u8 = 2;

/// An approval as its user's row has it.
#[derive(Deserialize)]
struct Row {
    state: String,
    amount: Minor,
    currency: Currency,
    #[serde(default)]
    reason: Option<String>,
}

/// `GET /approvals/{id}?offer=…`.
///
/// # Errors
/// 404 for whatever is not the user's.
pub(super) async fn show(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let query = Form::of_query(request.query_string());
    let statement = named(&query)?;
    let Some((caller, bearer)) = who::user(&request, &shared).await? else {
        return Ok(who::to_sign_in(&path(&format!("/approvals/{id}"), statement)));
    };
    let found = match shared.queries.get("approvals", &id, &caller, false) {
        Ok(found) => found,
        Err(QueryError::NotFound) => return Err(Problem::new(&problem::NOT_FOUND, "no such approval is yours")),
        Err(error) => return Ok(error.error_response()),
    };
    let row: Row = serde_json::from_slice(found.row.as_bytes())
        .map_err(|error| Problem::internal(format!("a row of a view is not read: {error}")))?;
    let take = html! {
        form method="post" action={ "/approvals/" (id) } {
            (csrf_input(&shared.sessions.csrf(&bearer)))
            (hidden("key", &fresh_key()?))
            (hidden("offer", statement))
            button { "Go on to pay" }
        }
    };
    Ok(waiting(shared.name(), &row, &take))
}

/// `POST /approvals/{id}`: the same as `POST /v1/approvals/{id}/collect` of the user.
///
/// # Errors
/// Why the token is not given.
pub(super) async fn collect(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<EntityId>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    csrf::from_here(request.headers())?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let statement = named(&form)?;
    let Some((caller, bearer)) = who::user(&request, &shared).await? else {
        return Ok(who::to_sign_in(&path(&format!("/approvals/{id}"), statement)));
    };
    shared.sessions.guard_form(form.get("csrf"), &bearer)?;
    let key = form.get("key").unwrap_or_default();
    let call = Call { caller, key: key.to_owned(), id: Some(*id), if_match: None };
    let asked = Asked { family: Family::Approvals, name: "collect", call, body: json!({}) };
    match give(&request, &shared, asked, &form.body).await? {
        Given::Here(outcome) => given(&shared, &done(&outcome)?, statement, key),
        Given::There(answer) => Ok(answer),
    }
}

/// The page of an approval that is given. What settles it is sent under the key of the form that asked for it: whoever comes back to
/// this page settles nothing a second time.
///
/// # Errors
/// Where the token is not made any more.
pub(super) fn given(shared: &Shared, reply: &Reply, statement: &str, key: &str) -> Result<HttpResponse, Problem> {
    let settlers = known::among(&shared.queries, reply.settlers.as_deref().unwrap_or_default(), Role::Settler)?;
    let gone = || Problem::internal("the approval has no token any more");
    let (token, issuer) = reply.token.as_deref().zip(reply.issuer).ok_or_else(gone)?;
    let form = html! {
        (hidden("issuer", &issuer.to_string()))
        (hidden("token", token))
        (hidden("offer", statement))
        (hidden("key", key))
    };
    Ok(page(shared.name(), reply, &settlers, &form))
}

fn waiting(site: &str, row: &Row, take: &Markup) -> HttpResponse {
    let Row { state, amount, currency, reason } = row;
    let amount = money(*amount, *currency);
    let body = html! {
        @match state.as_str() {
            "pending" => p role="status" { "Your financial institution is asked about " (amount) ". This page looks again by itself." },
            "issued" => { p role="status" { "It is approved, up to " (amount) "." } (take) }
            "refused" => p role="alert" { "It is not approved: " (reason.as_deref().unwrap_or_default().replace('_', " ")) "." },
            other => p role="alert" { "This approval is " (other) "." },
        }
    };
    let again = (state == "pending").then_some(AGAIN_SECS);
    Page::new("Approve a purchase", body).of(site).acts_here().again_after(again).show()
}

fn page(site: &str, reply: &Reply, settlers: &[Known], form: &Markup) -> HttpResponse {
    let to = settlers.iter().filter_map(|settler| Some((settler, settler.at("/settle")?)));
    let body = html! {
        @if let Some((amount, currency)) = reply.amount.zip(reply.currency) {
            p { "Up to " strong { (money(amount, currency)) } " may be settled, once." }
        }
        p.quiet {
            "Approval " (reply.id)
            @if let Some(end) = reply.expires_at { ", good until " (time(end)) }
            "."
        }
        @for (settler, address) in to {
            form method="post" action=(address) { (form) button { "Pay at " (settler.name) } }
        }
    };
    Page::new("Approved", body).of(site).forms_to(settlers.iter().filter_map(Known::origin)).show()
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use actix_web::http::header;

    use super::*;

    fn text(response: HttpResponse) -> String {
        String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_token_goes_to_the_settlement_servers_of_the_offer_alone_and_in_no_address() {
        let id = EntityId::from_hash(&[1; 32]);
        let reply: Reply =
            serde_json::from_value(json!({"id": id, "state": "issued", "amount": 990, "currency": "EUR"})).unwrap();
        let known =
            |name, url| serde_json::from_value::<Known>(json!({"name": name, "url": url, "roles": []})).unwrap();
        let settlers = [known("One <1>", "https://one.example/base"), known("none", "nowhere at all")];
        let response = page("Carrier", &reply, &settlers, &hidden("token", "kpa_\"1"));
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap().to_owned();
        assert!(policy.ends_with("form-action 'self' https://one.example"), "{policy}");
        assert_eq!(response.headers().get(header::REFERRER_POLICY).unwrap(), "no-referrer");
        let shown = text(response);
        for part in [
            "action=\"https://one.example/base/settle\"",
            "method=\"post\"",
            "One &lt;1&gt;",
            "kpa_&quot;1",
            "9.90 EUR",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("nowhere"));
    }

    #[test]
    fn who_waits_for_a_reference_is_told_what_became_of_it() {
        let shown = |state: &str, reason: Option<&str>| {
            let row = json!({"state": state, "amount": 990, "currency": "EUR", "reason": reason});
            text(waiting("Carrier", &serde_json::from_value(row).unwrap(), &html! { form {} }))
        };
        let pending = shown("pending", None);
        assert!(pending.contains("http-equiv=\"refresh\"") && !pending.contains("<form"), "{pending}");
        let issued = shown("issued", None);
        assert!(issued.contains("<form") && !issued.contains("http-equiv=\"refresh\""), "{issued}");
        assert!(shown("refused", Some("credit_refused")).contains("not approved: credit refused"));
    }
}
