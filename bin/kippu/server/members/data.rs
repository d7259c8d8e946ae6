//! What operators, and partners for their own pages, ask of members' data. Whose personal fields are shown is on record first.

use std::collections::BTreeMap;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::access::disclosures::MOST_PERSONS;
use kippu_events::access::{Caller, Role};
use kippu_events::partners::contracts::Contract;
use kippu_events::partners::fees::Month;
use kippu_events::{EntityId, EntityKey};
use kippu_projections::http::{AccessLog, await_position, caller, handed_over};
use kippu_projections::partners::management::{Addressee, Addressees, cell};
use kippu_projections::{Queries, QueryError};
use serde::Serialize;

use super::super::Shared;
use super::answered;

/// The query parameters, each of which is among `known` and is given once.
fn parameters(request: &HttpRequest, known: &[&str]) -> Result<BTreeMap<String, String>, QueryError> {
    let malformed = |_| QueryError::parameter("query", "the parameters cannot be read");
    let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string()).map_err(malformed)?.into_inner();
    let mut found = BTreeMap::new();
    for (name, value) in pairs {
        if !known.contains(&&*name) || found.contains_key(&name) {
            return Err(QueryError::parameter(&name, "there is no such parameter here, or it is given twice"));
        }
        found.insert(name, value);
    }
    Ok(found)
}

fn month(parameters: &BTreeMap<String, String>) -> Result<Month, QueryError> {
    let text = parameters.get("month").ok_or_else(|| QueryError::parameter("month", "it is wanted"))?;
    text.parse().map_err(|error| QueryError::parameter("month", &format!("{error}")))
}

/// Asks `queries` in turn, and answers in JSON.
async fn in_json<T: Serialize + Send + 'static>(
    queries: &Queries,
    caller: &Caller,
    ask: impl FnOnce(&Queries) -> Result<T, QueryError> + Send + 'static,
) -> Result<HttpResponse, QueryError> {
    let its = queries.clone();
    let made = move || {
        let found = ask(&its)?;
        serde_json::to_vec(&found).map_err(|error| QueryError::NotOnRecord(error.to_string()))
    };
    let body = queries.in_turn(caller.party(), made).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(handed_over(queries, caller, body)?))
}

/// `GET /v1/contracts/{id}/management/{output}?month=…`: customers, security or fee.
///
/// # Errors
/// As a statement of fees.
pub(crate) async fn management(
    request: HttpRequest,
    path: Path<(String, String)>,
    shared: Data<Shared>,
    queries: Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    let party = shared.node.identity.party();
    let (contract, output) = path.into_inner();
    let contract: EntityId = contract.parse().map_err(|_| QueryError::NotFound)?;
    let month = month(&parameters(&request, &["month"])?)?;
    await_position(&queries, super::super::fees::VIEW, &caller, request.headers()).await?;
    in_json(&queries, &caller, move |queries| {
        let found = queries.management(party, contract, &month, &caller)?;
        let written = match &*output {
            "customers" => serde_json::to_value(found.customers),
            "security" => serde_json::to_value(found.security),
            "fee" => serde_json::to_value(found.fee),
            _ => return Err(QueryError::NotFound),
        };
        written.map_err(|error| QueryError::NotOnRecord(error.to_string()))
    })
    .await
}

/// Whether an operator or an auditor asks: what else is wrong is nobody else's to know.
fn for_operators(caller: &Caller) -> Result<(), QueryError> {
    if caller.is_among(&[Role::Operator, Role::Auditor]) {
        return Ok(());
    }
    Err(if caller.is_guest() {
        QueryError::Unauthenticated
    } else {
        QueryError::Forbidden("this is for operators and auditors")
    })
}

/// `GET /v1/member-actions/regions?month=…`: sales by region.
///
/// # Errors
/// Where the month is none, or the caller no operator or auditor.
pub(crate) async fn regional_sales(request: HttpRequest, queries: Data<Queries>) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    for_operators(&caller)?;
    let month = month(&parameters(&request, &["month"])?)?;
    await_position(&queries, "member-actions", &caller, request.headers()).await?;
    in_json(&queries, &caller, move |queries| {
        queries.regional_sales(&month, &caller).map(|rows| serde_json::json!({ "data": rows }))
    })
    .await
}

/// `GET /v1/contracts/{id}/page-users?page=…`: what was done on a page. The partner's node asks the main site's.
///
/// # Errors
/// 403 where the terms of the contract do not name the page.
pub(crate) async fn on_page(
    request: HttpRequest,
    path: Path<String>,
    shared: Data<Shared>,
) -> Result<HttpResponse, actix_web::Error> {
    let caller = caller(&request)?;
    let contract: EntityId = path.parse().map_err(|_| QueryError::NotFound)?;
    let mut parameters = parameters(&request, &["page"])?;
    let page = parameters.remove("page").ok_or_else(|| QueryError::parameter("page", "it is wanted"))?;
    let own = shared.node.secrets.party;
    let found = shared.node.runtime.peek(EntityKey::of::<Contract>(contract)).await?;
    let known = found.state.as_any().downcast_ref::<Contract>().and_then(Contract::known);
    if let Some(known) = known.filter(|known| known.partner == own) {
        for_operators(&caller)?;
        let path = format!("/v1/contracts/{contract}/page-users?{}", request.query_string());
        let answer = shared.hop.get(known.main, &path).await?;
        return Ok(answered(answer.status, answer.body));
    }
    let queries = &shared.queries;
    Ok(in_json(queries, &caller, move |queries| {
        queries.on_page(contract, &page, &caller).map(|rows| serde_json::json!({ "data": rows }))
    })
    .await?)
}

/// `GET /v1/members/marketing?format=csv|jsonl…`: who may be written to.
///
/// # Errors
/// Where the terms of the contract do not allow it, or the disclosure cannot be put on record.
pub(crate) async fn addressees(
    request: HttpRequest,
    shared: Data<Shared>,
    log: Data<dyn AccessLog>,
) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    let mut given = parameters(&request, &["format", "contract", "region", "preference"])?;
    let format = given.remove("format").unwrap_or_else(|| "csv".to_owned());
    let (media_type, write): (_, fn(&[Addressee]) -> String) = match &*format {
        "csv" => ("text/csv; charset=utf-8", csv),
        "jsonl" => ("application/jsonl", jsonl),
        _ => return Err(QueryError::parameter("format", "it is csv or jsonl")),
    };
    let contract = given.remove("contract").map(|id| id.parse::<EntityId>()).transpose();
    let contract = contract.map_err(|_| QueryError::parameter("contract", "it is the id of a contract"))?;
    let wanted = Addressees { contract, region: given.remove("region"), preference: given.remove("preference") };
    let queries = &shared.queries;
    await_position(queries, "members", &caller, request.headers()).await?;
    let its = queries.get_ref().clone();
    let found = queries.in_turn(caller.party(), move || its.addressees(&wanted, &caller)).await?;
    // Without region and preference, which would say of each person what only the person's key opens.
    let of_contract = contract.map_or_else(String::new, |contract| format!("?contract={contract}"));
    let query = &format!("{}{of_contract}", request.uri().path());
    let persons: Vec<EntityId> = found.iter().map(|addressee| addressee.member).collect();
    for persons in persons.chunks(MOST_PERSONS) {
        log.note(&caller, query, persons.to_vec()).await?;
    }
    let body = handed_over(queries, &caller, write(&found).into_bytes())?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, media_type)).body(body))
}

fn csv(found: &[Addressee]) -> String {
    let mut text = "member,email,class,region,preferences\r\n".to_owned();
    for it in found {
        let region = it.region.as_deref().unwrap_or_default();
        let cells = [&*it.member.to_string(), &*it.email, &*it.class, region, &*it.preferences.join("; ")].map(cell);
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn jsonl(found: &[Addressee]) -> String {
    let lines = found.iter().map(|it| serde_json::to_string(it).unwrap_or_default() + "\n");
    lines.collect()
}
