//! The terms on which this node settles: an operator sets them, and they count for what is presented from then on.

use kippu_events::EntityId;
use kippu_events::approvals::settler_terms::{Event, Order, Policy, SettlerTerms, id_of};
use kippu_events::secrets::Secrets;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// A minute: nobody stands at a till for longer.
pub const MOST_WAIT_SECS: u32 = 60;
/// A day: a large film over a slow line.
pub const MOST_SHOP_SECS: u32 = 86_400;
/// A month: goods that travel.
pub const MOST_DELIVER_SECS: u32 = 2_678_400;

commands! {
    /// Other terms are to count.
    Set = "set" Token [Operator] "Sets the terms on which settlements run that begin from then on." {
        /// What comes first.
        order: Order,
        /// For so many seconds a permission is waited for: 1 to 60, and 10 where it is left out.
        #[serde(default = "usual_wait_secs")]
        #[schemars(range(min = 1, max = MOST_WAIT_SECS))]
        wait_secs: u32,
        /// For so many seconds, from the permission on, the shop is waited for: 1 to 86,400, and 600 where it is left out.
        #[serde(default = "usual_shop_secs")]
        #[schemars(range(min = 1, max = MOST_SHOP_SECS))]
        shop_secs: u32,
        /// For so many seconds the buyer is waited for, where delivery comes first: 1 to 2,678,400, and 86,400 where it is
        /// left out.
        #[serde(default = "usual_deliver_secs")]
        #[schemars(range(min = 1, max = MOST_DELIVER_SECS))]
        deliver_secs: u32,
    }
}

fn usual_wait_secs() -> u32 {
    Policy::default().wait_secs
}

fn usual_shop_secs() -> u32 {
    Policy::default().shop_secs
}

fn usual_deliver_secs() -> u32 {
    Policy::default().deliver_secs
}

refusals! {
    shared INVALID_BODY {
        /// No time at all, or too long to be meant.
        Secs "wait_secs is 1 to {}, shop_secs 1 to {}, deliver_secs 1 to {}", MOST_WAIT_SECS, MOST_SHOP_SECS, MOST_DELIVER_SECS;
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The terms.
    pub id: EntityId,
}

impl Actor for SettlerTerms {
    type Request = Request;
    type Command = Request;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(_request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        Ok(id_of())
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Request, Problem> {
        let Request::Set(Set { wait_secs, shop_secs, deliver_secs, .. }) = &request;
        let bounded = (1..=MOST_WAIT_SECS).contains(wait_secs)
            && (1..=MOST_SHOP_SECS).contains(shop_secs)
            && (1..=MOST_DELIVER_SECS).contains(deliver_secs);
        if bounded { Ok(request) } else { Err(Refused::Secs.into()) }
    }

    fn decide(
        &self,
        command: &Request,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let Request::Set(Set { order, wait_secs, shop_secs, deliver_secs }) = *command;
        Ok(Decision::one(Event::Set { order, wait_secs, shop_secs, deliver_secs }))
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
    use kippu_events::access::Caller;
    use serde_json::json;

    use super::*;
    use crate::world::{World, slug};

    #[test]
    fn terms_are_set_within_bounds_and_what_is_left_out_is_the_usual() {
        let (mut world, set) = (World::new(), (Family::SettlerTerms, "set", None));
        let body = json!({"order": "deliver_first", "wait_secs": 60});
        assert_eq!(world.ask(Caller::OPERATOR, set, &body).unwrap(), (200, json!({"id": id_of()})));
        let usual = Policy::default();
        let policy = Policy { order: Order::DeliverFirst, wait_secs: 60, ..usual };
        assert_eq!(world.state::<SettlerTerms>(id_of()), SettlerTerms { policy });
        for (member, most) in
            [("wait_secs", MOST_WAIT_SECS), ("shop_secs", MOST_SHOP_SECS), ("deliver_secs", MOST_DELIVER_SECS)]
        {
            for secs in [0, most + 1] {
                let body = json!({"order": "settle_first", member: secs});
                assert_eq!(slug(world.ask(Caller::OPERATOR, set, &body)), "invalid-body", "{member} {secs}");
            }
            assert!(world.ask(Caller::OPERATOR, set, &json!({"order": "settle_first", member: most})).is_ok());
        }
        world.replays();
    }
}
