//! What the history of an offer means.

use proptest::prelude::*;

use super::*;
use crate::approvals::offer_content::OFFER;
use crate::log_id::LogId;
use crate::secrets::{Secrets, SigningUse};
use crate::statement::{self, Unverified};

fn samples() -> [Event; 6] {
    <[Event; 6]>::try_from(Offer::samples()).unwrap()
}

fn after(events: &[Event]) -> Offer {
    crate::entity::fold(events)
}

#[test]
fn an_offer_is_delivered_once_and_its_bytes_keep_their_numbers() {
    let [made, .., delivered, _] = samples();
    let offer = after(&[made.clone(), delivered.clone()]);
    let Offer::Delivered { made: as_made, delivery } = &offer else { panic!("it is delivered") };
    assert_eq!((delivery.items.as_slice(), delivery.amount.units()), (&[1][..], 500));
    assert_eq!(offer.delivered(1).map(|content| content.name), Some("1.ogg".to_owned()));
    assert_eq!(offer.delivered(0), None, "of an item that was not delivered");
    assert_eq!(as_made.contents(&[0, 1]).iter().map(|content| content.n).collect::<Vec<_>>(), [0, 1]);
    let Event::Delivered { capability, .. } = &delivered else { panic!("it is delivered") };
    let other = Event::Delivered {
        settler: EntityId::from_hash(&[9; 32]),
        items: as_made.taken(&[0]).unwrap().0,
        amount: Minor::ZERO,
        currency: Currency::EUR,
        contents: Vec::new(),
        direct: true,
        capability: capability.clone(),
    };
    assert_eq!(after(&[made.clone(), delivered.clone(), other, made]), offer);
    assert_eq!(after(&[delivered]), Offer::Absent);
}

#[test]
fn what_was_given_back_is_the_most_that_was_told_and_nothing_before_the_delivery() {
    let [made, .., delivered, refunded] = samples();
    let less = |event: &Event| match event.clone() {
        Event::Refunded { settler, amount, currency, .. } => {
            Event::Refunded { settler, amount, currency, total: Minor::new(1).unwrap() }
        }
        other => other,
    };
    let given_back = |further: &[Event]| match after(&[&[made.clone(), delivered.clone()], further].concat()) {
        Offer::Delivered { delivery, .. } => delivery.refunded.units(),
        other => panic!("delivered, but {other:?}"),
    };
    assert_eq!([given_back(&[]), given_back(std::slice::from_ref(&refunded))], [0, 277]);
    assert_eq!(given_back(&[refunded.clone(), less(&refunded)]), 277);
    assert_eq!(after(&[made.clone(), refunded]), after(&[made]));
}

#[test]
fn a_push_ends_by_its_own_outcome_and_another_may_follow() {
    let [made, asked, done, failed, delivered, _] = samples();
    let push = |events: &[&Event]| after(&events.iter().copied().cloned().collect::<Vec<_>>()).made().unwrap().push;
    let to = EntityId::from_hash(&[7; 32]);
    let owed = |attempt| Push::Owed { to, attempt, since: Time::default() };
    let (again, done_again) = (Event::PushAsked { to, attempt: 2 }, Event::PushDone { attempt: 2 });
    assert_eq!(push(&[&made, &asked]), owed(1));
    assert_eq!(push(&[&made, &asked, &done_again]), owed(1), "of another attempt");
    assert_eq!(push(&[&made, &asked, &again]), owed(1), "one at a time");
    assert_eq!(push(&[&made, &asked, &done, &failed]), Push::Done { to, attempt: 1 });
    assert_eq!(push(&[&made, &asked, &failed, &done]), Push::Failed { to, attempt: 1 });
    assert_eq!(push(&[&made, &asked, &failed, &again]), owed(2));
    assert_eq!(push(&[&made, &asked, &failed, &again, &done_again]), Push::Done { to, attempt: 2 });
    assert_eq!(push(&[&made, &delivered, &asked]).attempts(), 1);
    assert_eq!(push(&[&made, &done, &failed]), Push::Never);
}

#[test]
fn the_statement_of_an_offer_says_what_was_made_and_is_the_same_at_every_call() {
    let [made, ..] = samples();
    let (secrets, id) = (Secrets::ephemeral(1, LogId([1; 16])), EntityId::from_hash(&[8; 32]));
    let offer = after(&[made]);
    let content = offer.made().unwrap().content(secrets.party, id);
    let signed = || statement::sign(&secrets, 0, OFFER, &content);
    let text = signed();
    assert_eq!(text, signed());
    let key = secrets.public_key(SigningUse::Statements, 0);
    let read: OfferContent = Unverified::parse(&text).unwrap().verify(Some(key), OFFER).unwrap();
    assert_eq!(read, content);
    assert!(read.is_whole());
    assert_eq!((read.iss, read.exp - read.iat, read.items.len()), (secrets.party, 3_600, 2));
    let lowered = OfferContent { total: Minor::new(1_489).unwrap(), ..read };
    assert!(!lowered.is_whole());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is paid is the sum over what is bought, or there is no total.
    #[test]
    fn the_total_is_what_the_items_cost_together(pieces in proptest::collection::vec((0..=Minor::MOST, 1..=9_999_u32), 0..=20)) {
        let product = EntityId::from_hash(&[3; 32]);
        let items: Vec<Item> = pieces.iter().map(|(price, quantity)| Item {
            product,
            version: 1,
            name: "n".to_owned(),
            kind: Kind::Goods,
            quantity: *quantity,
            price: Minor::new(*price).unwrap(),
            contents: Vec::new(),
        }).collect();
        let exact: u128 = pieces.iter().map(|(price, quantity)| u128::from(*price) * u128::from(*quantity)).sum();
        let expected = u64::try_from(exact).ok().and_then(Minor::new);
        prop_assert_eq!(total(&items), expected);
    }
}
