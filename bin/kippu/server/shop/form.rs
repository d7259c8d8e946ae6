//! The form that buys: it makes an offer as any guest would over `/v1`, and shows it.

use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::Call;
use kippu_actors::approvals::offers::request::Reply;
use kippu_actors::problem::{self, Problem};
use kippu_events::access::{Caller, Role};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family};
use serde::Deserialize;
use serde_json::json;

use super::page;
use crate::server::Shared;
use crate::server::forms::Form;
use crate::server::given::{Asked, Given, done, give};
use crate::server::known;

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
///
/// # Errors
/// Why there is none.
pub(super) async fn buy(request: HttpRequest, body: Payload, shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let Buy { key, product, quantity, price, currency } = parse(&form)?;
    let item = json!({ "product": product, "quantity": quantity, "price": price });
    let body = json!({ "items": [item], "currency": currency });
    let call = Call { caller: Caller::GUEST, key, id: None, if_match: None };
    let asked = Asked { family: Family::Offers, name: "open", call, body };
    match give(&request, &shared, asked, &form.body).await? {
        Given::Here(outcome) => {
            let reply: Reply = done(&outcome)?;
            Ok(page::offer(shared.name(), &reply, &known::of_role(&shared.queries, Role::Authenticator).await?))
        }
        Given::There(answer) => Ok(answer),
    }
}

fn parse(form: &Form) -> Result<Buy, Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::new(&problem::INVALID_BODY, error.to_string());
    let text = std::str::from_utf8(&form.body).map_err(|error| wrong(&error))?;
    Ok(Query::<Buy>::from_query(text).map_err(|error| wrong(&error))?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_form_sends_is_read_and_anything_else_is_refused() {
        let id = kippu_events::approvals::products::id_of("a");
        let sent = format!("key={}&product={id}&quantity=2&price=99&currency=EUR", "k".repeat(32));
        let buy = parse(&Form::of_body(&sent)).unwrap();
        assert_eq!((buy.product, buy.quantity, buy.price.units(), buy.currency.code()), (id, 2, 99, "EUR"));
        for wrong in [
            "",
            &sent.replace("quantity=2", "quantity=-2"),
            &sent.replace("price=99", "price=0.99"),
            &sent.replace("currency=EUR", "currency=eur"),
            &format!("{sent}&more=1"),
        ] {
            assert_eq!(parse(&Form::of_body(wrong)).err().unwrap().kind.slug, "invalid-body", "{wrong}");
        }
    }
}
