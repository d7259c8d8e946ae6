//! What becomes of a batch, and how bytes become text.

use super::*;

#[test]
fn a_batch_is_owed_until_the_other_party_took_or_refused_it() {
    let [held, handed_over, called, refused, announced] = <[Event; 5]>::try_from(AccessBatch::samples()).unwrap();
    let after = |events: &[&Event]| {
        let events: Vec<Event> = events.iter().map(|event| (*event).clone()).collect();
        crate::entity::fold::<AccessBatch>(&events)
    };
    let Event::Certified { batch, to, .. } = held.clone() else { panic!("the first sample certifies") };
    let pushed = Event::Certified { batch: batch.clone(), to, held: false };
    let taken = Event::Certified { batch, to: None, held: false };
    assert!(matches!(after(&[&pushed]), AccessBatch::Owed { what: Due::Lines, .. }));
    let kept = AccessBatch::Kept { refused: None };
    assert_eq!(after(&[&pushed, &handed_over]), kept);
    assert_eq!(after(&[&pushed, &handed_over, &refused, &pushed, &called]), kept);
    assert_eq!(after(&[&taken]), kept);
    let Event::Refused { reason } = &refused else { panic!("the fourth sample refuses") };
    assert_eq!(after(&[&pushed, &refused]), AccessBatch::Kept { refused: Some(reason.clone()) });
    assert_eq!(after(&[&handed_over]), AccessBatch::Absent);

    // Of what is held back, the certificate is owed, and the lines once they are called for.
    assert!(matches!(after(&[&held]), AccessBatch::Owed { what: Due::Certificate, .. }));
    assert!(matches!(after(&[&held, &handed_over]), AccessBatch::Held { .. }));
    assert!(matches!(after(&[&held, &handed_over, &called]), AccessBatch::Owed { what: Due::Lines, .. }));
    assert_eq!(after(&[&held, &handed_over, &called, &handed_over]), kept);
    // And the other party calls for them.
    let here = Event::Called { here: true };
    let call = |events: &[&Event]| match after(events) {
        AccessBatch::Announced { call, .. } => Some(call),
        _other => None,
    };
    assert_eq!(call(&[&announced]), Some(Call::Not));
    assert!(matches!(call(&[&announced, &here]), Some(Call::Owed(_))));
    assert_eq!(call(&[&announced, &here, &handed_over]), Some(Call::Told));
    assert_eq!(call(&[&announced, &here, &refused]), Some(Call::Not));
    assert_eq!(after(&[&announced, &here, &handed_over, &taken]), kept);
}

#[test]
fn bytes_that_are_no_utf_8_come_back_too() {
    for bytes in [&b"GET /caf\xc3\xa9"[..], b"GET /caf\xe9", b"\x00\xff\x7f", b""] {
        let (encoding, text) = Encoding::text(bytes);
        assert_eq!(encoding.bytes(&text).as_deref(), Ok(bytes));
    }
    assert_eq!(Encoding::text(b"caf\xe9"), (Encoding::Latin1, "café".to_owned()));
    assert_eq!(Encoding::Latin1.bytes("€"), Err(NotEncoded));
}
