//! Visits of members to this site: opened by a ticket that the central node has signed, or this node itself where it may identify the member.
//! Whoever holds the capability of a visit looks around, orders, and pays.

pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::partners::contracts::{Contract, Version};
use kippu_events::partners::member_actions::{self, Action, Kind, MemberAction};
use kippu_events::partners::member_visits::{Event, Known, MemberVisit, id_of};
use kippu_events::partners::members::{self, CONFIRMATION, Confirmation, Member, TICKET, Ticket};
use kippu_events::secrets::{Secrets, TokenHash};
use kippu_events::statement::sha256;
use kippu_events::{Entity as _, EntityId, EntityKey, Time};

use self::refusal::Refused;
use self::request::{Command, MOST_ORDERS, Open, Order, Pay, Reply, Request};
use super::member_actions::member_terms;
use super::members::genuine;
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// The number of a visit's only capability.
const CAPABILITY: u8 = 0;

impl Actor for MemberVisit {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let (contract, signed) = match request {
            Request::Open(open) => (open.contract, Some(&open.ticket)),
            Request::Order(order) => (order.contract, None),
            Request::Pay(pay) => (pay.contract, pay.confirmation.as_ref()),
        };
        let member = match request {
            Request::Open(open) => genuine::claimed::<Ticket>(open.ticket.as_str()).map(|ticket| ticket.member),
            Request::Order(_) | Request::Pay(_) => None,
        };
        let signed = signed.map(|text| genuine::lookups(text.as_str())).unwrap_or_default();
        let others = member.map(EntityKey::of::<Member>).into_iter().chain([EntityKey::of::<Contract>(contract)]);
        signed.into_iter().chain(others).collect()
    }

    fn target(request: &Request, call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(open) => {
                let text = open.ticket.as_str();
                let ticket: Option<Ticket> = genuine::claimed(text);
                let named = genuine::signer(text).zip(ticket).map(|(signer, ticket)| id_of(signer, &ticket));
                Ok(named.ok_or(Refused::NotIdentified)?)
            }
            Request::Order(_) | Request::Pay(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        Ok(match request {
            Request::Open(open) => opened(&open, with)?,
            Request::Order(Order { contract, item, page }) => {
                let version = version(contract, with)?;
                let members = version.terms.members.as_ref().ok_or(Refused::NoMembers)?;
                let price = members.prices.get(item.as_str()).cloned().ok_or(Refused::NoGoods)?;
                let (item, page, terms) = (item.into(), page.map(String::from), version.number);
                Command::Order { contract, item, page, price, terms }
            }
            Request::Pay(pay) => paid(&pay, with)?,
        })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        match (self, command) {
            (Self::Absent, Command::Open { contract, ticket, signer, sha256 }) => {
                if ticket.expires_at <= context.now {
                    return Err(Refused::NotIdentified.into());
                }
                Ok(Decision::one(Event::Opened {
                    contract: *contract,
                    member: ticket.member,
                    class: ticket.class.clone(),
                    signer: *signer,
                    ticket: sha256.clone(),
                    expires_at: ticket.expires_at,
                    capability: TokenHash { key: 0, sha256: String::new() }, // until `complete`
                }))
            }
            (Self::Known(_), Command::Open { .. }) => Err(Refused::Used.into()),
            (Self::Absent, Command::Order { .. } | Command::Pay { .. }) => Err(Refused::NotIdentified.into()),
            (Self::Known(known), Command::Order { contract, item, page, price, terms }) => {
                going_on(known, *contract, context)?;
                if known.orders >= MOST_ORDERS {
                    return Err(Refused::TooMany.into());
                }
                let (order, item, page) = (known.orders + 1, item.clone(), page.clone());
                let (amount, currency, terms) = (price.of(&known.class), price.currency, *terms);
                Ok(Decision::one(Event::Ordered { order, item, page, amount, currency, terms }))
            }
            (Self::Known(known), Command::Pay { contract, order, confirmation, to, site }) => {
                going_on(known, *contract, context)?;
                pay(known, *order, confirmation.as_ref(), (*to, *site), context).map_err(Problem::from)
            }
        }
    }

    fn complete(id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for event in own {
            if let Event::Opened { capability, .. } = event {
                *capability = secrets.capability_hash(EntityKey::of::<Self>(id), CAPABILITY);
            }
        }
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Opened { member, class, expires_at, capability, .. }) => Answer::created(&Reply {
                capability: secrets.capability_token(capability.key, EntityKey::of::<Self>(id), CAPABILITY),
                class: Some(class.clone()),
                expires_at: Some(*expires_at),
                member: Some(*member),
                ..Reply::plain(id)
            }),
            Some(Event::Ordered { order, amount, currency, .. }) => Answer::ok(&Reply {
                amount: Some(*amount),
                currency: Some(*currency),
                order: Some(*order),
                ..Reply::plain(id)
            }),
            Some(Event::Paid { order, .. }) => Answer::ok(&Reply { order: Some(*order), ..Reply::plain(id) }),
            None => Answer::unanswerable(),
        }
    }
}

/// The terms that count now.
fn version<'a>(contract: EntityId, with: &'a Preparing<'_>) -> Result<&'a Version, Refused> {
    let known = with.looked_up::<Contract>(contract).and_then(|(contract, _)| contract.known());
    known.ok_or(Refused::NoContract)?.at(Time::now()).ok_or(Refused::NoMembers)
}

/// The visit goes on, and its holder asks.
fn going_on(known: &Known, contract: EntityId, context: &Context) -> Result<(), Refused> {
    let held = context.caller.holds == Some(EntityKey { family: MemberVisit::FAMILY, id: context.id });
    let is_on = held && known.contract == contract && context.now < known.expires_at;
    if is_on { Ok(()) } else { Err(Refused::NotIdentified) }
}

fn opened(open: &Open, with: &Preparing<'_>) -> Result<Command, Refused> {
    let (contract, own, text) = (open.contract, with.secrets.party, open.ticket.as_str());
    let known = with.looked_up::<Contract>(contract).and_then(|(contract, _)| contract.known());
    let known = known.ok_or(Refused::NoContract)?;
    let terms = version(contract, with)?.terms.members.as_ref().ok_or(Refused::NoMembers)?;
    let signer = genuine::signer(text).ok_or(Refused::NotIdentified)?;
    // Its own tickets count where it may identify members whom the central node knows.
    let is_central = signer == known.central(terms);
    let is_copy = signer == own && terms.copy_secs.is_some();
    if !(is_central || is_copy) {
        return Err(Refused::NotIdentified);
    }
    let ticket: Ticket = genuine::read(text, TICKET, signer, with).map_err(|_| Refused::NotIdentified)?;
    // Whoever has registered here and not there is no member of this contract.
    let here = with.looked_up::<Member>(ticket.member).and_then(|(member, _)| member.known());
    if !is_central && here.is_some_and(|here| here.kind == members::Kind::Registered) {
        return Err(Refused::NotIdentified);
    }
    if ticket.site != own || known.side(own).is_none() {
        return Err(Refused::NotIdentified);
    }
    Ok(Command::Open { contract, ticket, signer, sha256: sha256(text) })
}

fn paid(pay: &Pay, with: &Preparing<'_>) -> Result<Command, Refused> {
    let (contract, now, site) = (pay.contract, Time::now(), with.secrets.party);
    let known = with.looked_up::<Contract>(contract).and_then(|(contract, _)| contract.known());
    let known = known.ok_or(Refused::NoContract)?;
    let terms = member_terms(known, now).ok_or(Refused::NoMembers)?;
    let read = |text: &str| {
        let said = genuine::read::<Confirmation>(text, CONFIRMATION, known.central(terms), with);
        said.map(|said| (said, sha256(text))).map_err(|_| Refused::NotIdentified)
    };
    let confirmation = pay.confirmation.as_ref().map(|text| read(text.as_str())).transpose()?;
    let to = known.towards_central(terms, site);
    Ok(Command::Pay { contract, order: pay.order, confirmation, to, site })
}

fn pay(
    known: &Known,
    order: u32,
    confirmation: Option<&(Confirmation, String)>,
    (to, site): (Option<EntityId>, EntityId),
    context: &Context,
) -> Result<Decision<MemberVisit>, Refused> {
    let open = known.open.iter().find(|open| open.order == order).ok_or(Refused::NoOrder)?;
    let (said, sha256) = confirmation.ok_or(Refused::FactorWanted)?;
    let wanted = Confirmation {
        member: known.member,
        site,
        visit: context.id,
        order,
        amount: open.amount,
        currency: open.currency,
        expires_at: said.expires_at,
    };
    if *said != wanted {
        return Err(Refused::OtherOrder);
    }
    if said.expires_at <= context.now {
        return Err(Refused::FactorWanted);
    }
    let action = Action {
        contract: known.contract,
        site,
        member: known.member,
        kind: Kind::Purchase,
        page: open.page.clone(),
        item: Some(open.item.clone()),
        amount: Some(open.amount),
        currency: Some(open.currency),
        at: context.now,
    };
    let child = context.child(MemberAction::FAMILY, 0);
    let paid = Event::Paid { order, confirmation: sha256.clone() };
    Ok(Decision::one(paid).and::<MemberAction>(child, member_actions::Event::Done { action, to }))
}
