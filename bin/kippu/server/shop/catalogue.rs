//! The pages of what is for sale: the list, by genre, and one product.

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use kippu_actors::problem::{self, Problem};
use kippu_events::EntityId;
use kippu_events::access::Caller;
use kippu_events::approvals::products;
use kippu_events::money::{Currency, Minor};
use kippu_projections::queries::{Listed, Page};
use kippu_projections::{Queries, QueryError};
use serde::{Deserialize, Serialize};

use super::page::{self, Narrowed};
use super::wants_json;
use crate::server::Shared;
use crate::server::forms::fresh_key;

/// Products on a page.
const ROWS: usize = 50;

/// A product as its row shows it to everybody.
#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) id: EntityId,
    pub(super) sku: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) about: Option<String>,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) genre: Option<String>,
    pub(super) price: Minor,
    pub(super) currency: Currency,
    #[serde(default)]
    pub(super) picture: Option<String>,
    pub(super) state: String,
    pub(super) files: Vec<File>,
}

/// A file that comes with a product.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) size: u64,
}

/// A genre, and how many products are for sale under it.
#[derive(Deserialize)]
pub(super) struct Genre {
    pub(super) genre: String,
    pub(super) products: u64,
}

/// What narrows the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    genre: Option<String>,
    kind: Option<String>,
    cursor: Option<String>,
}

/// A page of JSON, as `/v1` has it.
#[derive(Serialize)]
struct Json<'a> {
    data: Vec<&'a serde_json::value::RawValue>,
    next: Option<&'a str>,
    has_more: bool,
}

async fn listed(queries: &Queries, view: &'static str, page: Page) -> Result<Listed, QueryError> {
    let its = queries.clone();
    queries.in_turn(None, move || its.list(view, &Caller::GUEST, &page)).await
}

/// The rows as they are read; a defect where they are none.
fn rows<T: serde::de::DeserializeOwned>(listed: &Listed) -> Result<Vec<T>, Problem> {
    let read = listed.rows.iter().map(|row| serde_json::from_slice(row.as_bytes()));
    read.collect::<Result<_, _>>().map_err(|error| Problem::internal(format!("a row of a view is not read: {error}")))
}

/// The list of what is for sale.
pub(super) async fn list(request: HttpRequest, queries: Data<Queries>, shared: Data<Shared>) -> HttpResponse {
    let asked = match Query::<Asked>::from_query(request.query_string()) {
        Ok(asked) => asked.into_inner(),
        Err(error) => return Problem::new(&problem::INVALID_REQUEST, error.to_string()).error_response(),
    };
    let narrow = [("state", Some("listed".to_owned())), ("genre", asked.genre.clone()), ("kind", asked.kind.clone())];
    let filters = narrow.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let page = Page { filters, cursor: asked.cursor, limit: ROWS, ..Page::default() };
    let products = match listed(&queries, "products", page).await {
        Ok(products) => products,
        Err(error) => return error.error_response(),
    };
    if wants_json(request.headers()) {
        return json(&products);
    }
    let genres = match listed(&queries, "genres", Page { limit: 1000, ..Page::default() }).await {
        Ok(genres) => genres,
        Err(error) => return error.error_response(),
    };
    let narrowed = Narrowed { genre: asked.genre.as_deref(), kind: asked.kind.as_deref() };
    match (rows::<Row>(&products), rows::<Genre>(&genres)) {
        (Ok(rows), Ok(genres)) => page::list(shared.name(), &rows, &genres, narrowed, products.next.as_deref()),
        (Err(problem), _) | (_, Err(problem)) => problem.error_response(),
    }
}

fn json(listed: &Listed) -> HttpResponse {
    let raw = listed.rows.iter().map(|row| serde_json::from_slice(row.as_bytes()));
    match raw.collect::<Result<Vec<_>, _>>() {
        Ok(data) => {
            let next = listed.next.as_deref();
            HttpResponse::Ok().json(Json { data, next, has_more: next.is_some() })
        }
        Err(error) => Problem::internal(format!("a row of a view is no JSON: {error}")).error_response(),
    }
}

/// The page of one product, by its id or its SKU.
pub(super) async fn product(
    request: HttpRequest,
    name: Path<String>,
    queries: Data<Queries>,
    shared: Data<Shared>,
) -> HttpResponse {
    let by_sku = || products::id_of(&name);
    let ids = [name.parse().ok(), Some(by_sku())].into_iter().flatten();
    for id in ids {
        let found = match queries.get("products", &id.to_string(), &Caller::GUEST, false) {
            Ok(found) => found.row,
            Err(QueryError::NotFound) => continue,
            Err(error) => return error.error_response(),
        };
        if wants_json(request.headers()) {
            return HttpResponse::Ok().content_type("application/json").body(found.into_bytes());
        }
        return match serde_json::from_slice::<Row>(found.as_bytes()) {
            Ok(row) => fresh_key()
                .map_or_else(|problem| problem.error_response(), |key| page::product(shared.name(), &row, &key)),
            Err(error) => Problem::internal(format!("a row of a view is not read: {error}")).error_response(),
        };
    }
    Problem::new(&problem::NOT_FOUND, "there is no such product").error_response()
}
