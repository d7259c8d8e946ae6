//! Events of every kind.

use super::Event;
use crate::id::EntityId;
use crate::opaque::TokenHash;
use crate::partners::contracts::Part;
use crate::partners::pages::{Decliner, sample};
use crate::time::Time;

pub(super) fn all() -> Vec<Event> {
    let [contract, partner] = [7, 5].map(|byte| EntityId::from_hash(&[byte; 32]));
    let ordered = |revision, bytes| {
        let (path, content) = sample(bytes);
        let capability = TokenHash { key: 1, sha256: "q".repeat(43) };
        Event::Ordered {
            contract,
            partner,
            path,
            revision,
            content,
            part: Part::Content,
            capability,
            category: None,
            layout: None,
            links: false,
        }
    };
    let sha256 = |bytes| sample(bytes).1.sha256;
    vec![
        ordered(1, 0xa1),
        Event::Taken { attempt: 1 },
        Event::Applied { revision: 1, sha256: sha256(0xa1) },
        ordered(2, 0xa2),
        Event::Taken { attempt: 4 },
        Event::Declined {
            revision: 2,
            sha256: sha256(0xa2),
            by: Decliner::Deadline,
            reason: Some("nobody answered".to_owned()),
            again_at: Some(Time::from_micros(1_795_254_300_000_000)),
        },
        ordered(2, 0xa2),
        Event::Refused { attempt: 7, reason: "page-not-yours".to_owned() },
    ]
}
