//! What statements of fees decide.

use kippu_events::Time;
use kippu_events::partners::contracts::Side;
use kippu_events::partners::fee_statements::{Event, FeeStatement, Known, Phase};

use super::refusal::Refused;
use super::request::Doing;

/// What becomes of what a party does, at its own node or, where it is not `here`, at the other party's.
pub(super) fn event(state: &FeeStatement, side: Side, here: bool, doing: &Doing, now: Time) -> Result<Event, Refused> {
    match doing {
        Doing::Sign { main, partner, said, signed, ends_at } => {
            if side != Side::Main {
                return Err(Refused::NotYours);
            }
            if now < *ends_at {
                return Err(Refused::NotOver { until: *ends_at });
            }
            let next = match state.known() {
                None => 1,
                Some(known) => next(known)?,
            };
            if said.number != next {
                return Err(Refused::NotNext { next });
            }
            let (main, partner, said, signed) = (*main, *partner, said.clone(), signed.clone());
            Ok(Event::Signed { main, partner, said, signed, here })
        }
        Doing::Cosign { said, signed } => {
            let known = asked(state, side, said.number)?;
            if !known.said.0.agrees(said) {
                return Err(Refused::Differs);
            }
            Ok(Event::Cosigned { said: said.clone(), signed: signed.clone(), here })
        }
        Doing::Dispute { number, differences, reason } => {
            asked(state, side, *number)?;
            Ok(Event::Disputed { number: *number, differences: differences.clone(), reason: reason.clone(), here })
        }
    }
}

/// The number of the next statement of the month, where there may be one.
fn next(known: &Known) -> Result<u32, Refused> {
    let last = known.said.0.number;
    match known.phase {
        Phase::Cosigned { .. } => Err(Refused::Closed),
        // What the partner site has refused to take, it has not.
        Phase::Signed if known.refused.is_some() => Ok(last),
        Phase::Signed => Err(Refused::NotAnswered),
        Phase::Disputed { .. } => Ok(last.saturating_add(1)),
    }
}

/// The statement that the partner site is asked to sign.
fn asked(state: &FeeStatement, side: Side, number: u32) -> Result<&Known, Refused> {
    let known = state.known().ok_or(Refused::Unknown)?;
    if side != Side::Partner {
        return Err(Refused::NotYours);
    }
    match known.phase {
        // What the main site has refused to take, it has not.
        Phase::Cosigned { .. } if known.refused.is_none() => Err(Refused::Closed),
        Phase::Disputed { .. } if known.refused.is_none() => Err(Refused::Answered),
        Phase::Signed | Phase::Cosigned { .. } | Phase::Disputed { .. } if known.said.0.number != number => {
            Err(Refused::NotNext { next: known.said.0.number })
        }
        Phase::Signed | Phase::Cosigned { .. } | Phase::Disputed { .. } => Ok(known),
    }
}

/// What came of telling the other party.
pub(super) fn came_of(state: &FeeStatement, attempt: u32, refusal: Option<&str>) -> Result<Event, Refused> {
    let is_owed = state.known().is_some_and(|known| known.told == attempt && known.untold.is_some());
    match refusal {
        _ if !is_owed => Err(Refused::NotDue),
        None => Ok(Event::Told { attempt }),
        Some(reason) => Ok(Event::NotTold { attempt, reason: reason.to_owned() }),
    }
}
