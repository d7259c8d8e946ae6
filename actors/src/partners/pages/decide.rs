//! What pages decide: who may write which, and what is shown when.

use std::time::Duration;

use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{Known, PageRights, Terms, Way};
use kippu_events::partners::pages::{Decliner, Event, Offer, Overlay, Page, Phase, TieUp};
use kippu_events::{EntityId, Time};

use super::owing::{Owes, owes};
use super::refusal::Refused;
use super::request::{Brought, Written};

/// The terms of `contract` that count now.
fn terms(contract: &Known, now: Time) -> Result<&Terms, Refused> {
    contract.at(now).map(|version| &*version.terms).ok_or(Refused::NotInForce)
}

/// The operator of the site writes a page: its own, or a tie-up page where the contract says that it may be repaired.
pub(super) fn write(page: &Page, written: &Written, now: Time) -> Result<Event, Refused> {
    let content = written.content.clone();
    match (page, &written.repairs) {
        (Page::Absent | Page::Own(_), Some(_)) => Err(Refused::OtherContract),
        (Page::Absent | Page::Own(_), None) => Ok(Event::Revised {
            path: written.path.clone(),
            revision: newest(page).saturating_add(1),
            content,
            tie_up: written.tie_up,
            part: written.part,
            category: written.category.clone(),
            layout: written.recipe.layout.clone(),
            links: written.recipe.links,
        }),
        (Page::TieUp(_), None) => Err(Refused::TieUpPage),
        (Page::TieUp(tie_up), Some((id, contract))) => {
            if *id != tie_up.contract {
                return Err(Refused::OtherContract);
            }
            // What was never shown cannot be repaired.
            let shown = tie_up.shown.as_ref().ok_or(Refused::TieUpPage)?;
            match terms(contract, now)?.pages.rights {
                PageRights::Repair => Ok(Event::Repaired { revision: shown.revision, content }),
                PageRights::Brand => Err(Refused::Brand),
            }
        }
    }
}

/// The newest revision that there is of a page.
fn newest(page: &Page) -> u32 {
    match page {
        Page::Absent => 0,
        Page::Own(own) => own.newest(),
        Page::TieUp(tie_up) => tie_up.newest(),
    }
}

/// The operator has a tie-up page shown with a difference, or without any.
pub(super) fn overlay(
    page: &Page,
    (id, contract): (EntityId, &Known),
    overlay: Option<Overlay>,
    now: Time,
) -> Result<Event, Refused> {
    let tie_up = match page {
        Page::Absent => return Err(Refused::Unknown),
        Page::Own(_) => return Err(Refused::OtherContract),
        Page::TieUp(tie_up) if tie_up.contract != id => return Err(Refused::OtherContract),
        Page::TieUp(tie_up) => tie_up,
    };
    if terms(contract, now)?.pages.rights == PageRights::Brand {
        return Err(Refused::Brand);
    }
    if tie_up.overlay == overlay { Err(Refused::NotDue) } else { Ok(Event::Overlaid { overlay }) }
}

/// The main site brings a revision. Where nothing of it is copied, links lead to it at once.
pub(super) fn update(page: &Page, brought: &Brought, now: Time) -> Result<Vec<Event>, Refused> {
    let (id, contract) = &brought.contract;
    match page {
        Page::Own(_) => return Err(Refused::Original),
        Page::TieUp(tie_up) if tie_up.contract != *id => return Err(Refused::OtherContract),
        Page::Absent | Page::TieUp(_) => {}
    }
    let terms = terms(contract, now)?;
    if !terms.brings(brought.part) {
        return Err(Refused::OtherPart);
    }
    let newest = newest(page);
    if brought.revision <= newest {
        return Err(Refused::NotNewer { newest });
    }
    let (revision, sha256, way) = (brought.revision, brought.content.sha256, terms.pages.way);
    let offered = Event::Offered {
        contract: *id,
        main: contract.main,
        delivery: brought.delivery,
        path: brought.path.clone(),
        revision: brought.revision,
        content: brought.content.clone(),
        part: brought.part,
        capability: brought.capability.clone(),
        answer_secs: terms.pages.asks(),
        category: brought.category.clone(),
        layout: brought.recipe.layout.clone(),
        links: brought.recipe.links,
        way,
    };
    Ok(match way {
        Way::Links => vec![offered, Event::Linked { revision, sha256 }],
        Way::Overwrite | Way::Switch => vec![offered],
    })
}

fn updated(offer: &Offer) -> Event {
    Event::Updated { revision: offer.revision, sha256: offer.shows().sha256 }
}

fn declined(offer: &Offer, by: Decliner, reason: Option<String>) -> Event {
    Event::Declined { revision: offer.revision, sha256: offer.shows().sha256, by, reason }
}

/// The revision that waits for an answer, and until when.
fn held(page: &Page) -> Option<(&Offer, Time)> {
    let Page::TieUp(tie_up) = page else { return None };
    let offer = tie_up.offer.as_ref()?;
    match offer.phase {
        Phase::Held { until } => Some((offer, until)),
        Phase::Fetching { .. } | Phase::Making { .. } => None,
    }
}

/// Until when somebody is waited for.
pub(super) fn due(page: &Page) -> Option<Time> {
    held(page).map(|(_, until)| until)
}

/// The manager answers: about the very bytes that were looked at.
pub(super) fn answer(
    page: &Page,
    (revision, sha256): (u32, BlobId),
    (agrees, reason): (bool, Option<&String>),
    now: Time,
) -> Result<Event, Refused> {
    let (offer, until) = held(page).ok_or(Refused::NotAsked)?;
    if offer.revision != revision || offer.shows().sha256 != sha256 {
        return Err(Refused::NotAsked);
    }
    if until <= now {
        return Err(Refused::TooLate);
    }
    Ok(if agrees { updated(offer) } else { declined(offer, Decliner::Manager, reason.cloned()) })
}

/// Nobody has answered.
pub(super) fn time_up(page: &Page, now: Time) -> Result<Event, Refused> {
    match held(page) {
        Some((offer, until)) if until <= now => Ok(declined(offer, Decliner::Deadline, None)),
        Some(_) | None => Err(Refused::NotDue),
    }
}

/// What came of what was owed to the main site.
pub(super) fn came_of(page: &Page, attempt: u32, refusal: Option<&str>, now: Time) -> Result<Event, Refused> {
    let Page::TieUp(tie_up) = page else { return Err(Refused::NotDue) };
    let owed = owes(tie_up).filter(|_| tie_up.attempt == attempt).ok_or(Refused::NotDue)?;
    match (owed, refusal) {
        (Owes::Fetch(offer), None) => Ok(fetched(tie_up, offer, now)),
        (Owes::Fetch(offer), Some(reason)) => Ok(declined(offer, Decliner::Node, Some(reason.to_owned()))),
        (Owes::Restore(content), None) => Ok(Event::Restored { sha256: content.sha256 }),
        (Owes::Restore(_), Some(_)) => Err(Refused::NotRestored),
        (Owes::Report(_), None) => Ok(Event::Told { attempt }),
        (Owes::Report(_), Some(reason)) => Ok(Event::NotTold { attempt, reason: reason.to_owned() }),
    }
}

fn fetched(page: &TieUp, offer: &Offer, now: Time) -> Event {
    let (revision, sha256) = (offer.revision, offer.content.sha256);
    if page.is_made() {
        return Event::Fetched { revision, sha256 };
    }
    match offer.answer_secs() {
        Some(secs) => Event::Held { revision, sha256, until: now.after(Duration::from_secs(secs.into())) },
        None => updated(offer),
    }
}

/// The node has looked at the bytes of what is shown.
pub(super) fn looked(page: &Page, sha256: BlobId, found: Option<BlobId>) -> Result<Event, Refused> {
    let shown = page.shown().filter(|shown| shown.content.sha256 == sha256).ok_or(Refused::NotDue)?;
    match (found == Some(sha256), shown.damaged) {
        (true, true) => Ok(Event::Restored { sha256 }),
        (false, false) => Ok(Event::Damaged { sha256, found }),
        (true, false) | (false, true) => Err(Refused::NotDue),
    }
}
