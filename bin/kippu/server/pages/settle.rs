//! `POST /settle`: a browser brings an approval from the authentication server, and is led to the page of its settlement.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::Call;
use kippu_actors::approvals::settlements::request::Reply;
use kippu_actors::problem::Problem;
use kippu_events::Family;
use serde_json::{Map, Value};

use super::who;
use crate::server::Shared;
use crate::server::forms::Form;
use crate::server::given::{Asked, Given, done, give, led};

/// The same as `POST /v1/settlements` of a guest.
///
/// # Errors
/// Why the approval is not taken.
pub(super) async fn settle(request: HttpRequest, shared: Data<Shared>, body: Payload) -> Result<HttpResponse, Problem> {
    // Another site sends this form, and is to: it acts by the token in it and for nobody whom this server knows, so no site can make a
    // browser do here what it could not do without one. The cookie of a session is not looked at.
    let caller = who::guest(&request, &shared)?;
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let named = ["issuer", "token", "offer"].into_iter();
    let body: Map<String, Value> = named.filter_map(|name| Some((name.to_owned(), form.get(name)?.into()))).collect();
    let key = form.get("key").unwrap_or_default().to_owned();
    let call = Call { caller, key, id: None, if_match: None };
    let asked = Asked { family: Family::Settlements, name: "open", call, body: body.into() };
    match give(&request, &shared, asked, &form.body).await? {
        Given::Here(outcome) => {
            let reply: Reply = done(&outcome)?;
            let gone = || Problem::internal("the settlement has no capability any more");
            let cookie = reply.capability.and_then(|capability| who::holds(reply.id, &capability)).ok_or_else(gone)?;
            let mut response = led(&format!("/settlements/{}", reply.id), Some(outcome.position));
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        Given::There(answer) => Ok(answer),
    }
}
