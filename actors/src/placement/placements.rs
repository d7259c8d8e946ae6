//! Placements of data replicas: opened, placed on a server, moved between servers, closed.

use kippu_events::placement::placements::{Event, Placement};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId};
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// Enough for a host name in its zone and region, and for a path-like label.
pub const MOST_NAME_CHARS: usize = 128;

/// The name of a server, or the label of the data on it.
pub type Name = Text<MOST_NAME_CHARS>;

commands! {
    /// A replica is to be placed.
    Open = "open" New [Operator] "Opens a placement for a replica of some data." {
        /// Which data; no personal data.
        label: Name,
    }
    /// It gets its first server.
    Place = "place" Id [Operator] "Gives a placement its first server." {
        /// The server.
        server: Name,
    }
    /// It goes to another server.
    Move = "move" Id [Operator] "Moves a placement to another server." {
        /// To where.
        to: Name,
    }
    /// The replica goes away.
    Close = "close" Id [Operator] "Closes a placement for ever." {}
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The placement.
    pub id: EntityId,
    /// Where it is in its life.
    pub state: State,
    /// Which data, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The server that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// Where a placement is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Has no server yet.
    Opened,
    /// Lies on a server.
    Placed,
    /// Is gone.
    Closed,
}

refusals! {
    shared NOT_FOUND {
        /// This id opened nothing.
        Unknown "there is no placement with this id";
    }
    shared ALREADY_EXISTS {
        /// This id opened one already.
        Exists "the placement was opened before";
    }
    own ALREADY_PLACED = 409 "placement-already-placed" "The placement has a server already" "Use `move` to bring it to another server." {
        /// It has a server.
        AlreadyPlaced "the placement has its first server already";
    }
    own NOT_PLACED = 409 "placement-not-placed" "The placement has no server yet" "Use `place` first." {
        /// It has no server.
        NotPlaced "the placement has no server yet";
    }
    own SAME_SERVER = 409 "placement-same-server" "The placement is on that server already" "Nothing needs to be done." {
        /// It is there.
        SameServer "the placement is on that server already";
    }
    own CLOSED = 409 "placement-closed" "The placement is closed" "Open another placement; a closed one stays closed." {
        /// It is gone.
        Closed "the placement is closed";
    }
}

impl Actor for Placement {
    type Request = Request;
    type Command = Request;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(_) => Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key)),
            Request::Place(_) | Request::Move(_) | Request::Close(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Request, Problem> {
        Ok(request)
    }

    fn decide(
        &self,
        command: &Request,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Request::Open(open)) => Event::Opened { label: open.label.as_str().to_owned() },
            (Self::Opened, Request::Place(place)) => Event::Placed { server: place.server.as_str().to_owned() },
            (Self::Placed { server }, Request::Move(to)) if *server == to.to.as_str() => {
                return Err(Refused::SameServer.into());
            }
            (Self::Placed { server }, Request::Move(to)) => {
                Event::Moved { from: server.clone(), to: to.to.as_str().to_owned() }
            }
            (Self::Opened | Self::Placed { .. }, Request::Close(_)) => Event::Closed {},
            (Self::Absent, Request::Place(_) | Request::Move(_) | Request::Close(_)) => {
                return Err(Refused::Unknown.into());
            }
            (Self::Opened | Self::Placed { .. } | Self::Closed, Request::Open(_)) => return Err(Refused::Exists.into()),
            (Self::Opened, Request::Move(_)) => return Err(Refused::NotPlaced.into()),
            (Self::Placed { .. }, Request::Place(_)) => return Err(Refused::AlreadyPlaced.into()),
            (Self::Closed, Request::Place(_) | Request::Move(_) | Request::Close(_)) => {
                return Err(Refused::Closed.into());
            }
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        let reply = |state, server: Option<&String>| Reply { id, state, label: None, server: server.cloned() };
        match event {
            Event::Opened { label } => {
                Answer::created(&Reply { label: Some(label.clone()), ..reply(State::Opened, None) })
            }
            Event::Placed { server } | Event::Moved { to: server, .. } => {
                Answer::ok(&reply(State::Placed, Some(server)))
            }
            Event::Closed {} => Answer::ok(&reply(State::Closed, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::Family;
    use serde_json::json;

    use super::*;
    use crate::given::{Given, given};
    use crate::problem;
    use crate::world::{World, id_in, slug};
    use kippu_events::access::Caller;

    fn name(text: &str) -> Name {
        text.to_owned().try_into().unwrap()
    }

    fn opened() -> Event {
        Event::Opened { label: "music".to_owned() }
    }

    fn placed() -> Event {
        Event::Placed { server: "tokyo-1".to_owned() }
    }

    fn open() -> Request {
        Request::Open(Open { label: name("music") })
    }

    fn place() -> Request {
        Request::Place(Place { server: name("tokyo-1") })
    }

    fn r#move(to: &str) -> Request {
        Request::Move(Move { to: name(to) })
    }

    fn close() -> Request {
        Request::Close(Close {})
    }

    fn placement(history: &[Event]) -> Given<Placement> {
        given::<Placement>(history)
    }

    /// Shows F11.
    #[test]
    fn a_placement_is_opened_placed_moved_and_closed() {
        placement(&[]).when(&open()).becomes(&[opened()]);
        placement(&[opened()]).when(&place()).becomes(&[placed()]);
        let moved = Event::Moved { from: "tokyo-1".to_owned(), to: "osaka-1".to_owned() };
        placement(&[opened(), placed()]).when(&r#move("osaka-1")).becomes(std::slice::from_ref(&moved));
        let back = Event::Moved { from: "osaka-1".to_owned(), to: "tokyo-1".to_owned() };
        placement(&[opened(), placed(), moved]).when(&r#move("tokyo-1")).becomes(&[back]);
        placement(&[opened()]).when(&close()).becomes(&[Event::Closed {}]);
        placement(&[opened(), placed()]).when(&close()).becomes(&[Event::Closed {}]);
    }

    #[test]
    fn what_is_not_open_is_not_placed_moved_or_closed() {
        for command in [place(), r#move("osaka-1"), close()] {
            placement(&[]).when(&command).refused(&problem::NOT_FOUND);
            placement(&[opened(), Event::Closed {}]).when(&command).refused(&CLOSED);
        }
    }

    #[test]
    fn a_placement_is_opened_once_and_placed_once() {
        for history in [&[opened()][..], &[opened(), placed()], &[opened(), Event::Closed {}]] {
            placement(history).when(&open()).refused(&problem::ALREADY_EXISTS);
        }
        placement(&[opened(), placed()]).when(&place()).refused(&ALREADY_PLACED);
    }

    #[test]
    fn a_placement_moves_from_its_server_to_another() {
        placement(&[opened()]).when(&r#move("osaka-1")).refused(&NOT_PLACED);
        placement(&[opened(), placed()]).when(&r#move("tokyo-1")).refused(&SAME_SERVER);
    }

    #[test]
    fn answers_name_the_placement_its_state_and_its_server() {
        let mut world = World::new();
        let (status, reply) =
            world.ask(Caller::OPERATOR, (Family::Placements, "open", None), &json!({"label": "music"})).unwrap();
        let id = id_in(&reply);
        assert_eq!((status, reply), (201, json!({"id": id, "state": "opened", "label": "music"})));
        let mut ask = |command, body| {
            let asked = (Family::Placements, command, Some(id));
            world.ask(Caller::OPERATOR, asked, &body).unwrap()
        };
        let placed = |server: &str| (200, json!({"id": id, "state": "placed", "server": server}));
        assert_eq!(ask("place", json!({"server": "tokyo-1"})), placed("tokyo-1"));
        assert_eq!(ask("move", json!({"to": "osaka-1"})), placed("osaka-1"));
        assert_eq!(ask("close", json!({})), (200, json!({"id": id, "state": "closed"})));
        world.replays();
    }

    #[test]
    fn names_are_bounded_and_printable() {
        let mut world = World::new();
        for label in ["", "a\u{7}", &"a".repeat(129)] {
            let body = json!({"label": label});
            let outcome = world.ask(Caller::OPERATOR, (Family::Placements, "open", None), &body);
            assert_eq!(slug(outcome), "invalid-body");
        }
        assert_eq!(world.records(), 0);
    }
}
