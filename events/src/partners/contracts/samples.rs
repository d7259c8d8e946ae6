//! Events of every kind, in an order in which they can happen to one contract.

use super::{Event, Side, Terms};
use crate::id::EntityId;
use crate::time::Time;

pub(super) fn all() -> Vec<Event> {
    let [main, partner] = [3, 5].map(|byte| EntityId::from_hash(&[byte; 32]));
    let day = |days: i64| Time::from_micros(1_795_254_300_000_000 + days * 86_400_000_000);
    let proposed = |number, days| Event::Proposed {
        main,
        partner,
        number,
        from: day(days),
        sha256: "5f".repeat(32),
        terms: Box::new(Terms::sample()),
        here: true,
    };
    vec![
        proposed(1, 0),
        Event::Told { attempt: 0 },
        Event::Declined { number: 1, reason: Some("the second class is too wide".to_owned()), here: false },
        proposed(2, 1),
        Event::NotTold { attempt: 1, reason: "forbidden".to_owned() },
        Event::Accepted { number: 2, here: false },
        Event::Ended { at: day(60), by: Side::Partner, here: false },
    ]
}
