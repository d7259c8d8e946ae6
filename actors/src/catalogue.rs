//! The list of families as actors. A new family is a line here.

use kippu_events::Family;

use crate::erased::AnyActor;

/// The family's actor.
#[must_use]
#[allow(clippy::todo, clippy::missing_panics_doc)]
pub fn actor(family: Family) -> &'static dyn AnyActor {
    match family {
        Family::Clients | Family::Users | Family::Approvals | Family::Placements => todo!(),
    }
}
