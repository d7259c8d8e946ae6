//! Blobs that a history names: collected with the event that names them, and missed where they are not there.

use kippu_events::NotAnEvent;
use kippu_events::access::users::Charging;
use kippu_events::blobs::{BlobId, Checked};
use kippu_events::event::Recorded;

use super::sample::reserved;
use super::scene::Scene;
use crate::named_blobs::{NamedBlobs, NotRead};
use crate::verify::{Blobs, Options, verify};

/// As if every event named one blob, which follows from its version.
fn blobs_of(event: &Recorded<'_>) -> Result<Vec<BlobId>, NotAnEvent> {
    Ok(vec![blob(event.version)])
}

fn blob(version: u64) -> BlobId {
    BlobId::of(&version.to_be_bytes())
}

/// Shows F46.
#[test]
fn a_blob_that_is_missing_or_altered_makes_a_history_unsound_and_is_told_with_an_event_that_names_it() {
    let scene = Scene::new(Charging::AtSettlement);
    let options = Options { blobs: Some(blobs_of), ..Options::default() };
    let named = || verify(&scene.sample.tape, &options).named_blobs();
    assert_eq!(named().keys().copied().collect::<std::collections::BTreeSet<_>>(), [blob(1), blob(2)].into());
    assert!(verify(&scene.sample.tape, &Options::default()).named_blobs().is_empty());

    let found = blob(9);
    for (checked, word) in [(Checked::Missing, "MISSING"), (Checked::Altered { found }, "ALTERED")] {
        let (mut blobs, event) = (Blobs::default(), named()[&blob(2)]);
        blobs.add(blob(1), named()[&blob(1)], Checked::Whole { size: 5 });
        blobs.add(blob(2), event, checked);
        let report = verify(&scene.sample.tape, &options).with_blobs(blobs);
        let told = report.to_string();
        assert!(!report.sound && !report.is_only_newer(), "{told}");
        assert!(told.contains(&format!("{word} blob {}, which event {event} names", blob(2))), "{told}");
        assert!(told.ends_with("0 rules broken, 1 blobs missing or altered)"), "{told}");
    }
    let mut whole = Blobs::default();
    named().into_iter().for_each(|(id, event)| whole.add(id, event, Checked::Whole { size: 5 }));
    assert!(verify(&scene.sample.tape, &options).with_blobs(whole).sound);
}

/// Shows F46.
#[test]
fn what_is_named_is_read_on_and_nothing_is_known_where_an_entry_cannot_be_read() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let mut named = NamedBlobs::by(blobs_of);
    assert!(!named.read_on(&scene.sample.tape, 1).unwrap(), "there are more pages");
    assert!(named.read_on(&scene.sample.tape, 99).unwrap());
    assert!(named.has(blob(1)) && named.has(blob(2)) && !named.has(blob(3)));

    let (partition, number) = scene.user_is(reserved(scene.approval, 1));
    named.read_on(&scene.sample.tape, 99).unwrap();
    assert!(named.has(blob(3)), "what was added since");

    let entries = &mut scene.sample.tape.0[usize::from(partition)];
    let at = usize::try_from(number).unwrap();
    let kept = std::mem::replace(&mut entries[at], vec![0xff; 9]);
    let mut anew = NamedBlobs::by(blobs_of);
    assert!(matches!(anew.read_on(&scene.sample.tape, 99), Err(NotRead::Record { offset, .. }) if offset == number));
    scene.sample.tape.0[usize::from(partition)][at] = Vec::new();
    assert!(matches!(NamedBlobs::by(blobs_of).read_on(&scene.sample.tape, 99), Err(NotRead::Gone { .. })));
    scene.sample.tape.0[usize::from(partition)][at] = kept;
    anew.read_on(&scene.sample.tape, 99).unwrap();
    assert!(anew.has(blob(3)), "it goes on where it was");
}
