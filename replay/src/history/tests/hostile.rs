//! What cannot be told, and how that is said.

use kippu_events::log::{Cut, Hash, Position, ReadLog as _};
use kippu_events::{EntityId, EntityKey, Family, Time};
use kippu_projections::Moment;

use super::{cut, past, positions};
use crate::history::{NotTold, Sides, Unreadable, as_of, diff, ends, history};
use crate::verify::tests::sample::{PARTITIONS, Tape, honest, seed};

/// A user of the history, and the number of its last record.
fn somebody(tape: &Tape) -> (EntityKey, u16, u64) {
    let (partition, number) = tape.find("user.registered");
    let body = tape.body(partition, number);
    let subject = body.split("\"subject\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let entity: EntityKey = subject.parse().unwrap();
    (entity, partition, as_of(&past(tape), entity, None).unwrap().position.number)
}

#[test]
fn who_is_not_there_has_no_past() {
    let tape = honest(seed(), 40);
    let nobody = EntityKey { family: Family::Users, id: EntityId::from_hash(&[0xdd; 32]) };
    assert!(matches!(as_of(&past(&tape), nobody, None), Err(NotTold::NoEntity(entity)) if entity == nobody));
    assert!(matches!(history(&past(&tape), nobody, None, &mut |_| true), Err(NotTold::NoEntity(_))));
}

#[test]
fn a_time_before_the_history_is_before_everything() {
    let tape = honest(seed(), 40);
    let time = Moment::Time(Time::from_micros(1));
    assert!(matches!(ends(&past(&tape), Some(&time)), Err(NotTold::BeforeAll(_))));
    let genesis = Moment::Cut(Cut(vec![0; usize::from(PARTITIONS)]));
    assert_eq!(ends(&past(&tape), Some(&genesis)).unwrap().offsets, vec![1; usize::from(PARTITIONS)]);
}

#[test]
fn a_position_of_another_history_partition_or_of_no_record_yet_is_no_moment() {
    let tape = honest(seed(), 40);
    let past = past(&tape);
    let (entity, partition, number) = somebody(&tape);
    let at = |position| as_of(&past, entity, Some(&Moment::Position(position))).unwrap_err();
    let other = Position::new(partition, number, &Hash([0xab; 32]));
    assert!(matches!(at(other), NotTold::OtherHistory(position) if position == other));
    let elsewhere = positions(&tape, (partition + 1) % PARTITIONS)[1];
    assert!(matches!(at(elsewhere), NotTold::OtherPartition { .. }));
    let ahead = Position { number: tape.end(partition).unwrap(), ..other };
    assert!(matches!(at(ahead), NotTold::Ahead { number, last, .. } if number == last + 1));
    assert!(matches!(ends(&past, Some(&Moment::Position(other))), Err(NotTold::OnePartition(_))));
    let short = Moment::Cut(Cut(vec![1]));
    assert!(matches!(as_of(&past, entity, Some(&short)), Err(NotTold::Cut { found: 1, .. })));
    let mut far = cut(&tape);
    far.0[usize::from(partition)] += 1;
    assert!(matches!(as_of(&past, entity, Some(&Moment::Cut(far.clone()))), Err(NotTold::Ahead { .. })));
    assert!(matches!(ends(&past, Some(&Moment::Cut(far))), Err(NotTold::Ahead { .. })));
}

#[test]
fn what_was_before_cannot_come_after() {
    let tape = honest(seed(), 40);
    let (before, after) = (Moment::Cut(cut(&tape)), Moment::Cut(Cut(vec![1; usize::from(PARTITIONS)])));
    let told = diff(&past(&tape), Sides { before: &before, after: &after }, None, &mut |_| Ok(()));
    assert!(matches!(told, Err(NotTold::Backwards(..))));
}

/// The other partitions, and what was before, are told all the same.
#[test]
fn a_damaged_record_is_named_and_only_what_rests_on_it_is_not_told() {
    let tape = honest(seed(), 60);
    let (entity, partition, number) = somebody(&tape);
    let (others, _) = (0..PARTITIONS).partition::<Vec<u16>, _>(|other| *other != partition);
    let mut forged = tape.clone();
    let stored = &mut forged.0[usize::from(partition)][usize::try_from(number).unwrap()];
    let last = stored.len() - 1;
    stored[last] ^= 1;
    let forged_past = past(&forged);
    let error = as_of(&forged_past, entity, None).unwrap_err();
    let NotTold::Unreadable(Unreadable::Broken(broken)) = &error else { panic!("{error}") };
    assert_eq!((broken.partition, broken.number), (partition, number));
    let before = Moment::Position(positions(&tape, partition)[usize::try_from(number).unwrap() - 1]);
    assert_eq!(
        as_of(&forged_past, entity, Some(&before)).ok(),
        as_of(&past(&tape), entity, Some(&before)).ok(),
        "what was before it"
    );
    for other in others {
        let (records, any) = (&tape.0[usize::from(other)], super::States::default());
        let mut states = any;
        for entity in records.iter().flat_map(|stored| states.take(stored)).collect::<Vec<_>>() {
            assert_eq!(as_of(&forged_past, entity, None).unwrap(), as_of(&past(&tape), entity, None).unwrap());
        }
    }
}

#[test]
fn an_event_that_only_a_later_version_reads_is_named_and_others_are_told() {
    let mut tape = honest(seed(), 60);
    let (entity, partition, number) = somebody(&tape);
    let (first, at) = tape.find("user.registered");
    assert_eq!(first, partition);
    tape.edit(partition, at, |body| body.replacen("user.registered", "user.teleported", 1));
    tape.rechain(partition, at + 1);
    let error = as_of(&past(&tape), entity, None).unwrap_err();
    let NotTold::Event { event, newer, .. } = &error else { panic!("{error}") };
    assert_eq!((event.partition, event.number, *newer), (partition, at as u64, true));
    let mut told = Vec::new();
    history(&past(&tape), entity, None, &mut |event| {
        told.push(event.kind);
        true
    })
    .unwrap();
    assert_eq!(told[0], "user.teleported", "what it says can be told all the same");
    assert!(number > at as u64 || told.len() == 1);
}
