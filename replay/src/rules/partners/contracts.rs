//! The auditor's contract: terms numbered without gaps, answered once, and nothing agreed after the end.

use std::collections::BTreeMap;

use kippu_events::Time;
use kippu_events::partners::contracts::Event;

use crate::rules::{Rule, Seen};

/// What is remembered of a contract.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    /// When the terms with each number begin, and whether they were answered.
    terms: BTreeMap<u32, (Time, bool)>,
    /// When the newest accepted terms begin.
    accepted_from: Option<Time>,
    ends_at: Option<Time>,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let holds = match event {
            Event::Proposed { number, from, .. } => {
                let next = self.terms.last_key_value().map_or(1, |(last, _)| last.saturating_add(1));
                let is_open = self.terms.values().any(|(_, is_answered)| !is_answered);
                self.terms.insert(*number, (*from, false));
                *number == next && !is_open && self.ends_at.is_none()
            }
            Event::Accepted { number, .. } => {
                let from = self.answer(*number);
                let is_later = from.is_some_and(|from| self.accepted_from.is_none_or(|before| before < from));
                self.accepted_from = from.or(self.accepted_from);
                is_later && self.ends_at.is_none()
            }
            Event::Declined { number, .. } => self.answer(*number).is_some() && self.ends_at.is_none(),
            Event::Ended { at, .. } => {
                let is_earlier = self.ends_at.is_none_or(|before| *at < before);
                self.ends_at = Some(*at);
                is_earlier && !self.terms.is_empty()
            }
            Event::Told { .. } | Event::NotTold { .. } => !self.terms.is_empty(),
        };
        if !holds {
            seen.breach(Rule::Terms, format!("contracts/{} is {self:?} after that", seen.id));
        }
    }

    /// When the terms with this number begin, where they were not answered before.
    fn answer(&mut self, number: u32) -> Option<Time> {
        let (from, is_answered) = self.terms.get_mut(&number)?;
        let is_first = !std::mem::replace(is_answered, true);
        is_first.then_some(*from)
    }
}
