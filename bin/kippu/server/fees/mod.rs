//! `GET /v1/contracts/{id}/fees/{month}`: what a partner site owes its main site for a month, with everything that it follows from. The
//! nodes of both parties answer the same bytes once they have the same lines and reports.

use actix_web::http::header::HeaderValue;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use kippu_events::EntityId;
use kippu_projections::http::{CUT, await_position, caller, handed_over};
use kippu_projections::partners::statement::Month;
use kippu_projections::{NotARow, Queries, QueryError};

/// The view of the lines, which statements are read from.
pub(crate) const VIEW: &str = "access-batches";

/// See the module.
///
/// # Errors
/// Where there is no such contract for this caller, no terms of it count in the month, or the question is malformed.
pub(super) async fn statement(
    request: HttpRequest,
    path: Path<(String, String)>,
    queries: Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    let (contract, month) = path.into_inner();
    let contract: EntityId = contract.parse().map_err(|_| QueryError::NotFound)?;
    let month: Month = month.parse().map_err(|error| QueryError::parameter("month", &format!("{error}")))?;
    await_position(&queries, VIEW, &caller, request.headers()).await?;
    let its = queries.get_ref().clone();
    let made = move || {
        let found = its.fee_statement(contract, &month, &caller)?;
        let text = serde_json::to_vec(&found.statement);
        // Memory takes whatever is written: this is a defect.
        let text = text.map_err(|error| NotARow(format!("a statement is not written: {error}")))?;
        Ok((text, found.cut))
    };
    let (text, cut) = queries.in_turn(caller.party(), made).await?;
    let mut response = HttpResponse::Ok();
    response.content_type("application/json");
    if let Ok(cut) = HeaderValue::from_str(&cut.to_string()) {
        response.insert_header((CUT, cut));
    }
    Ok(response.body(handed_over(&queries, &caller, text)?))
}
