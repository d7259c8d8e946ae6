//! Purchase information, pushed by the shop that signed it: an approval can then name it in place of carrying it.

use kippu_events::access::peers::PeerKey;
use kippu_events::approvals::offer_content::{OfferContent, OfferItem};
use kippu_events::approvals::purchases::{Event, Information, Pushed, id_of};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::Secrets;
use kippu_events::statement::Unverified;
use kippu_events::{EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};

use super::offer::{self, Genuine, NotGenuine, Statement};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

commands! {
    /// A shop pushes an offer of its own.
    Open = "open" New [Shop] "Pushes an offer, so that an approval can name it; the same one any number of times." {
        /// The offer, as the shop signed it.
        #[schemars(schema_with = "offer::schema")]
        offer: Statement,
    }
}

refusals! {
    own PURCHASE_NOT_GENUINE = 409 "purchase-not-genuine" "This is no offer of the shop that pushes it" "Push offers that the calling party has signed, with a key that is known here, and that add up." {
        /// Not signed by a shop that counts, or no offer.
        NotGenuine "the offer is not signed by a shop that is known here, or does not add up";
        /// Signed by another party.
        NotYours "the offer is another party's than the one that pushes it";
    }
    own PURCHASE_DIFFERS = 409 "purchase-differs" "Another offer was pushed with this id" "An offer is pushed as it was signed first; make another one with an id of its own." {
        /// The same id with other content.
        Differs "an offer with this id and other content was pushed before";
    }
}

impl From<NotGenuine> for Refused {
    fn from(_: NotGenuine) -> Self {
        Self::NotGenuine
    }
}

/// An offer that the calling shop has signed.
pub struct Command {
    pushed: Box<Pushed>,
    key: PeerKey,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The purchase information.
    pub id: EntityId,
    /// The shop.
    pub shop: EntityId,
    /// The offer, by its id at the shop.
    pub offer: EntityId,
    /// From then on it is none.
    pub expires_at: Time,
    /// What all items cost.
    pub total: Minor,
    /// Of every price here.
    pub currency: Currency,
    /// What is offered.
    pub items: Vec<OfferItem>,
}

impl Actor for Information {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let Request::Open(Open { offer }) = request;
        offer::lookup(offer).into_iter().collect()
    }

    fn target(request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        let Request::Open(Open { offer }) = request;
        let claimed = || {
            let parsed = Unverified::parse(offer.as_str()).ok()?;
            Some(id_of(parsed.signer, parsed.claimed::<OfferContent>()?.id))
        };
        Ok(claimed().ok_or(Refused::NotGenuine)?)
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let Request::Open(Open { offer }) = request;
        // Before anything else, so that nobody learns which other shops are known here.
        if offer::signer(&offer) != with.call.caller.party() {
            return Err(Refused::NotYours.into());
        }
        let Genuine { content, sha256, shop_version, key } = offer::check(&offer, with).map_err(Refused::from)?;
        let expires_at = content.expires_at();
        let OfferContent { iss, id, total, currency, settlers, items, .. } = content;
        let (shop, offer) = (iss, id);
        let pushed = Pushed { shop, shop_version, offer, sha256, expires_at, total, currency, settlers, items };
        Ok(Command { pushed: Box::new(pushed), key })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let Command { pushed, key } = command;
        if !key.counts_at(context.now) {
            return Err(Refused::NotGenuine.into());
        }
        match self {
            Self::Absent => Ok(Decision::one(Event::Pushed(pushed.clone()))),
            // On record again, so that this push is answered as the first one was.
            Self::Pushed(known) if known.sha256 == pushed.sha256 => Ok(Decision::one(Event::Pushed(known.clone()))),
            Self::Pushed(_) => Err(Refused::Differs.into()),
        }
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let Some(Event::Pushed(pushed)) = own.first() else { return Answer::unanswerable() };
        let Pushed { shop, offer, expires_at, total, currency, items, .. } = (**pushed).clone();
        Answer::created(&Reply { id, shop, offer, expires_at, total, currency, items })
    }
}
