//! `GET /v1/statements/{account}`: what an account of the books has of a month or a day, as JSON, as CSV, as a page to print, or
//! as a bank statement (ISO 20022, camt.053). Every form has the figures of one statement.

mod asked;
mod camt;
pub(crate) mod csv;
mod page;
#[cfg(test)]
mod tests;

use actix_web::http::header::{CONTENT_DISPOSITION, HeaderValue, VARY};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use kippu_events::Time;
use kippu_events::money::{Currency, decimal};
use kippu_projections::approvals::books::Found;
use kippu_projections::http::{CUT, await_position, caller, handed_over};
use kippu_projections::{NotARow, Queries, QueryError};

use self::asked::Asked;
pub(crate) use self::asked::Form;
use super::Shared;
use super::layout::guard;

/// The view of accounts, which statements are read from.
pub(crate) const VIEW: &str = "ledger";

/// See the module.
///
/// # Errors
/// Where there is no such account for this caller, or the question is malformed.
pub(super) async fn statement(
    request: HttpRequest,
    account: Path<String>,
    shared: Data<Shared>,
    queries: Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    let Asked { period, form } = Asked::of(&request)?;
    await_position(&queries, VIEW, &caller, request.headers()).await?;
    let (its, account, party) = (queries.get_ref().clone(), account.into_inner(), shared.node.identity.party());
    let written = move || {
        let found = its.statement(&account, &period, &caller)?;
        let text = match form {
            Form::Json => serde_json::to_vec(&found.statement).map_err(|error| not_written(&error))?,
            Form::Csv => csv::written(&found).map_err(|error| not_written(&error))?,
            Form::Html => page::written(&found).into_bytes(),
            Form::Camt => camt::written(&found, party, Time::now()).into_bytes(),
        };
        Ok((found, text))
    };
    let (found, text) = queries.in_turn(caller.party(), written).await?;
    let mut response = HttpResponse::Ok();
    response.content_type(form.media_type());
    if let Ok(cut) = HeaderValue::from_str(&found.cut.to_string()) {
        response.insert_header((CUT, cut));
    }
    if let Some(name) = file_name(&found, form) {
        response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    }
    response.insert_header((VARY, "Accept"));
    let response = response.body(handed_over(&queries, &caller, text)?);
    Ok(if form == Form::Html { guard(response) } else { response })
}

/// Memory takes whatever is written: this is a defect.
pub(crate) fn not_written(error: &dyn std::error::Error) -> QueryError {
    NotARow(format!("a statement is not written: {error}")).into()
}

/// Under which name a browser keeps it. Accounts and periods have no characters that need quoting.
fn file_name(found: &Found, form: Form) -> Option<String> {
    let extension = match form {
        Form::Json | Form::Html => return None,
        Form::Csv => "csv",
        Form::Camt => "xml",
    };
    Some(format!("{}.{}.{extension}", found.statement.account, found.statement.period))
}

/// A balance: an amount without a sign, and its side. Nothing is on the credit side, as ISO 20022 has it.
fn sided(balance: i64, currency: Currency) -> (String, &'static str) {
    (decimal(balance.unsigned_abs(), currency), if balance > 0 { "debit" } else { "credit" })
}
