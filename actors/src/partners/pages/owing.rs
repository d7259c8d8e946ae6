//! What a tie-up page owes the main site: one thing at a time. Bytes come first, so that nobody is told of what is not here.

use kippu_events::partners::pages::{Became, Content, Offer, Page, Phase, Report, Shown, TieUp, Writer};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey};
use serde_json::json;

use crate::activity::Work;

/// The field under which the main site's capability is encrypted.
pub(super) const CAPABILITY: &str = "capability";

/// What is owed now.
pub(super) enum Owes<'a> {
    /// To fetch the bytes of a revision.
    Fetch(&'a Offer),
    /// To tell what became of one.
    Report(&'a Report),
    /// To fetch the bytes of what is shown again.
    Restore(&'a Content),
}

/// What `page` owes now.
pub(super) fn owes(page: &TieUp) -> Option<Owes<'_>> {
    if let Some(offer) = page.offer.as_ref().filter(|offer| matches!(offer.phase, Phase::Fetching { .. })) {
        return Some(Owes::Fetch(offer));
    }
    if let Some(report) = &page.report {
        return Some(Owes::Report(report));
    }
    // What was repaired here the main site never had.
    let is_of_main = |shown: &&Shown| shown.damaged && shown.by == Writer::Main && shown.content == shown.source;
    // What was made of it here is made again.
    page.shown.as_ref().filter(is_of_main).map(|shown| Owes::Restore(&shown.content))
}

/// What is to be done; nothing where a key is gone.
pub(super) fn work(id: EntityId, page: &TieUp, secrets: &Secrets) -> Option<Work> {
    let content = match owes(page)? {
        Owes::Fetch(offer) => &offer.content,
        Owes::Restore(content) => content,
        Owes::Report(report) => return Some(told(page, report)),
    };
    Some(Work::Fetch {
        path: format!("/v1/page-deliveries/{}/content/{}", page.delivery, content.sha256),
        capability: secrets.decrypt_here(EntityKey::of::<Page>(id), CAPABILITY, &page.capability).ok()?,
        sha256: content.sha256.to_string(),
        size: content.size,
    })
}

fn told(page: &TieUp, report: &Report) -> Work {
    let mut body = json!({ "revision": report.revision, "sha256": report.sha256 });
    match report.became {
        Became::Applied => body["became"] = json!("applied"),
        Became::Declined(by) => {
            body["became"] = json!("declined");
            body["by"] = json!(by);
        }
    }
    if let Some(reason) = &report.reason {
        body["reason"] = json!(reason);
    }
    Work::Command { path: format!("/v1/page-deliveries/{}/report", page.delivery), body: body.to_string().into_bytes() }
}
