//! The list of families as actors. A new family is a line here.

use kippu_events::Family;
use kippu_events::approval::Approval;
use kippu_events::client::Client;
use kippu_events::placement::Placement;
use kippu_events::user::User;

use crate::erased::{AnyActor, Of};

/// The family's actor.
#[must_use]
pub fn actor(family: Family) -> &'static dyn AnyActor {
    match family {
        Family::Clients => const { &Of::<Client>::new() },
        Family::Users => const { &Of::<User>::new() },
        Family::Approvals => const { &Of::<Approval>::new() },
        Family::Placements => const { &Of::<Placement>::new() },
    }
}
