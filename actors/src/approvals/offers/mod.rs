//! Offers: somebody wants to buy, the shop makes an offer that it signs, and a settlement server that it names takes it, once.
//! Where that is wanted, the shop sends it to an authentication server.
//!
//! What an offer takes from products and terms, it keeps: another price or a withdrawal afterwards changes no offer. It stands
//! until its end, by which it is to be approved; it is taken until a day later. Who took it is answered the same for ever, and
//! says what was given back of its price.

mod decide;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use std::time::Duration;

use kippu_events::access::Role;
use kippu_events::access::peers::Peer;
use kippu_events::access::signing_keys::{self, SigningKeys};
use kippu_events::approvals::offer_content::OFFER;
use kippu_events::approvals::offers::{Event, Item, Offer, Push as Pushing, total};
use kippu_events::approvals::products::Product;
use kippu_events::approvals::shop_terms::{self, ShopTerms, Terms};
use kippu_events::secrets::{Secrets, SigningUse};
use kippu_events::{Entity as _, EntityId, EntityKey, Time, statement};

use self::refusal::Refused;
use self::request::{
    Asked, Command, Deliver, MOST_FILES, MOST_ITEMS, MOST_QUANTITY, Offered, Open, PUSH_SECS, Push, Refunded, Reply,
    Request, Wanted,
};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// The number of an offer's only capability: that of its delivery.
const CAPABILITY: u8 = 0;
/// Where an authentication server takes offers from shops.
const PUSHED_TO: &str = "/v1/purchases";

impl Actor for Offer {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(open) => {
                let products = open.items.iter().take(MOST_ITEMS).map(|item| EntityKey::of::<Product>(item.product));
                let keys = EntityKey::of::<SigningKeys>(signing_keys::id_of(SigningUse::Statements));
                products.chain([EntityKey::of::<ShopTerms>(shop_terms::id()), keys]).collect()
            }
            Request::Deliver(_) | Request::Refunded(_) => Vec::new(),
            Request::Push(push) => vec![EntityKey::of::<Peer>(push.to)],
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(_) => Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key)),
            Request::Deliver(_) | Request::Refunded(_) | Request::Push(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(open) => Ok(Command::Open(Box::new(asked(&open, with)?))),
            Request::Deliver(Deliver { items }) => {
                let items = items.map(in_order).transpose()?;
                let capability = with.secrets.capability_hash(EntityKey::of::<Self>(with.id), CAPABILITY);
                Ok(Command::Deliver { items, capability })
            }
            Request::Refunded(Refunded { total, currency }) => Ok(Command::Refunded { total, currency }),
            Request::Push(Push { to }) => {
                let known = with.looked_up::<Peer>(to).and_then(|(peer, _)| peer.known());
                if !known.is_some_and(|peer| peer.roles().has(Role::Authenticator)) {
                    return Err(Refused::NotAnAuthenticator.into());
                }
                Ok(Command::Push { to })
            }
        }
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match command {
            Command::Open(asked) => decide::open(self, asked, context),
            Command::Deliver { items, capability } => decide::deliver(self, items.as_deref(), capability, context),
            Command::Refunded { total, currency } => decide::refunded(self, *total, *currency, context),
            Command::Push { to } => decide::push(self, *to, context),
            Command::Pushed { attempt, refusal } => decide::pushed(self, *attempt, refusal.as_deref()),
            Command::GiveUp => decide::give_up(self, context),
        };
        Ok(Decision::one(event?))
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        match own.first() {
            Some(event @ Event::Made { .. }) => made(id, event, secrets),
            Some(Event::Delivered { items, amount, currency, contents, direct, capability, .. }) => {
                Answer::ok(&Reply {
                    items: Some(items.iter().cloned().map(Offered::from).collect()),
                    amount: Some(*amount),
                    currency: Some(*currency),
                    contents: Some(contents.clone()),
                    direct: Some(*direct),
                    capability: secrets.capability_token(capability.key, EntityKey::of::<Self>(id), CAPABILITY),
                    ..Reply::plain(id)
                })
            }
            Some(Event::Refunded { total, currency, .. }) => {
                Answer::ok(&Reply { refunded: Some(*total), currency: Some(*currency), ..Reply::plain(id) })
            }
            Some(Event::PushAsked { to, .. }) => Answer::ok(&Reply { to: Some(*to), ..Reply::plain(id) }),
            Some(Event::PushDone { .. } | Event::PushFailed { .. }) => Answer::ok(&Reply::plain(id)),
            None => Answer::unanswerable(),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        self.given_up_at().map(|at| (at, Command::GiveUp))
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self.made()?.push {
            Pushing::Owed { to, attempt, since } => Some(Owed { to, attempt, since }),
            Pushing::Never | Pushing::Done { .. } | Pushing::Failed { .. } => None,
        }
    }

    fn work(&self, id: EntityId, secrets: &Secrets) -> Option<Work> {
        let made = self.made()?;
        let text = statement::sign(secrets, made.signing_key, OFFER, &made.content(secrets.party, id));
        let body = serde_json::json!({ "offer": text }).to_string().into_bytes();
        Some(Work::Command { path: PUSHED_TO.to_owned(), body })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        Ok(Command::Pushed { attempt, refusal: (!outcome.is_done()).then(|| outcome.refusal()) })
    }
}

/// How long a push is tried.
trait GivenUp {
    /// From then on it is not tried any more, where it is owed: a day, and no longer than the offer stands.
    fn given_up_at(&self) -> Option<Time>;
}

impl GivenUp for Offer {
    fn given_up_at(&self) -> Option<Time> {
        let made = self.made()?;
        match made.push {
            Pushing::Owed { since, .. } => {
                Some(since.after(Duration::from_secs(PUSH_SECS.into())).min(made.expires_at))
            }
            Pushing::Never | Pushing::Done { .. } | Pushing::Failed { .. } => None,
        }
    }
}

/// What is wanted, as the shop has it, on its terms.
fn asked(open: &Open, with: &Preparing<'_>) -> Result<Asked, Refused> {
    if !(1..=MOST_ITEMS).contains(&open.items.len()) {
        return Err(Refused::Items);
    }
    let terms = with.looked_up::<ShopTerms>(shop_terms::id());
    let (terms, terms_version) =
        terms.and_then(|(terms, version)| Some((terms.terms()?, version))).ok_or(Refused::NoTerms)?;
    let caller = &with.call.caller;
    let is_settler = caller.roles.has(Role::Settler);
    if is_settler && !caller.party().is_some_and(|party| terms.settlers.contains(&party)) {
        return Err(Refused::NotRelated);
    }
    if let Some(asked) = open.currency.filter(|asked| *asked != terms.currency) {
        return Err(Refused::CurrencyDiffers { asked, currency: terms.currency });
    }
    let items = open.items.iter().map(|wanted| item(wanted, terms, is_settler, with)).collect::<Result<Vec<_>, _>>()?;
    let total = total(&items).ok_or(Refused::Total)?;
    if items.iter().map(|item| item.contents.len()).sum::<usize>() > MOST_FILES {
        return Err(Refused::Files);
    }
    let keys = with.looked_up::<SigningKeys>(signing_keys::id_of(SigningUse::Statements));
    let keys = keys.map(|(keys, _)| keys.clone()).unwrap_or_default();
    Ok(Asked { items, total, terms: terms.clone(), terms_version, keys })
}

/// One item, which must cost what the caller says, if it does, and it MUST where `wants_price`.
fn item(wanted: &Wanted, terms: &Terms, wants_price: bool, with: &Preparing<'_>) -> Result<Item, Refused> {
    let Wanted { product, quantity, price: asked } = *wanted;
    if !(1..=MOST_QUANTITY).contains(&quantity) {
        return Err(Refused::Quantity);
    }
    let (listing, version) = match with.looked_up::<Product>(product) {
        Some((Product::Listed(listing), version)) => (listing, version),
        Some((Product::Withdrawn(_), _)) => return Err(Refused::ProductWithdrawn { product }),
        Some((Product::Absent, _)) | None => return Err(Refused::ProductUnknown { product }),
    };
    let (price, currency) = (listing.price, listing.currency);
    if currency != terms.currency {
        return Err(Refused::OtherCurrency { product, currency });
    }
    match asked {
        Some(asked) if asked != price => return Err(Refused::PriceDiffers { product, asked, price }),
        None if wants_price => return Err(Refused::NoPrice),
        Some(_) | None => {}
    }
    let details = &listing.details;
    let (name, kind, contents) = (details.name.clone(), details.kind, details.contents.clone());
    Ok(Item { product, version, name, kind, quantity, price, contents })
}

/// Places in order, each once.
fn in_order(mut places: Vec<u16>) -> Result<Vec<u16>, Refused> {
    let given = places.len();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() || places.len() != given { Err(Refused::Places) } else { Ok(places) }
}

/// The answer to the command that made an offer: the statement holds what the event does, so it is the same at every retry.
fn made(id: EntityId, event: &Event, secrets: &Secrets) -> Answer {
    let mut offer = Offer::default();
    // When the record was written is not part of what was made.
    offer.evolve(event, Time::default());
    let Some(made) = offer.made() else { return Answer::unanswerable() };
    let content = made.content(secrets.party, id);
    let places: Vec<u16> = (0..).take(made.items.len()).collect();
    let Some((items, _)) = made.taken(&places) else { return Answer::unanswerable() };
    Answer::created(&Reply {
        statement: Some(statement::sign(secrets, made.signing_key, OFFER, &content)),
        items: Some(items.into_iter().map(Offered::from).collect()),
        total: Some(made.total),
        currency: Some(made.currency),
        shop: Some(secrets.party),
        settlers: Some(made.settlers.clone()),
        expires_at: Some(made.expires_at),
        direct: Some(made.direct),
        ..Reply::plain(id)
    })
}
