//! Events of every kind, in an order in which they can be told.

use super::{Bound, Event, Found, Taken, Task, Wanted};
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::TokenHash;
use crate::partners::contracts::{Collecting, Mode, Side, Step};
use crate::time::Time;

pub(super) fn all() -> Vec<Event> {
    let [contract, main, partner, page, request, stock] =
        [7, 3, 5, 11, 13, 17].map(|byte| EntityId::from_hash(&[byte; 32]));
    let wanted = || Wanted { kind: "buy".to_owned(), article: "book-1".to_owned(), quantity: 2 };
    let collecting = Some(Collecting::PerSale { rate_bp: 1_250 });
    let bound = || Bound { contract, main, answer_secs: 120, hold_secs: 86_400, collecting };
    let task = |step, at| Task { step, at };
    let at = |secs: i64| Time::from_micros(1_795_254_300_000_000 + secs * 1_000_000);
    let priced = || Found { amount: Minor::new(1_999), currency: Some(Currency::EUR), ..Found::default() };
    let steps = || vec![Step::Stock];
    vec![
        Event::Opened {
            page,
            wanted: wanted(),
            stock,
            bound: Some(bound()),
            mode: Mode::Partner,
            tasks: vec![
                task(Step::Price, Side::Partner),
                task(Step::Stock, Side::Main),
                task(Step::Payment, Side::Partner),
            ],
            capability: TokenHash { key: 1, sha256: "q".repeat(43) },
        },
        Event::StepBegun { step: Step::Price, until: at(120) },
        Event::StepDone { step: Step::Price, found: priced() },
        Event::Told { attempt: 4, until: None },
        Event::StepDone { step: Step::Stock, found: Found { available: Some(8), ..Found::default() } },
        Event::StepBegun { step: Step::Payment, until: at(240) },
        Event::StepRefused { step: Step::Payment, reason: "no-answer".to_owned() },
        Event::NotTold { attempt: 8, reason: "page-request-not-held".to_owned() },
        // Of other requests.
        Event::Entrusted {
            from: partner,
            request,
            wanted: wanted(),
            stock,
            bound: bound(),
            taken: vec![Taken { step: Step::Price, found: priced() }],
            steps: steps(),
            last: false,
        },
        Event::Settled { sold: true },
        Event::Commanded { from: partner, request, wanted: wanted(), contract, steps: steps() },
        Event::StepsNamed { attempt: 1, steps: steps() },
    ]
}
