//! Collections: a sale, or a fee that is paid in advance, is in the books of the partner's node first, which tells the main site's. That
//! takes each once, and only what the terms of the contract make of the payment.

use kippu_events::money::{Currency, Minor};
use kippu_events::partners::collections::{Account, Charge, Collection, Event, Phase, Posting, id_of, moved};
use kippu_events::partners::contracts::{Collecting, Contract, Known, Side};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};

use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// An id, or a name.
pub const MOST_REFERENCE_CHARS: usize = 64;
/// A collection is told once.
const ATTEMPT: u32 = 1;

commands! {
    /// The partner pays a fee in advance.
    Open = "open" New [Operator] "Pays a fee in advance, where the terms of the contract say `prepaid`, and tells the main site." {
        /// Under which contract.
        contract: EntityId,
        /// What it is called, as `2027-01`: the same name is the same payment.
        reference: Text<MOST_REFERENCE_CHARS>,
        /// How much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    }
    /// The partner's node tells of it.
    Receive = "receive" Token [PartnerSite] "Tells the main site what it is given." {
        /// What.
        charge: Box<Charge>,
    }
}

refusals! {
    shared NOT_FOUND {
        /// This id is no contract.
        NoContract "there is no contract with this id";
    }
    shared FORBIDDEN {
        /// Another party.
        NotYours "a partner site pays, and the main site of the contract receives";
    }
    shared INVALID_BODY {
        /// No name, or no money.
        Nothing "what is given has a name of up to {} characters, and is more than nothing", MOST_REFERENCE_CHARS;
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now";
    }
    own OTHER_CHARGE = 409 "collection-other-charge" "The terms make another charge of this payment" "Look the terms up that counted then. Nothing was received." {
        /// Another rate.
        OtherCharge "the terms that counted then make another charge of what was paid";
        /// No terms, or others.
        NotCollected "the terms that counted then do not collect so";
    }
    own KNOWN = 409 "collection-known" "This was received before" "Nothing needs to be done: it counts once." {
        /// The very same.
        Known "the very same is in the books";
    }
    own DIFFERS = 409 "collection-differs" "Something else was received under this name" "What is in the books stays. Use another name for another payment." {
        /// Another amount.
        Differs "what is in the books under this name is something else";
    }
}

/// Of the refusal of what the main site has already.
const KNOWN_SLUG: &str = "collection-known";

/// A request that was checked, or an outcome.
pub enum Command {
    /// The partner pays a fee in advance.
    Prepay {
        /// What, but for when.
        charge: Box<Charge>,
        /// The contract, as it was when it was looked up.
        contract: Box<Known>,
    },
    /// The main site does.
    Receive {
        /// From which party.
        from: EntityId,
        /// What.
        charge: Box<Charge>,
    },
    /// What came of telling the main site.
    CameOf {
        /// Which attempt.
        attempt: u32,
        /// Why it is not taken.
        refusal: Option<String>,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The collection.
    pub id: EntityId,
}

/// What the books of the partner say of `charge`.
pub(super) fn charged(charge: Charge, main: EntityId) -> Event {
    let owed = if charge.prepaid {
        moved(Account::Fees, Account::MainSite, charge.charge)
    } else {
        moved(Account::Cash, Account::MainSite, charge.charge)
    };
    let kept = charge.paid.minus(charge.charge).unwrap_or(Minor::ZERO);
    let all = [moved(Account::Cash, Account::Sales, kept), owed].concat();
    let postings: Vec<Posting> = all.into_iter().filter(|posting| posting.amount != 0).collect();
    let to = (charge.charge > Minor::ZERO).then_some(main);
    Event::Charged { charge, to, postings }
}

impl Actor for Collection {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let contract = match request {
            Request::Open(open) => open.contract,
            Request::Receive(receive) => receive.charge.contract,
        };
        vec![EntityKey::of::<Contract>(contract)]
    }

    fn target(request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        Ok(match request {
            Request::Open(open) => id_of(open.contract, open.reference.as_str()),
            Request::Receive(Receive { charge }) => id_of(charge.contract, &charge.reference),
        })
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let contract = |id| {
            let known = with.looked_up::<Contract>(id).and_then(|(state, _)| state.known());
            known.ok_or(Refused::NoContract)
        };
        let own = with.secrets.party;
        match request {
            Request::Open(Open { contract: id, reference, amount, currency }) => {
                let known = contract(id)?;
                if known.side(own) != Some(Side::Partner) {
                    return Err(Refused::NotYours.into());
                }
                let (reference, paid) = (reference.into(), Minor::ZERO);
                // When it is due follows from when it is decided.
                let at = Time::default();
                let charge = Charge { contract: id, reference, prepaid: true, at, paid, charge: amount, currency };
                Ok(Command::Prepay { charge: Box::new(charge), contract: Box::new(known.clone()) })
            }
            Request::Receive(Receive { charge }) => {
                let known = contract(charge.contract)?;
                let caller = with.call.caller.party().filter(|_| with.call.caller.is_peer());
                if known.side(own) != Some(Side::Main) || caller != Some(known.partner) {
                    return Err(Refused::NotYours.into());
                }
                let is_named = Text::<MOST_REFERENCE_CHARS>::try_from(charge.reference.clone()).is_ok();
                if !is_named || charge.charge == Minor::ZERO {
                    return Err(Refused::Nothing.into());
                }
                as_terms_say(known, &charge)?;
                Ok(Command::Receive { from: known.partner, charge })
            }
        }
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Prepay { charge, contract }) => {
                let charge = Charge { at: context.now, ..(**charge).clone() };
                as_terms_say(contract, &charge)?;
                charged(charge, contract.main)
            }
            (Self::Absent, Command::Receive { from, charge }) => Event::Received {
                from: *from,
                charge: (**charge).clone(),
                postings: moved(Account::Cash, Account::Partners, charge.charge).to_vec(),
            },
            (Self::Known(known), Command::Prepay { charge, .. }) => {
                return Err(there(known, &Charge { at: known.charge.at, ..(**charge).clone() }).into());
            }
            (Self::Known(known), Command::Receive { charge, .. }) => return Err(there(known, charge).into()),
            (Self::Known(known), Command::CameOf { attempt: ATTEMPT, refusal }) => match (&known.phase, refusal) {
                (Phase::Owed { .. }, None) => {
                    let postings = moved(Account::MainSite, Account::Cash, known.charge.charge).to_vec();
                    Event::Transferred { postings }
                }
                (Phase::Owed { .. }, Some(reason)) => Event::Refused { reason: reason.clone() },
                (Phase::Kept | Phase::Transferred | Phase::Refused { .. } | Phase::Received { .. }, _) => {
                    return Err(Refused::NotDue.into());
                }
            },
            (Self::Absent | Self::Known(_), Command::CameOf { .. }) => return Err(Refused::NotDue.into()),
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Charged { .. } | Event::Received { .. }) => Answer::created(&Reply { id }),
            Some(Event::Transferred { .. } | Event::Refused { .. }) => Answer::ok(&Reply { id }),
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self.known()?.phase {
            Phase::Owed { to, since } => Some(Owed { to, attempt: ATTEMPT, since }),
            Phase::Kept | Phase::Transferred | Phase::Refused { .. } | Phase::Received { .. } => None,
        }
    }

    fn work(&self, _id: EntityId, _secrets: &Secrets) -> Option<Work> {
        let body = serde_json::json!({ "charge": self.known()?.charge });
        Some(Work::Command { path: "/v1/collections/receive".to_owned(), body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let refusal = (!outcome.is_done()).then(|| outcome.refusal());
        // What the main site has already, it need not be given again.
        Ok(Command::CameOf { attempt, refusal: refusal.filter(|slug| slug != KNOWN_SLUG) })
    }
}

/// Why `charge` is not taken where `known` is in the books under its name.
fn there(known: &kippu_events::partners::collections::Known, charge: &Charge) -> Refused {
    if known.charge == *charge { Refused::Known } else { Refused::Differs }
}

/// Whether the terms that counted make this charge of what was paid.
fn as_terms_say(contract: &Known, charge: &Charge) -> Result<(), Refused> {
    let terms = contract.at(charge.at).and_then(|version| version.terms.collecting);
    match (terms, charge.prepaid) {
        (Some(Collecting::Prepaid {}), true) if charge.paid == Minor::ZERO => Ok(()),
        (Some(by @ Collecting::PerSale { .. }), false) => {
            if by.charge(charge.paid) == charge.charge {
                Ok(())
            } else {
                Err(Refused::OtherCharge)
            }
        }
        (Some(Collecting::Prepaid {} | Collecting::PerSale { .. }) | None, _) => Err(Refused::NotCollected),
    }
}

#[cfg(test)]
mod tests;
