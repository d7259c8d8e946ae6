//! The terms of a shop: set by an operator, and looked up by every offer.

use kippu_events::EntityId;
use kippu_events::approvals::shop_terms::{self, Event, ShopTerms};
use kippu_events::money::Currency;
use kippu_events::secrets::Secrets;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// An hour: long enough to find one's terminal, and short enough for prices to hold.
pub const DEFAULT_OFFER_SECS: u32 = 3_600;
/// A minute: whoever approves looks at it in time.
pub const LEAST_OFFER_SECS: u32 = 60;
/// A week.
pub const MOST_OFFER_SECS: u32 = 604_800;
/// Every offer names them all.
pub const MOST_SETTLERS: usize = 16;

commands! {
    /// The shop sells on these terms.
    Set = "set" Token [Operator] "Sets the terms on which the shop sells: offers made from then on are on these." {
        /// The parties that may settle for it.
        #[schemars(length(min = 1, max = MOST_SETTLERS))]
        settlers: Vec<EntityId>,
        /// The currency that it sells in.
        currency: Currency,
        /// For how many seconds an offer stands: 60 to 604,800, and 3,600 where it is left out.
        #[serde(default = "default_offer_secs")]
        #[schemars(range(min = LEAST_OFFER_SECS, max = MOST_OFFER_SECS))]
        offer_secs: u32,
        /// Whether the shop itself sends bytes to buyers, once who settles asks for them. Otherwise who settles fetches them.
        #[serde(default)]
        direct: bool,
    }
}

const fn default_offer_secs() -> u32 {
    DEFAULT_OFFER_SECS
}

refusals! {
    shared INVALID_BODY {
        /// None, one twice, or too many.
        Settlers "there are 1 to {} settlers, each once", MOST_SETTLERS;
        /// Out of bounds.
        OfferSecs "offer_secs is {} to {}", LEAST_OFFER_SECS, MOST_OFFER_SECS;
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The terms.
    pub id: EntityId,
}

impl Actor for ShopTerms {
    type Request = Request;
    type Command = Request;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(_request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        Ok(shop_terms::id())
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Request, Problem> {
        let Request::Set(Set { settlers, offer_secs, .. }) = &request;
        let is_once = |(place, settler): (usize, &EntityId)| !settlers[..place].contains(settler);
        if !(1..=MOST_SETTLERS).contains(&settlers.len()) || !settlers.iter().enumerate().all(is_once) {
            return Err(Refused::Settlers.into());
        }
        if !(LEAST_OFFER_SECS..=MOST_OFFER_SECS).contains(offer_secs) {
            return Err(Refused::OfferSecs.into());
        }
        Ok(request)
    }

    fn decide(
        &self,
        command: &Request,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let Request::Set(Set { settlers, currency, offer_secs, direct }) = command;
        let (currency, offer_secs, direct) = (*currency, *offer_secs, *direct);
        Ok(Decision::one(Event::Set { settlers: settlers.clone(), currency, offer_secs, direct }))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Set { .. }) => Answer::ok(&Reply { id }),
            None => Answer::unanswerable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::Family;
    use kippu_events::access::{Caller, Role};
    use serde_json::json;

    use super::*;
    use crate::given::{caller, id};
    use crate::world::{World, slug};

    const SET: (Family, &str, Option<EntityId>) = (Family::ShopTerms, "set", None);

    #[test]
    fn an_operator_sets_the_terms_and_they_have_bounds() {
        let mut world = World::new();
        let body = json!({"settlers": [id(5)], "currency": "USD"});
        assert_eq!(world.ask(Caller::OPERATOR, SET, &body).unwrap().0, 200);
        let terms = world.state::<ShopTerms>(shop_terms::id());
        let terms = terms.terms().unwrap();
        assert_eq!((terms.offer_secs, terms.direct, terms.currency.code()), (3_600, false, "USD"));
        assert_eq!(slug(world.ask(caller(Role::Shop, 3), SET, &body)), "forbidden");
        for wrong in [
            json!({"settlers": [], "currency": "USD"}),
            json!({"settlers": [id(5), id(5)], "currency": "USD"}),
            json!({"settlers": (0..17).map(id).collect::<Vec<_>>(), "currency": "USD"}),
            json!({"settlers": [id(5)], "currency": "USD", "offer_secs": 59}),
            json!({"settlers": [id(5)], "currency": "USD", "offer_secs": 604_801}),
        ] {
            assert_eq!(slug(world.ask(Caller::OPERATOR, SET, &wrong)), "invalid-body", "{wrong}");
        }
        world.replays();
    }
}
