//! Credits: an operator says how a customer pays, and authentication servers ask. Who asks about a number that is nobody's is
//! answered too, on record, so that no status tells numbers apart.

use kippu_events::EntityId;
use kippu_events::approvals::credits::{Credit, Event, Known, Standing, Told};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::Secrets;
use serde::{Deserialize, Serialize};

use crate::access::users::request::MOST_NUMBER_CHARS;
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::{Text, named};

/// The path of the question that an authentication server asks.
pub const INQUIRE: &str = "/v1/credits/inquire";

/// A customer's number.
pub type Number = Text<MOST_NUMBER_CHARS>;

commands! {
    /// A customer is known from now on.
    Open = "open" New [Operator] "Says how the customer with a number pays. The number itself is not kept." {
        /// The customer's number, in any way to write it. Kept nowhere: the id follows from it.
        number: Number,
        /// How the customer pays.
        #[serde(deserialize_with = "named")]
        standing: Standing,
        /// Up to how much the reference vouches for the customer.
        #[serde(default)]
        limit: Option<Minor>,
        /// The currency of the limit. MUST be there where a limit is.
        #[serde(default)]
        currency: Option<Currency>,
    }
    /// The customer pays otherwise, or the reference vouches for another amount.
    Change = "change" Id [Operator] "Says how a customer pays from now on." {
        /// How the customer pays.
        #[serde(deserialize_with = "named")]
        standing: Standing,
        /// Up to how much the reference vouches for the customer.
        #[serde(default)]
        limit: Option<Minor>,
        /// The currency of the limit. MUST be there where a limit is.
        #[serde(default)]
        currency: Option<Currency>,
    }
    /// An authentication server asks about a customer.
    Inquire = "inquire" Token [Authenticator] "Asks how the customer with a number pays." {
        /// The number, in any way to write it.
        number: Number,
        /// How much is to be bought.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    }
}

refusals! {
    shared NOT_FOUND {
        /// Nobody is known by this id.
        Unknown "there is no credit with this id";
    }
    shared ALREADY_EXISTS {
        /// The number is a customer's.
        Exists(EntityId) "a customer with this number is known already: {0}";
    }
    shared INVALID_BODY {
        /// An amount of nothing, or a currency of no amount.
        Limit "limit and currency are given together";
    }
    shared FORBIDDEN {
        /// The caller is nobody who could be named.
        NotAParty "only another party asks about customers";
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The credit, where an operator asked. Who asks about a number is not told more than the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EntityId>,
    /// How the customer pays; `unknown` where the number is nobody's.
    pub standing: Told,
    /// Up to how much the reference vouches for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Minor>,
    /// The currency of the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

/// The body of the question that an authentication server asks.
#[derive(Serialize)]
pub struct Question<'a> {
    /// The customer's number.
    pub number: &'a str,
    /// How much is to be bought.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
}

/// A request without its number.
pub enum Command {
    /// A customer is known.
    Open(Known),
    /// The customer pays otherwise.
    Change(Known),
    /// Somebody asks.
    Inquire {
        /// How much is to be bought.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    },
}

/// The id of the credit with this number, whether or not it is a customer's.
fn id_of(number: &Number, secrets: &Secrets) -> EntityId {
    secrets.login_id("credit", number.as_str())
}

fn known(standing: Standing, limit: Option<Minor>, currency: Option<Currency>) -> Result<Known, Refused> {
    if limit.is_some() != currency.is_some() {
        return Err(Refused::Limit);
    }
    Ok(Known { standing, limit: limit.zip(currency) })
}

impl Actor for Credit {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { number, .. }) | Request::Inquire(Inquire { number, .. }) => Ok(id_of(number, secrets)),
            Request::Change(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Command, Problem> {
        Ok(match request {
            Request::Open(Open { standing, limit, currency, .. }) => Command::Open(known(standing, limit, currency)?),
            Request::Change(Change { standing, limit, currency }) => Command::Change(known(standing, limit, currency)?),
            Request::Inquire(Inquire { amount, currency, .. }) => Command::Inquire { amount, currency },
        })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Open(Known { standing, limit })) => {
                Event::Opened { standing: *standing, limit: limit.map(|it| it.0), currency: limit.map(|it| it.1) }
            }
            (Self::Known(_), Command::Open(_)) => return Err(Refused::Exists(context.id).into()),
            (Self::Absent, Command::Change(_)) => return Err(Refused::Unknown.into()),
            (Self::Known(_), Command::Change(Known { standing, limit })) => {
                Event::Changed { standing: *standing, limit: limit.map(|it| it.0), currency: limit.map(|it| it.1) }
            }
            (credit, Command::Inquire { amount, currency }) => {
                let by = context.caller.party().ok_or(Refused::NotAParty)?;
                let (told, limit) = match credit {
                    Self::Absent => (Told::Unknown, None),
                    Self::Known(Known { standing: Standing::Good, limit }) => (Told::Good, *limit),
                    Self::Known(Known { standing: Standing::Bad, .. }) => (Told::Bad, None),
                };
                let (limit, limit_currency) = (limit.map(|it| it.0), limit.map(|it| it.1));
                Event::Inquired { by, amount: *amount, currency: *currency, told, limit, limit_currency }
            }
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        let of = |standing: &Standing| match standing {
            Standing::Good => Told::Good,
            Standing::Bad => Told::Bad,
        };
        match event {
            Event::Opened { standing, limit, currency } => {
                Answer::created(&Reply { id: Some(id), standing: of(standing), limit: *limit, currency: *currency })
            }
            Event::Changed { standing, limit, currency } => {
                Answer::ok(&Reply { id: Some(id), standing: of(standing), limit: *limit, currency: *currency })
            }
            Event::Inquired { told, limit, limit_currency, .. } => {
                Answer::ok(&Reply { id: None, standing: *told, limit: *limit, currency: *limit_currency })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::Family;
    use kippu_events::access::{Caller, Role, Roles};
    use serde_json::json;

    use super::*;
    use crate::given::{caller, currency, given, id, minor};
    use crate::problem;
    use crate::world::{World, id_in, slug};

    const OPEN: (Family, &str, Option<EntityId>) = (Family::Credits, "open", None);
    const ASK: (Family, &str, Option<EntityId>) = (Family::Credits, "inquire", None);

    fn authenticator() -> Caller {
        Caller::of_peer(id(3), Roles::one(Role::Authenticator))
    }

    fn good() -> Known {
        Known { standing: Standing::Good, limit: Some((minor(500), currency("EUR"))) }
    }

    fn opened() -> Event {
        Event::Opened { standing: Standing::Good, limit: Some(minor(500)), currency: Some(currency("EUR")) }
    }

    fn inquired(told: Told, limit: Option<Minor>) -> Event {
        let (amount, currency) = (minor(70), currency("EUR"));
        Event::Inquired { by: id(3), amount, currency, told, limit, limit_currency: limit.map(|_| currency) }
    }

    /// Shows D14.
    #[test]
    fn every_number_is_asked_about_on_record_whether_or_not_it_is_a_customers() {
        let ask = Command::Inquire { amount: minor(70), currency: currency("EUR") };
        let bad = Event::Changed { standing: Standing::Bad, limit: Some(minor(9)), currency: Some(currency("EUR")) };
        for (history, expected) in [
            (vec![], inquired(Told::Unknown, None)),
            (vec![opened()], inquired(Told::Good, Some(minor(500)))),
            (vec![opened(), bad], inquired(Told::Bad, None)),
        ] {
            given::<Credit>(&history).by(authenticator()).when(&ask).becomes(&[expected]);
        }
        given::<Credit>(&[opened()]).when(&ask).refused(&problem::FORBIDDEN);
    }

    #[test]
    fn a_customer_is_opened_once_and_changed() {
        given::<Credit>(&[]).when(&Command::Open(good())).becomes(&[opened()]);
        given::<Credit>(&[inquired(Told::Unknown, None)]).when(&Command::Open(good())).becomes(&[opened()]);
        given::<Credit>(&[opened()]).when(&Command::Open(good())).refused(&problem::ALREADY_EXISTS);
        let worse = Known { standing: Standing::Bad, limit: None };
        let changed = Event::Changed { standing: Standing::Bad, limit: None, currency: None };
        given::<Credit>(&[opened()]).when(&Command::Change(worse)).becomes(&[changed]);
        given::<Credit>(&[]).when(&Command::Change(worse)).refused(&problem::NOT_FOUND);
    }

    /// Shows D14. Keeps S1.
    #[test]
    fn numbers_are_in_no_record_and_only_authenticators_ask() {
        let mut world = World::new();
        let number = "4929-1234-5678";
        let body = json!({"number": number, "standing": "good", "limit": 500, "currency": "EUR"});
        let (status, reply) = world.ask(Caller::OPERATOR, OPEN, &body).unwrap();
        let known = id_in(&reply);
        assert_eq!((status, &reply), (201, &json!({"id": known, "standing": "good", "limit": 500, "currency": "EUR"})));
        let ask = |number: &str| json!({"number": number, "amount": 70, "currency": "EUR"});
        let answer = world.ask(authenticator(), ASK, &ask(number)).unwrap();
        assert_eq!(answer, (200, json!({"standing": "good", "limit": 500, "currency": "EUR"})));
        let answer = world.ask(authenticator(), ASK, &ask("4929-0000-0000")).unwrap();
        assert_eq!(answer, (200, json!({"standing": "unknown"})));
        assert!(!world.text().contains("4929"));
        for other in [caller(Role::Settler, 4), Caller::of_peer(id(4), Roles::one(Role::Shop)), Caller::OPERATOR] {
            assert_eq!(slug(world.ask(other, ASK, &ask(number))), "forbidden");
        }
        let half = json!({"number": "1", "standing": "good", "limit": 500});
        assert_eq!(slug(world.ask(Caller::OPERATOR, OPEN, &half)), "invalid-body");
        world.replays();
    }
}
