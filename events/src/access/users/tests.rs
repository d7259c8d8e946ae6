//! What the history of a user means.

use super::*;

fn after(events: &[Event]) -> User {
    crate::entity::fold(events)
}

fn minor(units: u64) -> Minor {
    Minor::new(units).unwrap()
}

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn registered(limit: u64) -> Event {
    Event::Registered {
        login: EncryptedField { xchacha20poly1305: "AQ".to_owned() },
        name: None,
        pin: Some(PinVerifier { pepper: 1, argon2id: "z".repeat(43) }),
        source: LimitSource::Prepaid,
        limit: minor(limit),
        currency: euro(),
        charging: Charging::AtSettlement,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 250,
        period: Period::None,
    }
}

/// The account of a user with a limit of 10,000 after `events`.
fn account(events: &[Event]) -> Account {
    after(&[&[registered(10_000)], events].concat()).account().cloned().expect("registered before")
}

fn approval(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

fn reserved(n: u8, amount: u64) -> Event {
    Event::AmountReserved { approval: approval(n), amount: minor(amount) }
}

fn charged(n: u8, reserved: u64, amount: u64) -> Event {
    Event::AmountCharged { approval: approval(n), reserved: minor(reserved), amount: minor(amount) }
}

/// Reserved, charged, available.
fn sums(events: &[Event]) -> [u64; 3] {
    let account = account(events);
    [account.reserved, account.charged, account.available()].map(Minor::units)
}

#[test]
fn a_registered_user_has_the_whole_limit_free() {
    assert_eq!(after(&[]), User::Absent);
    let account = account(&[]);
    assert_eq!((account.source, account.currency), (LimitSource::Prepaid, euro()));
    assert_eq!((account.used(), account.available()), (Minor::ZERO, minor(10_000)));
    assert!(account.pin.is_some() && account.wrong_pins == 0 && account.locked_until.is_none());
}

#[test]
fn what_is_reserved_counts_until_it_is_charged_or_released() {
    assert_eq!(sums(&[reserved(1, 3_000), reserved(2, 2_000)]), [5_000, 0, 5_000]);
    let released = Event::AmountReleased { approval: approval(2), amount: minor(2_000) };
    assert_eq!(sums(&[reserved(1, 3_000), reserved(2, 2_000), released]), [3_000, 0, 7_000]);
    // What was reserved beyond the charge is free again.
    assert_eq!(sums(&[reserved(1, 3_000), charged(1, 3_000, 2_500)]), [0, 2_500, 7_500]);
    // Charged at permission, settled for less.
    let refunded = Event::AmountRefunded { approval: approval(1), amount: minor(500), of_earlier_period: false };
    assert_eq!(sums(&[reserved(1, 3_000), charged(1, 3_000, 3_000), refunded]), [0, 2_500, 7_500]);
}

#[test]
fn a_limit_is_what_the_last_change_or_credit_says() {
    let changed = Event::LimitChanged { limit: minor(4_000), before: minor(10_000), currency: euro(), approval: None };
    let credited = Event::Credited { amount: minor(500), limit: minor(4_500), currency: euro(), approval: None };
    assert_eq!(account(&[changed.clone(), credited]).limit, minor(4_500));
    // A limit below what is used leaves nothing, and no debt.
    assert_eq!(sums(&[reserved(1, 9_000), changed]), [9_000, 0, 0]);
}

#[test]
fn wrong_pins_are_counted_until_the_right_one() {
    let until = Time::from_micros(7);
    let wrong = |locked_until| Event::PinRefused { locked_until };
    let locked = account(&[wrong(None), wrong(None), wrong(Some(until))]);
    assert_eq!((locked.wrong_pins, locked.locked_until), (3, Some(until)));
    let accepted = account(&[wrong(None), wrong(Some(until)), Event::PinAccepted {}]);
    assert_eq!((accepted.wrong_pins, accepted.locked_until), (0, None));
}

#[test]
fn events_before_and_a_second_registration_change_nothing() {
    for early in [reserved(1, 1), charged(1, 1, 1), Event::PinAccepted {}] {
        assert_eq!(after(&[early]), User::Absent);
    }
    assert_eq!(account(&[reserved(1, 3_000), registered(99)]), account(&[reserved(1, 3_000)]));
}

#[test]
fn a_history_that_adds_up_to_nonsense_is_folded_without_a_panic() {
    let most = reserved(1, Minor::MOST);
    let released = Event::AmountReleased { approval: approval(1), amount: minor(1) };
    assert_eq!(sums(&[most.clone(), most, charged(2, 0, 1)])[2], 0);
    assert_eq!(sums(&[released]), [0, 0, 10_000]);
}

#[test]
fn charges_add_up_anew_in_each_period_and_what_comes_back_of_an_earlier_one_makes_no_room() {
    let begun = Event::PeriodBegun { charged_before: minor(3_000), next: Time::from_micros(9) };
    let back =
        |of_earlier_period| Event::AmountRefunded { approval: approval(1), amount: minor(500), of_earlier_period };
    let before = [reserved(1, 3_000), charged(1, 3_000, 3_000), reserved(2, 1_000), begun];
    assert_eq!(sums(&before), [1_000, 0, 9_000]);
    let after = [&before[..], &[charged(2, 1_000, 800)]].concat();
    assert_eq!(sums(&[&after[..], &[back(true)]].concat()), [0, 800, 9_200]);
    assert_eq!(sums(&[&after[..], &[back(false)]].concat()), [0, 300, 9_700]);
    assert_eq!(account(&after).period, Some(Running { began: Time::default(), next: Time::from_micros(9) }));
}

#[test]
fn a_suspended_user_keeps_the_account_which_goes_on() {
    let history = [registered(10_000), reserved(1, 3_000), Event::Suspended {}, charged(1, 3_000, 2_000)];
    let User::Suspended(account) = after(&history) else { panic!("suspended") };
    assert_eq!((account.reserved, account.charged), (Minor::ZERO, minor(2_000)));
    let resumed = after(&[&history[..], &[Event::Resumed {}, Event::Resumed {}]].concat());
    assert_eq!(resumed, User::Registered(account));
}

#[test]
fn points_are_a_part_of_what_was_settled_rounded_down() {
    let account = account(&[]);
    assert_eq!([0, 39, 40, 1_000].map(|settled| account.points_of(minor(settled)).units()), [0, 0, 1, 25]);
    let most = Account { points_rate_bp: u16::MAX, ..account };
    assert_eq!(most.points_of(minor(Minor::MOST)), Minor::ZERO, "more than an amount can be");
    let taken =
        Event::PointsTakenBack { approval: approval(1), amount: minor(5), limit: minor(9_995), currency: euro() };
    assert_eq!(sums(&[taken]), [0, 0, 9_995]);
}

#[test]
fn a_forgotten_user_keeps_the_sums_which_go_on_and_no_pin() {
    let locked = Event::PinRefused { locked_until: Some(Time::from_micros(1)) };
    let history =
        [registered(10_000), reserved(1, 3_000), locked.clone(), Event::Forgotten {}, charged(1, 3_000, 2_000)];
    let User::Forgotten(account) = after(&history) else { panic!("forgotten") };
    assert_eq!((account.reserved, account.charged), (Minor::ZERO, minor(2_000)));
    assert_eq!((&account.pin, account.wrong_pins, account.locked_until), (&None, 0, None));
    // There is no way back.
    let later = [&history[..], &[Event::Resumed {}, Event::Suspended {}, locked, Event::Forgotten {}]].concat();
    assert_eq!(after(&later), User::Forgotten(account));
    let suspended = [registered(10_000), Event::Suspended {}, Event::Forgotten {}];
    assert!(matches!(after(&suspended), User::Forgotten(_)));
}
