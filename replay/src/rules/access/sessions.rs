//! The auditor's sessions: who was not signed in could not have been.

use kippu_events::access::sessions::{Event, SignInRefusal};

use crate::rules::Seen;
use crate::rules::approvals::refusals::Reason;

/// The sessions of a user are an entity with the id of the user.
pub(in crate::rules) fn take(event: &Event, seen: &mut Seen<'_>) {
    let reason = match event {
        Event::Refused { reason } => match reason {
            SignInRefusal::UnknownUser => Reason::NotOrSuspended,
            SignInRefusal::NoPin => Reason::NoPin,
            SignInRefusal::WrongPin => Reason::WrongPin,
            SignInRefusal::PinLocked => Reason::PinLocked,
        },
        Event::Opened { .. } | Event::Used { .. } | Event::Ended { .. } => return,
    };
    let (place, user) = (seen.place, seen.id);
    seen.movements.refused(place, user, reason, seen.time);
}
