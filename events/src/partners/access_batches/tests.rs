//! What becomes of a batch, and how bytes become text.

use super::*;

#[test]
fn a_batch_is_owed_until_the_other_party_took_or_refused_it() {
    let [certified, handed_over, refused] = <[Event; 3]>::try_from(AccessBatch::samples()).unwrap();
    let after = |events: &[Event]| crate::entity::fold::<AccessBatch>(events);
    assert!(matches!(after(std::slice::from_ref(&certified)), AccessBatch::Owed { .. }));
    let kept = AccessBatch::Kept { refused: None };
    assert_eq!(after(&[certified.clone(), handed_over.clone()]), kept);
    assert_eq!(after(&[certified.clone(), handed_over.clone(), refused.clone(), certified.clone()]), kept);
    let Event::Certified { batch, .. } = &certified else { panic!("the first sample certifies") };
    assert_eq!(after(&[Event::Certified { batch: batch.clone(), to: None }]), kept);
    let Event::Refused { reason } = &refused else { panic!("the last sample refuses") };
    assert_eq!(after(&[certified, refused.clone()]), AccessBatch::Kept { refused: Some(reason.clone()) });
    assert_eq!(after(&[handed_over]), AccessBatch::Absent);
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
