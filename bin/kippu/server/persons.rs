//! What operators ask about persons and their keys: who is meant by a login, the receipt of somebody who was forgotten, and another
//! wrapping key.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::access::users::id_of;
use kippu_actors::access::users::request::{Login, Realm, named_realm};
use kippu_actors::http::{read_body, still};
use kippu_actors::problem::{self, Problem, bad_body, raw_body};
use kippu_events::EntityId;
use kippu_projections::http::{await_position, caller};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::seal::for_operators;
use crate::node;

/// The view that receipts go by.
const VIEW: &str = "users";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Whose name for the user the login is.
    #[serde(default, deserialize_with = "named_realm")]
    realm: Option<Realm>,
    /// The name or number by which the user is found.
    login: Login,
}

/// Which id the user with a login has, whether or not anybody is registered under it. No query: what it is asked stands in no path.
pub(crate) async fn find(request: HttpRequest, shared: Data<Shared>, body: Payload) -> Result<HttpResponse, Problem> {
    for_operators(&request, "logins are for operators")?;
    without_parameters(&request)?;
    let body = read_body(request.headers(), body, &shared.limits).await?;
    still(&request)?;
    let Asked { realm, login } = serde_json::from_str(raw_body(&body)?.get()).map_err(|error| bad_body(&error))?;
    Ok(HttpResponse::Ok().json(json!({ "id": id_of(realm.as_ref(), &login, &shared.node.secrets) })))
}

/// That a user was forgotten, when, and whether that is final.
pub(crate) async fn receipt(
    request: HttpRequest,
    id: Path<String>,
    shared: Data<Shared>,
) -> Result<HttpResponse, actix_web::Error> {
    for_operators(&request, "receipts are for operators")?;
    without_parameters(&request)?;
    let id: EntityId = id.parse().map_err(|_| Problem::new(&problem::NOT_FOUND, "there is no user with this id"))?;
    await_position(&shared.queries, VIEW, &caller(&request)?, request.headers()).await?;
    Ok(HttpResponse::Ok().json(node::receipt(&shared.node, id).await?))
}

/// Replaces the key under which persons' keys are wrapped.
pub(crate) async fn rotate(request: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    for_operators(&request, "keys are replaced by operators")?;
    without_parameters(&request)?;
    let number = node::replace_wrapping_key(&shared.node.secrets).await?;
    tracing::warn!(number, "an operator replaced the key that persons' keys are wrapped under");
    Ok(HttpResponse::Ok().json(json!({ "wrapping_key": number })))
}

fn without_parameters(request: &HttpRequest) -> Result<(), Problem> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    Err(Problem::new(&problem::INVALID_REQUEST, "there are no query parameters here"))
}
