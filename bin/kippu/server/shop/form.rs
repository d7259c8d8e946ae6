//! The form that buys: it makes an offer as any guest would over `/v1`, and shows it.

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use futures_util::StreamExt as _;
use kippu_actors::approvals::offers::request::Reply;
use kippu_actors::http::OtherNodes;
use kippu_actors::problem::{self, Problem};
use kippu_actors::search::Search;
use kippu_actors::{Answer, Call, Commands, NotRun};
use kippu_events::access::Caller;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family};
use kippu_projections::Queries;
use kippu_projections::queries::Page;
use serde::Deserialize;
use serde_json::json;

use super::page::{self, Authenticator};

/// Several times what the form sends.
const MOST_BYTES: usize = 4096;
/// So many authentication servers are shown.
const MOST_AUTHENTICATORS: usize = 50;

/// What the form sends. What it says of the price is what its page showed: another price is no offer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Buy {
    key: String,
    product: EntityId,
    quantity: u32,
    price: Minor,
    currency: Currency,
}

/// Makes the offer.
pub(super) async fn buy(
    request: HttpRequest,
    body: Payload,
    commands: Data<Commands>,
    queries: Data<Queries>,
) -> HttpResponse {
    let made = async {
        let body = read(&request, body).await?;
        let buy = parse(&body)?;
        offer(&request, &commands, &buy, body).await
    };
    match made.await {
        Ok(Made::Here(reply)) => match authenticators(&queries).await {
            Ok(authenticators) => page::offer(&reply, &authenticators),
            Err(problem) => problem.error_response(),
        },
        Ok(Made::Elsewhere(answer)) => page::secured(answer, &authenticators(&queries).await.unwrap_or_default()),
        Err(problem) => problem.error_response(),
    }
}

/// The body of a form, which is small.
async fn read(request: &HttpRequest, mut body: Payload) -> Result<Bytes, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, "this path takes what the form on the page sends"));
    }
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(&problem::INVALID_REQUEST, format!("the body did not arrive whole: {error}"))
        })?;
        if whole.len() + chunk.len() > MOST_BYTES {
            return Err(Problem::new(&problem::TOO_LARGE, format!("the form sends at most {MOST_BYTES} bytes")));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

fn parse(body: &Bytes) -> Result<Buy, Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::new(&problem::INVALID_BODY, error.to_string());
    let text = std::str::from_utf8(body).map_err(|error| wrong(&error))?;
    Ok(Query::<Buy>::from_query(text).map_err(|error| wrong(&error))?.into_inner())
}

/// Where the offer was made.
enum Made {
    Here(Box<Reply>),
    /// Another node serves its partition, and has answered the same form.
    Elsewhere(HttpResponse),
}

async fn offer(request: &HttpRequest, commands: &Commands, buy: &Buy, form: Bytes) -> Result<Made, Problem> {
    let Buy { key, product, quantity, price, currency } = buy;
    let item = json!({ "product": product, "quantity": quantity, "price": price });
    let body = json!({ "items": [item], "currency": currency }).to_string();
    let call = Call { caller: Caller::GUEST, key: key.clone(), id: None, if_match: None };
    let mut search = Search::begin();
    loop {
        match commands.run(Family::Offers, "open", call.clone(), body.as_bytes()).await {
            Ok(outcome) => {
                return match outcome.answer {
                    Answer::Done { body, .. } => {
                        let read = serde_json::from_slice(&body);
                        let told = |error| Problem::internal(format!("an answer is not read: {error}"));
                        read.map(|reply| Made::Here(Box::new(reply))).map_err(told)
                    }
                    Answer::Refused(problem) => Err(problem),
                };
            }
            Err(NotRun::Problem(problem)) => return Err(search.told(problem)),
            Err(NotRun::OtherNode { partition, problem }) => {
                let Some(others) = request.app_data::<Data<dyn OtherNodes>>() else { return Err(problem) };
                search.failed(problem);
                if let Some(answer) = others.ask(partition, request, form.clone(), &mut search).await? {
                    return Ok(Made::Elsewhere(answer));
                }
            }
        }
    }
}

/// The authentication servers that the shop knows.
async fn authenticators(queries: &Queries) -> Result<Vec<Authenticator>, Problem> {
    let filters = [("role", "authenticator"), ("state", "known")];
    let filters = filters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (page, its) = (Page { filters, limit: MOST_AUTHENTICATORS, ..Page::default() }, queries.clone());
    // Of a peer, everybody is told its name and its address.
    let listed = queries.in_turn(None, move || its.list("peers", &Caller::OPERATOR, &page)).await;
    let told = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "the view of peers does not answer");
        Problem::later(&problem::UNAVAILABLE, "the offer was made; authentication servers cannot be listed now")
    };
    let read = listed.map_err(|error| told(&error))?;
    let read = read.rows.iter().map(|row| serde_json::from_slice(row.as_bytes())).collect::<Result<Vec<_>, _>>();
    read.map_err(|error| told(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_form_sends_is_read_and_anything_else_is_refused() {
        let id = kippu_events::approvals::products::id_of("a");
        let sent = format!("key={}&product={id}&quantity=2&price=99&currency=EUR", "k".repeat(32));
        let buy = parse(&Bytes::from(sent.clone())).unwrap();
        assert_eq!((buy.product, buy.quantity, buy.price.units(), buy.currency.code()), (id, 2, 99, "EUR"));
        for wrong in [
            "",
            &sent.replace("quantity=2", "quantity=-2"),
            &sent.replace("price=99", "price=0.99"),
            &sent.replace("currency=EUR", "currency=eur"),
            &format!("{sent}&more=1"),
        ] {
            assert_eq!(parse(&Bytes::from(wrong.to_owned())).err().unwrap().kind.slug, "invalid-body", "{wrong}");
        }
    }
}
