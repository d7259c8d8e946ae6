//! The shop's offer. What counts is what the shop has signed: the same text goes to the authentication server and to the settlement
//! server, which check the signature. The terminal shows what is in it, and nothing else that the shop says.

use std::fmt::Write as _;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::directory::Held;
use super::error::Error;
use super::parties::{Parties, Who};
use super::purchase::{Stage, Wanted};
use crate::money;

/// What an offer says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Offer {
    /// The shop, by its party.
    pub(super) iss: String,
    pub(super) id: String,
    /// From then on nobody approves it, in seconds since 1970.
    pub(super) exp: i64,
    pub(super) currency: String,
    pub(super) total: u64,
    pub(super) items: Vec<Item>,
    /// The parties that may settle it.
    pub(super) settlers: Vec<String>,
}

/// Some of a product.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Item {
    product: String,
    name: String,
    kind: String,
    quantity: u32,
    /// Of one.
    price: u64,
}

#[derive(Deserialize)]
struct Made {
    statement: String,
}

/// Reads what `statement` says. Whether the shop has signed it is for those to check who know the shop's keys.
pub(super) fn read(statement: &str) -> Result<Offer, Error> {
    let mut parts = statement.split('.');
    let content = parts.nth(1).and_then(|content| BASE64URL_NOPAD.decode(content.as_bytes()).ok());
    let offer = content.and_then(|content| serde_json::from_slice(&content).ok());
    offer.ok_or_else(|| Error::NotUnderstood { who: Who::Shop, told: "what it signs is no offer".to_owned() })
}

/// Asks the shop for its offer, unless it is here.
pub(super) async fn asked(held: &mut Held, parties: &Parties) -> Result<(), Error> {
    if !matches!(held.purchase.stage, Stage::Asked) {
        return Ok(());
    }
    let shop = parties.at(Who::Shop, &held.purchase.shop, "")?;
    let items = &held.purchase.wanted;
    let made: Result<Made, _> = shop.give("/v1/offers", &held.purchase.keys.offer, &json!({ "items": items })).await;
    let Made { statement } = match made {
        Ok(made) => made,
        Err(error) => return Err(held.over(error)?),
    };
    let offer = read(&statement)?;
    let is_wanted = |item: &Item, wanted: &Wanted| item.product == wanted.product && item.quantity == wanted.quantity;
    let is_same =
        offer.items.len() == items.len() && offer.items.iter().zip(items).all(|(item, it)| is_wanted(item, it));
    if !is_same || offer.sum() != Some(offer.total) {
        return Err(shop.odd("it offers something else than was asked for, or it does not add up"));
    }
    held.purchase.stage = Stage::Offered { statement };
    held.save()
}

impl Offer {
    fn sum(&self) -> Option<u64> {
        let amount = |item: &Item| item.price.checked_mul(item.quantity.into());
        self.items.iter().try_fold(0_u64, |sum, item| sum.checked_add(amount(item)?))
    }

    /// For the user, who is to agree to kind and amount.
    pub(super) fn text(&self) -> String {
        let mut text = format!("offer     {} of the shop {}\n", self.id, self.iss);
        for Item { name, kind, quantity, price, .. } in &self.items {
            let (name, amount) = (plain(name), money::shown(price.saturating_mul((*quantity).into()), &self.currency));
            // Writing to a string does not fail.
            let _written = writeln!(text, "          {quantity:>4} × {name} ({kind})  {amount}");
        }
        let _written = write!(text, "total     {}", money::shown(self.total, &self.currency));
        text
    }
}

impl Held {
    /// Where a party said no, the purchase has come to nothing, and says so for ever; every other error changes nothing.
    pub(super) fn over(&mut self, error: Error) -> Result<Error, Error> {
        let Error::Refused { who, problem } = error else { return Ok(error) };
        let (who, reason) = (who.to_string(), problem.slug().to_owned());
        self.purchase.stage = Stage::Over { who, reason };
        self.save()?;
        Ok(self.said_before().unwrap_or(Error::NotConfirmed))
    }

    /// What came of it, where that is nothing.
    pub(super) fn said_before(&self) -> Option<Error> {
        let Stage::Over { who, reason } = &self.purchase.stage else { return None };
        Some(Error::Over { id: self.id.clone(), who: who.clone(), reason: reason.clone() })
    }
}

/// Without what a terminal could take for its own.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn statement(content: &serde_json::Value) -> String {
        format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(content.to_string().as_bytes()))
    }

    #[test]
    fn the_user_is_shown_what_the_shop_has_signed() {
        let item = json!({"product": "p", "name": "Rain\u{1b}[2J", "kind": "digital", "quantity": 2, "price": 620});
        let content = json!({"iss": "shop", "id": "o", "iat": 1, "exp": 2, "currency": "EUR", "total": 1240,
            "items": [item], "settlers": ["s"], "direct": false});
        let offer = read(&statement(&content)).unwrap();
        assert_eq!(offer.sum(), Some(1_240));
        let text = offer.text();
        assert!(text.contains("2 × Rain[2J (digital)  12.40 EUR") && text.ends_with("total     12.40 EUR"), "{text}");
        for wrong in ["", "a.b.c", "e30.e30.e30"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
