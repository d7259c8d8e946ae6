//! Where a revision stands, and which bytes the partner may have.

use super::*;

fn after(count: usize) -> Known {
    let mut delivery = PageDelivery::default();
    for (n, event) in (1..).zip(PageDelivery::samples().iter().take(count)) {
        delivery.evolve(event, Time::from_micros(n));
    }
    delivery.known().expect("something was ordered").clone()
}

#[test]
fn a_revision_takes_the_place_of_the_one_before_whatever_became_of_that() {
    let phases: Vec<Phase> = (1..=8).map(|count| after(count).phase).collect();
    let declined = Phase::Declined { again_at: Some(Time::from_micros(1_795_254_300_000_000)) };
    let expected = [
        Phase::Ordered,
        Phase::Taken,
        Phase::Applied,
        Phase::Ordered,
        Phase::Taken,
        declined,
        Phase::Ordered,
        Phase::Refused,
    ];
    assert_eq!(phases, expected);
    let attempts: Vec<u32> = (1..=8).map(|count| after(count).attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn the_partner_may_have_the_newest_bytes_and_those_that_it_shows() {
    let [first, second, other] = [0xa1, 0xa2, 0xa3].map(|byte| BlobId([byte; 32]));
    let may = |count: usize| [first, second, other].map(|sha256| after(count).content(sha256).is_some());
    assert_eq!(may(1), [true, false, false]);
    assert_eq!(may(5), [true, true, false]);
    assert_eq!(may(8), [true, true, false]);
}

#[test]
fn it_lies_beside_its_contract() {
    let contract = EntityId::from_hash(&[7; 32]);
    let path = |text: &str| PagePath::try_from(text.to_owned()).unwrap();
    let id = id_of(contract, &path("a"));
    assert_eq!(id.slot(), contract.slot());
    assert_ne!(id, id_of(contract, &path("b")));
    assert_ne!(id, id_of(EntityId::from_hash(&[8; 32]), &path("a")));
}
