//! Histories of every family at random: what is folded from stored bytes is what was folded live, and a state
//! survives its compact form at every step. Events are the family's samples, in any order, with other values in their
//! members. A history that fails is printed, made as short as it can be.

use proptest::collection;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::{AnyEntity as _, Entity, EntityKey};
use crate::event::{AnyEvent as _, BodyWriter, Cause, Mac, Place, Typed, read_body};
use crate::log::LogId;
use crate::{EntityId, Family, Principal, Time};

/// Events of one entity, each with the time of its record, fold to the same state in every way there is.
fn folds_alike<E: Entity>(history: &[(E::Event, Time)]) -> Result<(), TestCaseError> {
    let cause = Cause::new(Mac([3; 16]), Mac([5; 16]), Principal::Deadline);
    let entity = EntityKey::of::<E>(EntityId::from_hash(&[9; 32]));
    let log = LogId([0xa5; 16]);
    let mut typed = E::default();
    let (mut erased, mut stored) = (E::FAMILY.fresh(), E::FAMILY.fresh());
    for (version, (event, time)) in (1..).zip(history) {
        let place = Place { log: &log, partition: 3, number: version, time: *time, cause: &cause };
        let mut body = BodyWriter::new(place);
        body.push(entity, version, &Typed::<E>(event.clone()));
        let body = body.finish();
        let recorded = read_body(&body).map_err(|error| TestCaseError::fail(error.to_string()))?.remove(0);
        prop_assert_eq!((recorded.entity, recorded.version, recorded.time), (entity, version, *time));
        prop_assert_eq!(recorded.decode::<E>(), Ok(event));

        typed.evolve(event, *time);
        Typed::<E>(event.clone()).evolve(&mut *erased, *time);
        let folded = stored.evolve_stored(recorded.kind, recorded.schema, recorded.data, recorded.time);
        prop_assert_eq!(folded, Ok(()));
        for state in [&erased, &stored] {
            prop_assert_eq!(state.as_any().downcast_ref::<E>(), Some(&typed));
        }

        let compact = typed.encode();
        let again = E::FAMILY.decode(&compact);
        prop_assert_eq!(again.as_ref().and_then(|state| state.as_any().downcast_ref::<E>()), Some(&typed));
        prop_assert!(E::FAMILY.decode(&compact[..compact.len() - 1]).is_none(), "a cut state is no state");
    }
    Ok(())
}

/// One event: which sample, and what becomes of its members, one choice after the other.
type Choice = (Index, Vec<(Index, u64, String)>, i64);

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let number = prop_oneof![4 => 0..10_000_u64, 1 => any::<u64>()];
    // 1970 to 9999, as RFC 3339 can write it.
    let time = 0_i64..253_402_300_799_999_999;
    let change = (any::<Index>(), number, any::<String>());
    collection::vec((any::<Index>(), collection::vec(change, 0..4), time), 0..24)
}

/// Puts `number` or `text` in the place of one value somewhere in `data`.
fn change(data: &mut Value, which: Index, number: u64, text: &str) {
    match data {
        Value::Object(members) if !members.is_empty() => {
            let at = which.index(members.len());
            if let Some(member) = members.values_mut().nth(at) {
                change(member, which, number, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = which.index(items.len());
            change(&mut items[at], which, number, text);
        }
        Value::Number(_) => *data = number.into(),
        Value::String(_) => *data = text.into(),
        Value::Bool(given) => *given = !*given,
        Value::Object(_) | Value::Array(_) | Value::Null => {}
    }
}

/// The sample `which` with the changes that leave it an event.
fn event_of<E: Entity>(samples: &[E::Event], (which, changes, time): &Choice) -> (E::Event, Time) {
    let mut event = samples[which.index(samples.len())].clone();
    for (at, number, text) in changes {
        let mut json = serde_json::to_value(&event).unwrap();
        change(&mut json["data"], *at, *number, text);
        event = serde_json::from_value(json).unwrap_or(event);
    }
    (event, Time::from_micros(*time))
}

fn fold_alike<E: Entity>() {
    let samples = E::samples();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let ran = TestRunner::new(config).run(&choices(), |choices| {
        let history: Vec<_> = choices.iter().map(|choice| event_of::<E>(&samples, choice)).collect();
        folds_alike::<E>(&history)
    });
    ran.unwrap_or_else(|failed| panic!("{}: {failed}", E::FAMILY.name()));
}

macro_rules! all {
    ($($(#[$about:meta])* $family:ident = $code:literal, $name:literal, $state:ty;)*) => {
        [$((Family::$family, fold_alike::<$state> as fn())),*]
    };
}

/// Keeps E1.
#[test]
fn an_entity_of_any_family_is_the_fold_of_its_stored_events() {
    for (family, fold_alike) in families!(all) {
        assert!(!family.samples().is_empty(), "{}", family.name());
        fold_alike();
    }
}
