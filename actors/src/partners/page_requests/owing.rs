//! What a request owes the other site.

use std::time::Duration;

use kippu_events::EntityId;
use kippu_events::partners::page_requests::{Known, Origin, Phase, Reserved, entrusted_id};
use serde_json::json;

use crate::activity::Work;

/// Whether something is owed now.
pub(super) const fn owes(known: &Known) -> bool {
    match known.phase {
        Phase::Asking | Phase::Entrusting | Phase::Settling { .. } | Phase::Reporting => true,
        Phase::Ready | Phase::Waiting { .. } | Phase::Entrusted | Phase::Held { .. } | Phase::Over => false,
    }
}

/// What is to be done.
pub(super) fn work(id: EntityId, known: &Known) -> Option<Work> {
    let Known { wanted, taken, .. } = known;
    let bound = known.bound.as_ref()?;
    let contract = bound.contract;
    let until = known.since.after(Duration::from_secs(bound.answer_secs.into()));
    let (path, body) = match (&known.phase, &known.origin) {
        (Phase::Asking, _) => {
            let body = json!({ "contract": contract, "request": id, "wanted": wanted, "until": until });
            ("/v1/page-requests/consult".to_owned(), body)
        }
        (Phase::Entrusting, _) => {
            let steps = known.there();
            let body = json!({
                "contract": contract, "request": id, "wanted": wanted, "taken": taken, "steps": steps,
                "until": until,
            });
            ("/v1/page-requests/entrust".to_owned(), body)
        }
        (Phase::Settling { sold }, _) => {
            let Reserved::There(first) = known.reserved else { return None };
            let there = entrusted_id(bound.main, &wanted.article, id, first);
            (format!("/v1/page-requests/{there}/settle"), json!({ "sold": sold }))
        }
        (Phase::Reporting, Origin::Site { request, first, .. }) => {
            let taken = taken.get(usize::from(*first)..).unwrap_or_default();
            let body = json!({ "taken": taken, "failure": known.failure });
            (format!("/v1/page-requests/{request}/report"), body)
        }
        (Phase::Reporting, Origin::Visitor { .. })
        | (Phase::Ready | Phase::Waiting { .. } | Phase::Entrusted | Phase::Held { .. } | Phase::Over, _) => {
            return None;
        }
    };
    Some(Work::Command { path, body: body.to_string().into_bytes() })
}
