//! What a settlement owes an issuer or a shop: one thing at a time, and what is to be done for it.

use kippu_events::approvals::settlements::{
    Content, Delivery, Notice, Open, Phase, Releasing, Settled, Settlement, Step, Terms,
};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Time};
use serde::Serialize;

use crate::activity::Work;

/// The field under which the approval's token is encrypted.
pub(super) const TOKEN: &str = "token";
/// The field under which the shop's capability is encrypted.
pub(super) const CAPABILITY: &str = "capability";

/// What is owed now.
pub(super) struct Owing<'a> {
    /// To whom.
    pub(super) to: EntityId,
    /// Which activity it is.
    pub(super) step: Step,
    /// What.
    pub(super) errand: Errand<'a>,
}

/// What there is to be done for an issuer or a shop.
pub(super) enum Errand<'a> {
    /// Ask the issuer whether the payment is permitted.
    Redeem(&'a Terms),
    /// Ask the shop whether the terminal's purchase information is right.
    MakeOffer(&'a Open),
    /// Ask the shop what it delivers.
    Deliver(&'a Open, EntityId),
    /// Fetch a content.
    Fetch(&'a Open, &'a Delivery, &'a Content),
    /// Have the issuer free what it reserved.
    Release(&'a Terms),
    /// Tell the issuer what was settled.
    Notice(&'a Settled),
    /// Have the issuer give so much back.
    Refund(&'a Settled, Minor),
    /// Tell the shop what was given back. Money comes first: another refund does not wait for a shop.
    TellShop(&'a Settled),
}

/// What `state` owes now.
pub(super) fn owing(state: &Settlement) -> Option<Owing<'_>> {
    let (to, step, errand) = match state {
        Settlement::Absent | Settlement::Over(_) => return None,
        Settlement::Open(open) => {
            let (to, errand) = open_owes(open)?;
            (to, open.step, errand)
        }
        Settlement::Releasing(Releasing { terms, step, .. }) => (terms.issuer, *step, Errand::Release(terms)),
        Settlement::Settled(settled) => {
            let (to, errand) = match (settled.notice, settled.refund) {
                (Notice::Owed, _) => (settled.issuer, Errand::Notice(settled)),
                (Notice::Taken, Some(amount)) => (settled.issuer, Errand::Refund(settled, amount)),
                (Notice::Taken, None) if settled.told < settled.refunded => (settled.shop, Errand::TellShop(settled)),
                (Notice::Taken, None) => return None,
            };
            (to, settled.step, errand)
        }
    };
    Some(Owing { to, step, errand })
}

fn open_owes(open: &Open) -> Option<(EntityId, Errand<'_>)> {
    let Open { terms, phase, .. } = open;
    Some(match phase {
        Phase::Presented => (terms.issuer, Errand::Redeem(terms)),
        Phase::Permitted { offer: None, .. } => (terms.shop, Errand::MakeOffer(open)),
        Phase::Permitted { offer: Some(offer), .. } => (terms.shop, Errand::Deliver(open, *offer)),
        Phase::Named { delivery, .. } => (terms.shop, Errand::Fetch(open, delivery, delivery.next()?)),
        Phase::Available { .. } => return None,
    })
}

#[derive(Serialize)]
struct Redeem<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_sha256: Option<&'a str>,
    amount: Minor,
    currency: Currency,
}

#[derive(Serialize)]
struct Release<'a> {
    token: &'a str,
}

#[derive(Serialize)]
struct MakeOffer {
    items: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    product: EntityId,
    quantity: u32,
    price: Minor,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct NoticeBody<'a> {
    amount: Minor,
    currency: Currency,
    settled_at: Time,
    contents: &'a [String],
}

#[derive(Serialize)]
struct Refund {
    amount: Minor,
    currency: Currency,
}

#[derive(Serialize)]
struct Refunded {
    total: Minor,
    currency: Currency,
}

/// What is to be done; nothing where a key is gone.
pub(super) fn work(id: EntityId, errand: &Errand<'_>, secrets: &Secrets) -> Option<Work> {
    let key = EntityKey::of::<Settlement>(id);
    let token = |terms: &Terms| secrets.decrypt_here(key, TOKEN, &terms.token).ok();
    match errand {
        Errand::Redeem(terms) => {
            let offer_sha256 = terms.offer.as_ref().map(|offer| offer.sha256.as_str());
            let (amount, currency) = (terms.total, terms.currency);
            let body = Redeem { token: &token(terms)?, offer_sha256, amount, currency };
            command("/v1/approvals/redeem".to_owned(), &body)
        }
        Errand::Release(terms) => command("/v1/approvals/release".to_owned(), &Release { token: &token(terms)? }),
        Errand::MakeOffer(Open { terms, .. }) => {
            let lines = terms.wanted.iter();
            let lines = lines.map(|line| Line { product: line.product, quantity: line.quantity, price: line.price });
            command("/v1/offers".to_owned(), &MakeOffer { items: lines.collect() })
        }
        Errand::Deliver(_, offer) => command(format!("/v1/offers/{offer}/deliver"), &Nothing {}),
        Errand::Fetch(_, delivery, content) => Some(Work::Fetch {
            path: format!("/v1/offers/{}/content/{}", delivery.offer, content.n),
            capability: secrets.decrypt_here(key, CAPABILITY, delivery.capability.as_ref()?).ok()?,
            sha256: content.sha256.clone(),
            size: content.size,
        }),
        Errand::Notice(settled) => {
            let (settled_at, contents) = (settled.at, settled.delivery.names.as_slice());
            let body = NoticeBody { amount: settled.amount, currency: settled.currency, settled_at, contents };
            command(format!("/v1/approvals/{}/settle", settled.approval), &body)
        }
        Errand::Refund(settled, amount) => {
            let body = Refund { amount: *amount, currency: settled.currency };
            command(format!("/v1/approvals/{}/refund", settled.approval), &body)
        }
        Errand::TellShop(settled) => {
            let body = Refunded { total: settled.refunded, currency: settled.currency };
            command(format!("/v1/offers/{}/refunded", settled.delivery.offer), &body)
        }
    }
}

fn command(path: String, body: &impl Serialize) -> Option<Work> {
    Some(Work::Command { path, body: serde_json::to_vec(body).ok()? })
}
