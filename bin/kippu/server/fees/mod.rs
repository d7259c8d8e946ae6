//! `GET /v1/contracts/{id}/fees/{month}`: what a partner site owes its main site for a month, with everything that it follows from. The
//! nodes of both parties answer the same bytes once they have the same lines and reports. As JSON, as CSV, or as a page to print.

mod csv;
mod page;

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue, VARY};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kippu_events::EntityId;
use kippu_events::partners::fees::Month;
use kippu_projections::http::{CUT, await_position, caller, handed_over};
use kippu_projections::{Queries, QueryError};

use super::layout::guard;
use super::statements::{Form, not_written};
use super::{Shared, leaves};

/// The view of the lines, which statements are read from.
pub(crate) const VIEW: &str = "access-batches";

/// The forms of a statement.
pub(crate) const FORMS: [Form; 3] = [Form::Json, Form::Csv, Form::Html];

/// The statement, and the lines that it is of, one by one.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .route("/contracts/{id}/fees/{month}", web::get().to(statement))
        .route("/contracts/{id}/fees/{month}", web::head().to(statement))
        .route("/access-batches/{id}/leaves", web::get().to(leaves::of_batch))
        .route("/access-batches/{id}/leaves", web::head().to(leaves::of_batch));
}

/// See the module.
///
/// # Errors
/// Where there is no such contract for this caller, no terms of it count in the month, or the question is malformed.
async fn statement(
    request: HttpRequest,
    path: Path<(String, String)>,
    shared: Data<Shared>,
    queries: Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    let (contract, month) = path.into_inner();
    let contract: EntityId = contract.parse().map_err(|_| QueryError::NotFound)?;
    let month: Month = month.parse().map_err(|error| QueryError::parameter("month", &format!("{error}")))?;
    let form = Form::asked(&request, &FORMS)?;
    await_position(&queries, VIEW, &caller, request.headers()).await?;
    let (its, party) = (queries.get_ref().clone(), shared.node.identity.party());
    let made = move || {
        let found = its.fee_statement(party, contract, &month, &caller)?;
        let text = match form {
            Form::Csv => csv::written(&found.statement).map_err(|error| not_written(&error))?,
            Form::Html => page::written(&found.statement).into_bytes(),
            Form::Json | Form::Camt => serde_json::to_vec(&found.statement).map_err(|error| not_written(&error))?,
        };
        Ok((text, found.cut))
    };
    let (text, cut) = queries.in_turn(caller.party(), made).await?;
    let mut response = HttpResponse::Ok();
    response.content_type(form.media_type()).insert_header((VARY, "Accept"));
    if let Ok(cut) = HeaderValue::from_str(&cut.to_string()) {
        response.insert_header((CUT, cut));
    }
    if form == Form::Csv {
        response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{contract}.{month}.csv\"")));
    }
    let response = response.body(handed_over(&queries, &caller, text)?);
    Ok(if form == Form::Html { guard(response) } else { response })
}
