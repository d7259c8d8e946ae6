//! Area `partners`: rules for members, whose tickets and codes count once, and for what they pay during visits.

use kippu_events::Time;
use kippu_events::partners::member_visits::Event as Visit;
use kippu_events::partners::members::{Event as Member, Refusal};

use crate::rules::{Rule, Seen};

/// What is remembered of a member.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct OfMember {
    is_known: bool,
    is_forgotten: bool,
    tickets: u32,
    newest_step: Option<u64>,
    passwords_locked_until: Option<Time>,
    codes_locked_until: Option<Time>,
    copied_until: Option<Time>,
}

impl OfMember {
    pub(in crate::rules) fn take(&mut self, event: &Member, seen: &mut Seen<'_>) {
        let is_locked = |until: Option<Time>, now: Time| until.is_some_and(|until| now < until);
        let now = seen.time;
        let holds = match event {
            Member::Registered { .. } => !self.is_known && !self.is_forgotten,
            Member::Identified { ticket, .. } => {
                let in_time = self.copied_until.is_none_or(|until| now < until);
                let next = self.tickets.checked_add(1) == Some(*ticket);
                self.is_known && next && in_time && !is_locked(self.passwords_locked_until, now)
            }
            // Who is refused as nobody is nobody.
            Member::Refused { reason: Refusal::Unknown, .. } => !self.is_known,
            Member::Refused { reason: Refusal::Locked, .. } => is_locked(self.passwords_locked_until, now),
            Member::Refused { reason: Refusal::WrongPassword | Refusal::CopyOver, .. }
            | Member::ConsentChanged { .. }
            | Member::ClassSet { .. }
            | Member::CodeRefused { .. }
            | Member::Forgotten {} => self.is_known,
            Member::Confirmed { step, .. } => {
                self.is_known
                    && self.newest_step.is_none_or(|newest| newest < *step)
                    && !is_locked(self.codes_locked_until, now)
            }
            Member::Copied { .. } => !self.is_forgotten,
        };
        if !holds {
            seen.breach(Rule::Member, format!("members/{} was {self:?}, and then {event:?}", seen.id));
        }
        match event {
            Member::Registered { .. } => self.is_known = true,
            Member::Identified { ticket, .. } => {
                self.tickets = *ticket;
                self.passwords_locked_until = None;
            }
            Member::Refused { reason: Refusal::WrongPassword, locked_until, .. } => {
                self.passwords_locked_until = *locked_until;
            }
            Member::Confirmed { step, .. } => {
                self.newest_step = Some(*step);
                self.codes_locked_until = None;
            }
            Member::CodeRefused { locked_until, .. } => self.codes_locked_until = *locked_until,
            Member::Copied { until, .. } => {
                let tickets = self.tickets;
                *self = Self { is_known: true, tickets, copied_until: Some(*until), ..Self::default() };
            }
            Member::Forgotten {} => *self = Self { is_forgotten: true, ..Self::default() },
            Member::Refused { .. } | Member::ConsentChanged { .. } | Member::ClassSet { .. } => {}
        }
    }
}

/// What is remembered of a visit.
#[derive(Clone, Default, Debug)]
pub(crate) struct OfVisit {
    ends: Option<Time>,
    orders: u32,
    open: Vec<u32>,
}

impl OfVisit {
    pub(in crate::rules) fn take(&mut self, event: &Visit, seen: &mut Seen<'_>) {
        let goes_on = self.ends.is_some_and(|ends| seen.time < ends);
        let holds = match event {
            Visit::Opened { expires_at, .. } => self.ends.is_none() && seen.time < *expires_at,
            Visit::Ordered { order, .. } => goes_on && self.orders.checked_add(1) == Some(*order),
            Visit::Paid { order, .. } => goes_on && self.open.contains(order),
        };
        if !holds {
            seen.breach(Rule::Visit, format!("member-visits/{} was {self:?}, and then {event:?}", seen.id));
        }
        match event {
            Visit::Opened { expires_at, .. } => self.ends = Some(*expires_at),
            Visit::Ordered { order, .. } => {
                self.orders = *order;
                self.open.push(*order);
            }
            Visit::Paid { order, .. } => self.open.retain(|open| open != order),
        }
    }
}
