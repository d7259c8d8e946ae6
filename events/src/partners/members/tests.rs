//! What the state of a member keeps.

use super::*;

fn after(events: &[Event]) -> Member {
    crate::entity::fold(events)
}

fn registered() -> Event {
    Member::samples().swap_remove(3)
}

fn wrong(locked_until: Option<Time>) -> Event {
    Event::Refused { reason: Refusal::WrongPassword, site: EntityId::from_hash(&[1; 32]), locked_until }
}

#[test]
fn wrong_passwords_and_wrong_codes_are_counted_apart_and_begin_anew_after_a_right_one() {
    let samples = Member::samples();
    let (identified, code, confirmed) = (&samples[7], &samples[8], &samples[9]);
    let lock = Some(Time::from_micros(7));
    let known = |events: &[Event]| after(events).known().cloned().unwrap();
    let locked = known(&[registered(), wrong(None), wrong(lock), code.clone()]);
    assert_eq!((locked.passwords.wrong, locked.codes.wrong), (2, 1));
    assert!(locked.passwords.is_locked(Time::from_micros(6)) && !locked.passwords.is_locked(Time::from_micros(7)));
    let right = known(&[registered(), wrong(lock), code.clone(), identified.clone()]);
    assert_eq!((right.passwords, right.codes.wrong, right.tickets), (Tries::default(), 1, 1));
    let confirmed = known(&[registered(), code.clone(), confirmed.clone()]);
    assert_eq!((confirmed.codes, confirmed.used_step), (Tries::default(), 59_841_810));
}

#[test]
fn nobody_is_known_before_a_registration_or_after_being_forgotten() {
    assert_eq!(after(&[wrong(None)]), Member::Absent);
    assert_eq!(after(&[registered(), Event::Forgotten {}, registered(), wrong(None)]), Member::Forgotten);
    assert_ne!(realm_of_copies(EntityId::from_hash(&[1; 32])), realm_of_copies(EntityId::from_hash(&[2; 32])));
}
