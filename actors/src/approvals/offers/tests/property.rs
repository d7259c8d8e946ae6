//! Random commands of everybody to one offer, against plain arithmetic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::world::{World, id_in};
use kippu_events::Family;
use kippu_events::approvals::products;

/// One step.
#[derive(Clone, Debug)]
enum Step {
    /// By which settler, of which items.
    Deliver(u8, Option<Vec<u16>>),
    Reprice(u64),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let places = proptest::option::of(proptest::collection::btree_set(0..4_u16, 1..4));
    let step = prop_oneof![
        4 => (5..8_u8, places).prop_map(|(by, items)| Step::Deliver(by, items.map(|items| items.into_iter().collect()))),
        1 => (0..500_u64).prop_map(Step::Reprice),
        1 => (0..40_000_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..20)
}

fn products_of(world: &mut World, pieces: &[(u64, u32)]) -> Vec<Value> {
    let item = |(n, (price, quantity)): (usize, &(u64, u32))| {
        let sku = format!("p{n}");
        let body = json!({"sku": sku, "name": "n", "kind": "goods", "price": price, "currency": "EUR"});
        world.ask(Caller::OPERATOR, (Family::Products, "open", None), &body).unwrap();
        json!({"product": products::id_of(&sku), "quantity": quantity})
    };
    pieces.iter().enumerate().map(item).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// The total is the sum over the items; what is delivered costs the sum over its items, and goes once to one settler that the
    /// offer names, in time.
    #[test]
    fn an_offer_adds_up_and_goes_to_one_settler(pieces in proptest::collection::vec((0..1_000_u64, 1..9_u32), 1..4), steps in steps()) {
        let mut world = World::new();
        let terms = json!({"settlers": [id(5), id(6)], "currency": "EUR"});
        world.ask(Caller::OPERATOR, (Family::ShopTerms, "set", None), &terms).unwrap();
        let items = products_of(&mut world, &pieces);
        let (_, reply) = world.ask(Caller::GUEST, (Family::Offers, "open", None), &json!({"items": items})).unwrap();
        let cost = |places: &[u16]| -> u64 {
            places.iter().map(|place| pieces[usize::from(*place)]).map(|(price, quantity)| price * u64::from(quantity)).sum()
        };
        let all: Vec<u16> = (0..).take(pieces.len()).collect();
        prop_assert_eq!(reply["total"].as_u64(), Some(cost(&all)));
        let (offer, mut waited, mut taken) = (id_in(&reply), 0, false);
        for step in steps {
            match step {
                Step::Reprice(price) => {
                    let asked = (Family::Products, "reprice", Some(products::id_of("p0")));
                    // The price may be that already.
                    let _either = world.ask(Caller::OPERATOR, asked, &json!({"price": price}));
                }
                Step::Wait(secs) => {
                    waited += secs;
                    world.after(secs);
                }
                Step::Deliver(by, wanted) => {
                    let body = wanted.as_ref().map_or(json!({}), |items| json!({"items": items}));
                    let places = wanted.unwrap_or_else(|| all.clone());
                    let asked = world.ask(peer(by, Role::Settler), (Family::Offers, "deliver", Some(offer)), &body);
                    let is_there = places.iter().all(|place| all.contains(place));
                    let may = !taken && by != 7 && is_there && waited < 3_600 + 86_400;
                    prop_assert_eq!(asked.is_ok(), may, "{:?} {:?} {}", asked, taken, waited);
                    if let Ok((_, answer)) = asked {
                        prop_assert_eq!(answer["amount"].as_u64(), Some(cost(&places)));
                        taken = true;
                    }
                }
            }
        }
        world.replays();
    }
}
