//! What issuers and shops answer, read with care: they are other parties.

use std::collections::BTreeSet;

use kippu_events::EntityId;
use kippu_events::approvals::settlements::Content;
use kippu_events::money::{Currency, Minor};
use serde::Deserialize;

use super::request::MOST_LINES;
use crate::activity::Outcome;
use crate::text::Text;

/// What a product or a content is called.
const MOST_NAME_CHARS: usize = 256;
/// As RFC 4288 bounds each half of a media type.
const MOST_MEDIA_TYPE_CHARS: usize = 255;
/// Contents of one delivery: with their names, so many fit into a record.
pub const MOST_CONTENTS: usize = 64;
/// The longest slug that goes on record.
const MOST_SLUG_CHARS: usize = 64;

/// An issuer's permission.
#[derive(Deserialize)]
pub(super) struct Permission {
    pub(super) id: EntityId,
    pub(super) amount: Minor,
    pub(super) currency: Currency,
    #[serde(default)]
    pub(super) shop: Option<EntityId>,
    #[serde(default)]
    pub(super) buyer: Option<EntityId>,
}

/// An offer that a shop made of a terminal's purchase information.
#[derive(Deserialize)]
pub(super) struct OfferMade {
    pub(super) id: EntityId,
    pub(super) total: Minor,
    pub(super) currency: Currency,
}

#[derive(Deserialize)]
struct Answered {
    id: EntityId,
    items: Vec<AnsweredItem>,
    amount: Minor,
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    direct: bool,
}

#[derive(Deserialize)]
struct AnsweredItem {
    name: String,
    quantity: u32,
}

/// What a shop delivers.
pub(super) struct Delivered {
    pub(super) offer: EntityId,
    pub(super) amount: Minor,
    pub(super) names: Vec<String>,
    pub(super) quantity: u64,
    pub(super) contents: Vec<Content>,
    pub(super) direct: bool,
}

impl Delivered {
    /// What the shop's answer says, if it is one that can go on record.
    pub(super) fn read(outcome: &Outcome) -> Option<Self> {
        let Answered { id: offer, items, amount, contents, direct } = outcome.answer()?;
        let quantity = items.iter().map(|item| u64::from(item.quantity)).sum();
        let names: Vec<String> = items.into_iter().map(|item| item.name).collect();
        let numbers: BTreeSet<u32> = contents.iter().map(|content| content.n).collect();
        let fits = names.len() <= MOST_LINES
            && names.iter().all(|name| is_name(name))
            && contents.len() <= MOST_CONTENTS
            && numbers.len() == contents.len()
            && contents.iter().all(is_content);
        fits.then_some(Self { offer, amount, names, quantity, contents, direct })
    }
}

fn is_name(name: &str) -> bool {
    Text::<MOST_NAME_CHARS>::try_from(name.to_owned()).is_ok()
}

fn is_content(content: &Content) -> bool {
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_name(&content.name)
        && Text::<MOST_MEDIA_TYPE_CHARS>::try_from(content.media_type.clone()).is_ok()
        && is_digest(&content.sha256)
}

/// Why something was refused, as it goes on record.
pub(super) fn slug(outcome: &Outcome) -> String {
    let slug = outcome.refusal();
    let is_slug = !slug.is_empty() && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_slug && slug.len() <= MOST_SLUG_CHARS { slug } else { format!("status-{}", outcome.status) }
}

/// Whether a refusal is the last word on what was asked, and not only that the other party does not listen to this one now:
/// then an earlier try of the same may have taken effect.
pub(super) fn is_final(outcome: &Outcome) -> bool {
    let slug = slug(outcome);
    let is_deaf = matches!(outcome.status, 401 | 408 | 429) || slug == "forbidden" || slug.starts_with("status-");
    !outcome.is_done() && !is_deaf
}

/// Whether the issuer has said what is so of the approval itself, by which nothing can be reserved.
pub(super) fn is_about_approval(outcome: &Outcome) -> bool {
    is_final(outcome) && matches!(outcome.status, 403 | 404 | 409 | 410) && slug(outcome) != "not-found"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answered(body: &Value) -> Outcome {
        Outcome { status: 200, body: body.to_string().into_bytes() }
    }

    fn content(n: u32) -> Value {
        json!({"n": n, "name": "a.flac", "media_type": "audio/flac", "sha256": "ab".repeat(32), "size": 7})
    }

    #[test]
    fn a_delivery_is_read_if_it_can_go_on_record_and_not_otherwise() {
        let id = EntityId::from_hash(&[1; 32]);
        let item = || json!({"product": id, "name": "a", "quantity": 2, "kind": "music"});
        let body = |items: Vec<Value>, contents: Vec<Value>| json!({"id": id, "items": items, "amount": 5, "contents": contents, "direct": false, "more": 1});
        let read = Delivered::read(&answered(&body(vec![item(), item()], vec![content(1), content(2)]))).unwrap();
        assert_eq!((read.names, read.quantity), (vec!["a".to_owned(), "a".to_owned()], 4));
        assert_eq!((read.contents.len(), read.amount.units()), (2, 5));
        let with = |member: &str, value: Value| {
            let mut content = content(1);
            content[member] = value;
            body(vec![item()], vec![content])
        };
        for wrong in [
            json!({}),
            body(vec![item(); MOST_LINES + 1], vec![]),
            body(vec![item()], (0..=64).map(content).collect()),
            body(vec![item()], vec![content(1), content(1)]),
            with("sha256", json!("AB".repeat(32))),
            with("sha256", json!("ab")),
            with("name", json!("a\nb")),
            with("media_type", json!("x".repeat(256))),
            with("size", json!(-1)),
        ] {
            assert!(Delivered::read(&answered(&wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_refusal_is_recorded_by_its_slug_and_a_foreign_one_by_its_status() {
        let refused = |status, kind: &str| Outcome { status, body: json!({ "type": kind }).to_string().into_bytes() };
        assert_eq!(slug(&refused(409, "/problems/approval-expired")), "approval-expired");
        for foreign in ["about:blank", "/problems/Über", "/problems/", "/problems/a b"] {
            assert_eq!(slug(&refused(418, foreign)), "status-418", "{foreign}");
        }
        for (status, kind, last_word, about_approval) in [
            (409, "/problems/already-redeemed", true, true),
            (404, "/problems/token-not-valid", true, true),
            (403, "/problems/not-your-approval", true, true),
            (404, "/problems/not-found", true, false),
            (422, "/problems/invalid-body", true, false),
            (403, "/problems/forbidden", false, false),
            (401, "/problems/unauthenticated", false, false),
            (429, "/problems/rate-limited", false, false),
            (404, "about:blank", false, false),
        ] {
            let refused = refused(status, kind);
            assert_eq!((is_final(&refused), is_about_approval(&refused)), (last_word, about_approval), "{kind}");
        }
    }
}
