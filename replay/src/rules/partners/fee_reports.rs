//! The auditor's report: made once, and given to the partner once.

use kippu_events::partners::fee_reports::Event;

use crate::rules::{Rule, Seen};

/// What is remembered of a report.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Facts {
    #[default]
    Absent,
    Owed,
    Kept,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let (holds, next) = match event {
            Event::Made { to, .. } => (*self == Self::Absent, if to.is_some() { Self::Owed } else { Self::Kept }),
            Event::HandedOver {} | Event::Refused { .. } => (*self == Self::Owed, Self::Kept),
        };
        if !holds {
            seen.breach(Rule::Reported, format!("fee-reports/{} was {self:?} and became {next:?}", seen.id));
        }
        *self = next;
    }
}
