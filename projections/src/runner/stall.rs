//! A view that cannot take an event stalls alone: at which event, and why.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kippu_events::Recorded;
use kippu_events::event::EventId;

use crate::error::QueryError;
use crate::rows::Rows;
use crate::view::View;

/// The event that a view could not take. The view stays before it, in its partition, until the node is started again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stall {
    /// The event.
    pub event: EventId,
    /// Where its record lies.
    pub offset: u64,
    /// The view's error, or that it panicked.
    pub reason: String,
}

impl From<Stall> for QueryError {
    fn from(Stall { event, offset, reason }: Stall) -> Self {
        Self::Stalled { partition: event.partition, offset, reason: format!("event {event}: {reason}") }
    }
}

/// Lets `view` apply `event`. A panic is told like an error: what the view has written into `rows` until then MUST be
/// discarded in either case.
pub(super) fn apply(view: &dyn View, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), String> {
    // Views have no state of their own, and a panic in one is not amid a change of the rows: those of the batch go.
    match catch_unwind(AssertUnwindSafe(|| view.apply(event, rows))) {
        Ok(applied) => applied.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("the view panicked: {}", message(&*panic))),
    }
}

/// What a panic says.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why").to_owned()
}
