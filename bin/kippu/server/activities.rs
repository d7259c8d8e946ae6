//! What this node owes to others, for operators: a list, and a way to try it at once.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::problem::{self, Problem};
use kippu_events::EntityId;
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::seal::for_operators;

/// The longest list: what is beyond it is owed to the same few parties.
const MOST_LISTED: usize = 1_000;

/// What of it is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// What is owed to this peer or webhook.
    to: Option<EntityId>,
}

/// What is owed, to whom, since when, and why the last try came to nothing.
pub(crate) async fn list(
    request: HttpRequest,
    shared: Data<Shared>,
    which: Result<Query<Which>, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    for_operators(&request, "what is owed is shown to operators")?;
    let to = of(which)?;
    Ok(HttpResponse::Ok().json(json!({ "data": shared.activities.list(to, MOST_LISTED).await? })))
}

/// Tries at once what waits for its time.
pub(crate) async fn retry(
    request: HttpRequest,
    shared: Data<Shared>,
    which: Result<Query<Which>, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    for_operators(&request, "what is owed is tried by itself, or at the word of an operator")?;
    shared.activities.hurry(of(which)?);
    Ok(HttpResponse::NoContent().finish())
}

fn of(which: Result<Query<Which>, actix_web::Error>) -> Result<Option<EntityId>, Problem> {
    let which = which.map_err(|_| Problem::new(&problem::INVALID_REQUEST, "the only parameter here is `to`, an id"))?;
    Ok(which.to)
}
