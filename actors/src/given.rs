//! Given / when / then: a history, a command, and what must come of it. Every decision is made twice and must be the
//! same; every history is folded from the bytes that a log would hold.

use kippu_events::access::clients::Role;
use kippu_events::entity::AnyEntity;
use kippu_events::event::{AnyEvent, Mac, Typed};
use kippu_events::money::{Currency, Minor};
use kippu_events::{Entity, EntityId, EntityKey, Time};
use serde_json::value::RawValue;

use kippu_events::access::Caller;

use crate::actor::{Actor, Context, Neighbours};
use crate::problem::{GENERAL, Problem, ProblemType, UNTOLD};

/// The time at which commands are decided, unless a test says otherwise.
pub(crate) const NOW: Time = Time::from_micros(1_800_000_000_000_000);

pub(crate) fn id(n: u8) -> EntityId {
    EntityId::from_bytes([n; EntityId::BYTES])
}

pub(crate) fn minor(units: u64) -> Minor {
    Minor::new(units).unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub(crate) fn caller(role: Role, n: u8) -> Caller {
    Caller::of_client(id(n), role, None)
}

/// The state after `history`, folded from its stored form.
fn fold<E: Entity>(history: &[E::Event]) -> E {
    let mut live = E::default();
    let mut stored = E::default();
    for event in history {
        live.evolve(event, NOW);
        let (kind, data) = written(&Typed::<E>(event.clone()));
        stored.evolve_stored(&kind, E::schema(event), data.get(), NOW).unwrap();
    }
    assert_eq!(live, stored, "a history folds the same from its stored form");
    stored
}

/// Kind and data, as the log holds them.
fn written(event: &dyn AnyEvent) -> (String, Box<RawValue>) {
    #[derive(serde::Deserialize)]
    struct Members {
        r#type: String,
        data: Box<RawValue>,
    }
    let mut json = Vec::new();
    event.write_members(&mut json);
    json[0] = b'{';
    json.push(b'}');
    let members: Members = serde_json::from_slice(&json).unwrap();
    (members.r#type, members.data)
}

/// An entity with a history, about to be asked.
pub(crate) struct Given<E: Actor> {
    state: E,
    neighbours: Vec<(EntityKey, Box<dyn AnyEntity>)>,
    context: Context,
}

/// The entity `id(1)` after `history`, asked by an operator.
pub(crate) fn given<E: Actor>(history: &[E::Event]) -> Given<E> {
    Given {
        state: fold::<E>(history),
        neighbours: Vec::new(),
        context: Context { now: NOW, caller: Caller::OPERATOR, id: id(1), command: Mac([1; 16]) },
    }
}

impl<E: Actor> Given<E> {
    /// With a neighbour with a history.
    pub(crate) fn with<N: Entity>(mut self, id: EntityId, history: &[N::Event]) -> Self {
        self.neighbours.push((EntityKey::of::<N>(id), Box::new(fold::<N>(history))));
        self
    }

    pub(crate) fn by(mut self, caller: Caller) -> Self {
        self.context.caller = caller;
        self
    }

    pub(crate) fn at(mut self, now: Time) -> Self {
        self.context.now = now;
        self
    }

    pub(crate) fn when(self, command: &E::Command) -> Then<E> {
        let decide = || {
            let named = self.state.neighbours(command, &self.context);
            let known = self.neighbours.iter().filter(|(key, _)| named.contains(key));
            let seen: Vec<(EntityKey, &dyn AnyEntity)> = known.map(|(key, state)| (*key, &**state)).collect();
            let decision = self.state.decide(command, Neighbours(&seen), &self.context)?;
            let others = decision.others.iter().map(|(key, event)| (*key, written(&**event)));
            Ok((decision.own, others.map(|(key, (kind, data))| (key, kind, data.get().to_owned())).collect()))
        };
        let outcome = decide();
        assert_eq!(outcome, decide(), "the same inputs decide the same");
        Then { outcome }
    }
}

/// Key, kind and data of each event of a neighbour.
type NeighbourEvents = Vec<(EntityKey, String, String)>;

/// What became of the command.
pub(crate) struct Then<E: Actor> {
    outcome: Result<(Vec<E::Event>, NeighbourEvents), Problem>,
}

impl<E: Actor> Then<E> {
    /// It became `own`, and nothing of a neighbour.
    pub(crate) fn becomes(self, own: &[E::Event]) {
        self.becomes_with::<E>(own, id(0), &[]);
    }

    /// It became `own` and, in the same record, `events` of the neighbour `id`.
    pub(crate) fn becomes_with<N: Entity>(self, own: &[E::Event], id: EntityId, events: &[N::Event]) {
        let neighbour = events.iter().map(|event| {
            let (kind, data) = written(&Typed::<N>(event.clone()));
            (EntityKey::of::<N>(id), kind, data.get().to_owned())
        });
        assert_eq!(self.outcome, Ok((own.to_vec(), neighbour.collect())));
    }

    /// It was refused and left no trace.
    pub(crate) fn refused(self, kind: &'static ProblemType) {
        match self.outcome {
            Err(problem) => {
                assert_eq!(problem.kind.slug, kind.slug, "{problem}");
                let known = GENERAL.iter().chain(E::PROBLEMS).chain(UNTOLD).any(|known| known.slug == kind.slug);
                assert!(known, "{} is not in PROBLEMS", kind.slug);
            }
            Ok(decided) => panic!("should have been refused as {}, and became {decided:?}", kind.slug),
        }
    }
}
