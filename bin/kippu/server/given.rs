//! A command that the form of a page gives: the same one as over `/v1`, run here, or by the node that serves its entity, to which the
//! whole form is brought.

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::http::KIPPU_POSITION;
use kippu_actors::problem::Problem;
use kippu_actors::runtime::Outcome;
use kippu_actors::search::Search;
use kippu_actors::{Answer, Call, NotRun};
use kippu_events::Family;
use kippu_events::log::Position;
use kippu_projections::queries::Moment;
use serde::de::DeserializeOwned;

use super::Shared;

/// A page that is shown right behind its command waits so long for its view.
const SHOWN: Duration = Duration::from_secs(2);

/// A command.
pub(crate) struct Asked {
    /// Of which family.
    pub(crate) family: Family,
    /// As the family names it.
    pub(crate) name: &'static str,
    /// By whom, and of what.
    pub(crate) call: Call,
    /// What it says.
    pub(crate) body: serde_json::Value,
}

/// Where it was done.
pub(crate) enum Given {
    /// By this node.
    Here(Outcome),
    /// By the node that serves the entity, which has answered the form.
    There(HttpResponse),
}

/// Gives the command; `form` is what was sent.
///
/// # Errors
/// Where it was not run. That it was refused is an outcome.
pub(crate) async fn give(request: &HttpRequest, shared: &Shared, asked: Asked, form: &Bytes) -> Result<Given, Problem> {
    let (mut search, body) = (Search::begin(), asked.body.to_string());
    loop {
        let ran = shared.commands.run(asked.family, asked.name, asked.call.clone(), body.as_bytes()).await;
        let (partition, problem) = match ran {
            Ok(outcome) => return Ok(Given::Here(outcome)),
            Err(NotRun::Problem(problem)) => return Err(search.told(problem)),
            Err(NotRun::OtherNode { partition, problem }) => (partition, problem),
        };
        let Some(other_nodes) = &shared.other_nodes else { return Err(problem) };
        search.failed(problem);
        if let Some(answer) = other_nodes.ask(partition, request, form.clone(), &mut search).await? {
            return Ok(Given::There(answer));
        }
    }
}

/// What an accepted command answered.
///
/// # Errors
/// The refusal, where it was refused.
pub(crate) fn done<T: DeserializeOwned>(outcome: &Outcome) -> Result<T, Problem> {
    match &outcome.answer {
        Answer::Done { body, .. } => {
            serde_json::from_slice(body).map_err(|error| Problem::internal(format!("an answer is not read: {error}")))
        }
        Answer::Refused(problem) => Err(problem.clone()),
    }
}

/// Leads on to `to`, which MUST be a path of this node; with the position of what was done, where there is one.
pub(crate) fn led(to: &str, position: Option<Position>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, to));
    if let Some(position) = position {
        response.insert_header((KIPPU_POSITION, position.to_string()));
    }
    response.finish()
}

/// Waits a moment until `view`, by which the page goes that comes next, reflects the record at `position`.
pub(crate) async fn shown(shared: &Shared, view: &str, position: Position) {
    if let Err(error) = shared.queries.reach(view, &Moment::Position(position), SHOWN).await {
        tracing::debug!(%error, view, "a page may not show yet what was done");
    }
}

/// The position that an answer names.
pub(crate) fn position_of(response: &HttpResponse) -> Option<Position> {
    response.headers().get(KIPPU_POSITION)?.to_str().ok()?.parse().ok()
}
