//! The list of views. A new view is a line here.

use std::sync::Arc;

use crate::view::View;
use crate::views::approvals::Approvals;
use crate::views::clients::Clients;
use crate::views::history::History;
use crate::views::placements::Placements;
use crate::views::spending::Spending;
use crate::views::users::Users;

/// Every view, in the order in which they are shown.
#[must_use]
pub fn views() -> Vec<Arc<dyn View>> {
    vec![
        Arc::new(Users),
        Arc::new(Approvals),
        Arc::new(Spending),
        Arc::new(Clients),
        Arc::new(Placements),
        Arc::new(History),
    ]
}
