//! What contracts decide.

use kippu_events::partners::contracts::{Contract, Event, Known, Side, Standing, Version};
use kippu_events::{EntityId, Time};

use super::refusal::Refused;
use super::request::{Doing, MOST_VERSIONS};

/// What becomes of what the party `by` asks for, at its own node or, where it is not `here`, at the other party's.
pub(super) fn event(state: &Contract, by: EntityId, here: bool, doing: &Doing) -> Result<Event, Refused> {
    if let Doing::Propose { partner, number, from, terms, sha256 } = doing {
        next_number(state, *number, *from)?;
        let (terms, sha256) = (terms.clone(), sha256.clone());
        return Ok(Event::Proposed { main: by, partner: *partner, number: *number, from: *from, sha256, terms, here });
    }
    let known = state.known().ok_or(Refused::Unknown)?;
    let side = known.side(by).ok_or(Refused::NotYours)?;
    match doing {
        Doing::Propose { .. } => Err(Refused::NotYours),
        Doing::Accept { number, sha256 } => {
            let version = open(known, side, *number)?;
            if version.sha256 != *sha256 {
                return Err(Refused::OtherTerms);
            }
            // What was accepted meanwhile may begin later than this.
            if known.accepted().any(|before| before.from >= version.from) {
                return Err(Refused::BeginsBefore);
            }
            Ok(Event::Accepted { number: *number, here })
        }
        Doing::Decline { number, reason } => {
            open(known, side, *number)?;
            Ok(Event::Declined { number: *number, reason: reason.clone(), here })
        }
        Doing::End { at } => {
            // Both may end it at once, each at its own node: the earlier end counts at both.
            if known.ends_at.is_some_and(|end| end <= *at) {
                return Err(Refused::Ended);
            }
            // The other party's end may have crossed an acceptance here. Terms behind it never count.
            if here && known.accepted().any(|version| version.from >= *at) {
                return Err(Refused::EndsBefore);
            }
            Ok(Event::Ended { at: *at, by: side, here })
        }
    }
}

/// The terms with this number, which the partner has not answered.
fn open(known: &Known, side: Side, number: u32) -> Result<&Version, Refused> {
    if side != Side::Partner {
        return Err(Refused::NotYours);
    }
    if known.ends_at.is_some() {
        return Err(Refused::Ended);
    }
    let version = known.version(number).ok_or(Refused::NoSuchTerms)?;
    if version.standing == Standing::Proposed { Ok(version) } else { Err(Refused::Answered) }
}

/// Terms have the next number, one after the other: what two people propose at once is told apart.
fn next_number(state: &Contract, number: u32, from: Time) -> Result<(), Refused> {
    let Some(known) = state.known() else {
        return if number == 1 { Ok(()) } else { Err(Refused::NotNext { next: 1 }) };
    };
    if known.ends_at.is_some() {
        return Err(Refused::Ended);
    }
    let last = known.versions.last();
    let next = last.map_or(1, |version| version.number.saturating_add(1));
    if number != next {
        return Err(Refused::NotNext { next });
    }
    if known.versions.len() >= MOST_VERSIONS {
        return Err(Refused::TooMany);
    }
    if last.is_some_and(|version| version.standing == Standing::Proposed) {
        return Err(Refused::NotAnswered);
    }
    if known.accepted().any(|version| version.from >= from) { Err(Refused::BeginsBefore) } else { Ok(()) }
}

/// What came of telling the other party.
pub(super) fn came_of(state: &Contract, attempt: u32, refusal: Option<&str>) -> Result<Event, Refused> {
    let is_owed = state.known().is_some_and(|known| known.told == attempt && !known.untold.is_empty());
    match refusal {
        _ if !is_owed => Err(Refused::NotDue),
        None => Ok(Event::Told { attempt }),
        Some(reason) => Ok(Event::NotTold { attempt, reason: reason.to_owned() }),
    }
}
