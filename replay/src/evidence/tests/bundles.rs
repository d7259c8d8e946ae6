//! Bundles: what they show, and that no byte of them can be another.

use kippu_events::event::read_body;
use kippu_events::log::{Content, Record};
use kippu_events::{EntityKey, NotAnEvent};

use super::*;

/// The entity with the most events, and how many those are.
fn busiest(tape: &Tape) -> (EntityKey, u64) {
    let mut versions = std::collections::BTreeMap::new();
    for stored in tape.0.iter().flatten() {
        let Content::Commit(commit) = Record::decode(stored).unwrap().content else { continue };
        for event in read_body(commit.body).unwrap() {
            versions.insert(event.entity.to_string(), (event.version, event.entity));
        }
    }
    let (version, entity) = versions.into_values().max_by_key(|(version, _)| *version).unwrap();
    (entity, version)
}

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

/// Shows F28.
#[test]
fn the_history_of_an_entity_is_shown_whole() {
    let scene = Scene::signed();
    let (entity, version) = busiest(&scene.tape);
    let bundle = scene.export(&Asked::Entity(entity)).unwrap();
    let text = bundle.to_text().unwrap();
    assert_eq!(Bundle::read(&text).unwrap(), bundle);
    let shown = bundle.verify(Some(&scene.keys()), &[]).unwrap();
    let its = shown.entities[&entity.to_string()];
    assert_eq!((its.first, its.last, its.events), (1, version, version));
    assert!(shown.anchored && shown.to_string().contains(&format!("{entity}: versions 1 to {version}, without a gap")));
    assert!(shown.to_string().lines().last().unwrap().starts_with("evidence: verified ("));
}

/// Shows F28.
#[test]
fn without_a_key_of_the_verifiers_own_nothing_is_anchored() {
    let scene = Scene::signed();
    let bundle = scene.export(&Asked::Entity(busiest(&scene.tape).0)).unwrap();
    let shown = bundle.verify(None, &[]).unwrap();
    assert!(!shown.anchored && shown.to_string().contains("NOT ANCHORED"));
    // All of it made by somebody else, with keys of their own: whole in itself, and by nobody whom we know.
    let forger = Scene { secrets: Secrets::ephemeral(2, LOG), ..Scene::of(scene.tape.clone()) };
    forger.grow(true).unwrap();
    let forged = forger.export(&Asked::Checkpoint).unwrap();
    assert!(forged.verify(None, &[]).is_ok());
    assert_eq!(forged.verify(Some(&scene.keys()), &[]), Err(Fault::Unsigned(origin(LOG))));
}

#[test]
fn a_period_is_shown_from_its_first_commit_to_its_last_with_the_claims_between() {
    let scene = Scene::signed();
    let everything = Asked::Period { from: at("2000-01-01T00:00:00Z"), to: at("2100-01-01T00:00:00Z") };
    let shown = scene.export(&everything).unwrap().verify(Some(&scene.keys()), &[]).unwrap();
    for (shown, tree) in shown.partitions.iter().zip(cut_of(&scene.tape).0) {
        assert_eq!((shown.first, shown.of), (2, tree.size), "the genesis and the first claim have no time");
        assert_eq!(shown.last - shown.first + 1, shown.records, "nothing between is left out");
    }
    let nothing = Asked::Period { from: at("2000-01-01T00:00:00Z"), to: at("2000-01-02T00:00:00Z") };
    assert!(matches!(scene.export(&nothing), Err(EvidenceError::Nothing(_))));
}

/// Shows F28.
#[test]
fn what_happened_after_the_checkpoint_is_in_no_bundle() {
    let mut scene = Scene::signed();
    let entity = busiest(&scene.tape).0;
    let before = scene.export(&Asked::Entity(entity)).unwrap();
    for partition in 0..3 {
        scene.go_on(partition);
    }
    assert_eq!(scene.export(&Asked::Entity(entity)).unwrap(), before);
}

/// Shows F28. Keeps L5.
#[test]
fn no_bundle_is_made_of_a_history_that_is_not_what_was_signed() {
    let mut scene = Scene::signed();
    let (partition, number) = scene.rewrite();
    let body = scene.tape.body(partition, usize::try_from(number).unwrap());
    let event =
        read_body(body.as_bytes()).map(|events| events[0].entity).unwrap_or_else(|error: NotAnEvent| panic!("{error}"));
    assert!(
        matches!(fault(scene.export(&Asked::Entity(event))), Fault::Rewritten { partition: found, .. } if found == partition)
    );
}

/// Shows F28. Keeps L5.
#[test]
fn no_bundle_is_made_of_a_history_whose_end_is_missing() {
    let mut scene = Scene::signed();
    let (entity, _) = busiest(&scene.tape);
    let partition = entity.id.slot().partition(scene.tape.partitions());
    let tape = &mut scene.tape.0[usize::from(partition)];
    tape.pop();
    let there = tape.len() as u64;
    let cut_off = Fault::CutOff { partition, size: there + 1, there };
    assert_eq!(fault(scene.export(&Asked::Entity(entity))), cut_off);
    let period = Asked::Period { from: at("2000-01-01T00:00:00Z"), to: at("2100-01-01T00:00:00Z") };
    assert_eq!(fault(scene.export(&period)), cut_off);
}

/// Shows F28.
#[test]
fn a_small_bundle_with_any_byte_altered_never_verifies() {
    let scene = Scene::of(honest(seed(), 12));
    scene.grow(true).unwrap();
    // The first entity that has but one event.
    let key = scene.tape.find("client.opened");
    let body = scene.tape.body(key.0, key.1);
    let entity = read_body(body.as_bytes()).unwrap()[0].entity;
    let text = scene.export(&Asked::Entity(entity)).unwrap().to_text().unwrap();
    let keys = scene.keys();
    let verifies = |bytes: &[u8]| {
        let bundle = std::str::from_utf8(bytes).ok().and_then(|text| Bundle::read(text).ok());
        bundle.is_some_and(|bundle| bundle.verify(Some(&keys), &[]).is_ok())
    };
    assert!(verifies(text.as_bytes()));
    let bytes = text.as_bytes();
    for place in 0..bytes.len() {
        let mut altered = bytes.to_vec();
        // Bits that make another letter, digit or case of it, and those that make something else.
        altered[place] ^= [1, 2, 0x20, 4, 8, 0x10, 0x40][place % 7];
        assert!(!verifies(&altered), "byte {place} behind {}", &text[place.saturating_sub(20)..place]);
    }
    for place in [0, bytes.len() / 3, bytes.len() - 1] {
        let (before, after) = bytes.split_at(place);
        assert!(!verifies(&[before, &after[1..]].concat()), "without byte {place}");
        assert!(!verifies(&[before, b"\n", after].concat()), "one more at {place}");
    }
}

#[test]
fn records_in_another_order_twice_or_at_another_place_are_refused() {
    let scene = Scene::signed();
    let text = scene.export(&Asked::Entity(busiest(&scene.tape).0)).unwrap().to_text().unwrap();
    let verify = |change: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let mut value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        let serde_json::Value::Array(records) = &mut value["records"] else { panic!("no records") };
        change(records);
        let bundle: Bundle = serde_json::from_value(value.into()).unwrap();
        Bundle::read(&bundle.to_text().unwrap()).unwrap().verify(Some(&scene.keys()), &[])
    };
    assert!(verify(&|_| {}).is_ok());
    assert!(matches!(verify(&|records| records.swap(0, 1)), Err(Fault::Record { .. })));
    assert!(matches!(verify(&|records| records.insert(0, records[0].clone())), Err(Fault::Record { .. })));
    for member in ["partition", "number"] {
        let moved = verify(&|records| records[0][member] = (records[0][member].as_u64().unwrap() + 1).into());
        assert!(moved.is_err(), "{member}");
    }
    // Leaving one out is no lie, but it is seen.
    let gap = verify(&|records| drop(records.remove(1))).unwrap();
    assert!(gap.to_string().contains("with gaps"), "{gap}");
}
