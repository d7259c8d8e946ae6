//! What was at every moment, and what changed between any two.

use kippu_events::log::{Cut, ReadLog as _};
use kippu_events::{EntityKey, Time};
use kippu_projections::Moment;
use rand::Rng as _;
use serde_json::Value;

use super::{States, cut, ends, indexed, past, positions};
use crate::history::{Between, Changed, NotTold, Past, Sides, as_of, diff, history};
use crate::verify::tests::sample::{PARTITIONS, SampleLog, Tape, honest, seed};

/// Every entity that a record is about is, at the position of that record, what its events until then make.
fn is_the_fold_at_every_position(tape: &Tape, past: &Past<'_>) {
    for partition in 0..PARTITIONS {
        let mut states = States::default();
        for (position, stored) in positions(tape, partition).into_iter().zip(&tape.0[usize::from(partition)]) {
            let mut at_cut = cut(tape);
            at_cut.0[usize::from(partition)] = position.number;
            for entity in states.take(stored) {
                let found = as_of(past, entity, Some(&Moment::Position(position))).unwrap();
                let (state, version) = &states.0[&entity];
                assert_eq!((found.version, found.position), (*version, position), "{entity}");
                assert_eq!(found.state, state.to_json(), "{entity} at {position}");
                assert_eq!(as_of(past, entity, Some(&Moment::Cut(at_cut.clone()))).unwrap(), found);
            }
        }
        for (entity, (state, version)) in states.json() {
            let found = as_of(past, entity, None).unwrap();
            assert_eq!((found.state, found.version), (state, version), "{entity}");
        }
    }
}

#[test]
fn an_entity_at_every_position_is_what_its_events_until_then_make() {
    let tape = honest(seed(), 120);
    is_the_fold_at_every_position(&tape, &past(&tape));
}

#[test]
fn an_index_changes_no_answer_wherever_it_ends() {
    let seed = seed();
    let tape = honest(seed, 60);
    let mut rng = SampleLog::new(seed).rng;
    for _ in 0..3 {
        let upto: Vec<u64> = ends(&tape).into_iter().map(|end| rng.random_range(0..=end)).collect();
        let (views, _node, _dir) = indexed(&tape, &upto);
        is_the_fold_at_every_position(&tape, &Past { views: Some(&views), ..past(&tape) });
    }
}

/// An index of another history of the same log does not fit, and is not gone by.
#[test]
fn an_index_of_another_history_changes_no_answer() {
    let seed = seed();
    let tape = honest(seed, 60);
    let (views, _node, _dir) = indexed(&honest(seed ^ 1, 60), &ends(&tape));
    is_the_fold_at_every_position(&tape, &Past { views: Some(&views), ..past(&tape) });
}

/// Everything else may be as large as it likes, or be damaged.
#[test]
fn by_an_index_no_record_is_read_but_those_of_the_entity() {
    let tape = honest(seed(), 60);
    let (views, _node, _dir) = indexed(&tape, &ends(&tape));
    for (entity, (state, version)) in States::at(&tape, &cut(&tape)).json() {
        let partition = past(&tape).partition_of(entity);
        let (mut others, mut states) = (tape.clone(), States::default());
        let records = &mut others.0[usize::from(partition)];
        let last = records.len() - 1;
        for (number, stored) in tape.0[usize::from(partition)].iter().enumerate() {
            // By the last record the index is known to be of this history.
            if !states.take(stored).contains(&entity) && number < last {
                records[number] = vec![0xff];
            }
        }
        let found = as_of(&Past { views: Some(&views), ..past(&others) }, entity, None).unwrap();
        assert_eq!((found.state, found.version), (state, version), "{entity}");
    }
}

#[test]
fn a_time_is_right_behind_the_last_record_that_was_decided_by_then() {
    let tape = honest(seed(), 120);
    let past = past(&tape);
    let entities = States::at(&tape, &cut(&tape)).json();
    for (entity, _) in entities {
        let mut events = Vec::new();
        history(&past, entity, None, &mut |event| {
            events.push(event);
            true
        })
        .unwrap();
        for (event, next) in events.iter().zip(events.iter().skip(1)) {
            if event.time < next.time {
                for time in [event.time, Time::from_micros(next.time.micros() - 1)] {
                    let found = as_of(&past, entity, Some(&Moment::Time(time))).unwrap();
                    assert_eq!((found.event, found.version), (event.event, event.version), "{entity} at {time}");
                }
            }
        }
        let begun = events.first().unwrap().time;
        let before = Moment::Time(Time::from_micros(begun.micros() - 1));
        assert!(matches!(as_of(&past, entity, Some(&before)), Err(NotTold::NotYet(..))), "{entity}");
    }
}

/// Puts the changes into the state before; nothing of it is left where the whole is another one.
fn apply(state: Option<Value>, changed: &Changed) -> Value {
    let mut state = state.unwrap_or(Value::Null);
    for change in &changed.changes {
        // Of what was not there, the whole is nothing; a member may well be null.
        let there = state.pointer(&change.field).filter(|value| !(value.is_null() && change.field.is_empty()));
        assert_eq!(there, change.before.as_ref());
        let Some((parent, name)) = change.field.rsplit_once('/') else {
            state = change.after.clone().unwrap();
            continue;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        let members = state.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match &change.after {
            Some(after) => drop(members.insert(name, after.clone())),
            None => drop(members.remove(&name)),
        }
    }
    state
}

/// Shows F24.
#[test]
fn a_diff_put_into_what_was_before_gives_what_was_after() {
    let seed = seed();
    let tape = honest(seed, 120);
    let mut rng = SampleLog::new(seed).rng;
    for _ in 0..12 {
        let mut within = |from: &Cut| -> Cut {
            let all = (0..).zip(&from.0);
            Cut(all.map(|(partition, from)| rng.random_range(*from..tape.end(partition).unwrap())).collect())
        };
        let before = within(&Cut(vec![0; usize::from(PARTITIONS)]));
        let after = within(&before);
        let (mut states, then) = (States::at(&tape, &before).json(), States::at(&tape, &after).json());
        let sides = Sides { before: &Moment::Cut(before.clone()), after: &Moment::Cut(after.clone()) };
        let told = diff(&past(&tape), sides, None, &mut |changed| {
            let was = states.remove(&changed.entity);
            assert_eq!(was.as_ref().map_or(0, |(_, version)| *version), changed.from, "{}", changed.entity);
            let is = apply(was.map(|(state, _)| state), &changed);
            states.insert(changed.entity, (is, changed.to));
            Ok(())
        });
        assert_eq!(told.unwrap(), Between { partition: None, from: before, to: after });
        assert_eq!(states, then);
    }
}

#[test]
fn a_diff_between_positions_is_about_their_partition_and_one_of_a_family_about_that() {
    let tape = honest(seed(), 120);
    let past = past(&tape);
    let all = positions(&tape, 1);
    let (before, after) = (Moment::Position(all[3]), Moment::Position(*all.last().unwrap()));
    let told = |before: &Moment, after: &Moment, family| {
        let mut entities: Vec<EntityKey> = Vec::new();
        diff(&past, Sides { before, after }, family, &mut |changed| {
            entities.push(changed.entity);
            Ok(())
        })
        .unwrap();
        entities
    };
    let entities = told(&before, &after, None);
    assert!(!entities.is_empty() && entities.iter().all(|entity| past.partition_of(*entity) == 1));
    let users = told(&before, &after, Some(kippu_events::Family::Users));
    let only_users: Vec<_> = entities.iter().filter(|entity| entity.family.name() == "users").copied().collect();
    assert_eq!(users, only_users);
    assert_eq!(told(&after, &after, None), []);
}
