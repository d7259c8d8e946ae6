//! The auditor's approval: issued once, redeemed at most once and in time, settled at most once by who redeemed it and
//! for no more than was approved.

use kippu_events::approvals::{Event, RedeemRefusal};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Principal, Time};

use crate::rules::Seen;
use crate::rules::approvals::movements::{Call, Side};

/// What is remembered of an approval.
#[derive(Default)]
pub(crate) struct Facts {
    phase: Phase,
    terms: Option<Terms>,
    settler: Option<EntityId>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Phase {
    #[default]
    Absent,
    Refused,
    Issued,
    Redeemed,
    Settled,
    Expired,
    Revoked,
}

#[derive(Clone, Copy)]
struct Terms {
    user: EntityId,
    amount: Minor,
    currency: Currency,
    expires_at: Time,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        match event {
            Event::Issued { user, terminal, amount, currency, expires_at, limit, used, .. } => {
                seen.done_by(Principal::Client(*terminal));
                let terms = Terms { user: *user, amount: *amount, currency: *currency, expires_at: *expires_at };
                self.issued(terms, (limit.units(), used.units()), seen);
            }
            Event::Refused { .. } => self.step(&[Phase::Absent], Phase::Refused, "issue-once", seen),
            Event::Redeemed { settler, amount, currency } => self.redeemed(*settler, *amount, *currency, seen),
            Event::RedeemRefused { settler, reason } => self.refusal(*settler, *reason, seen),
            Event::Settled { settler, amount, currency } => self.settled(*settler, *amount, *currency, seen),
            Event::Expired {} => {
                seen.done_by(Principal::Deadline);
                self.step(&[Phase::Issued], Phase::Expired, "over-once", seen);
                let Some(terms) = self.terms else { return };
                if seen.time < terms.expires_at {
                    seen.breach("expiry", format!("expired at {}, before its end {}", seen.time, terms.expires_at));
                }
                call(seen, &terms, Call::Drop { approved: terms.amount.units() });
            }
            Event::Revoked {} => {
                let before = self.phase;
                self.step(&[Phase::Issued, Phase::Redeemed], Phase::Revoked, "over-once", seen);
                let Some(terms) = self.terms else { return };
                let approved = terms.amount.units();
                let redeemed = before == Phase::Redeemed;
                call(seen, &terms, if redeemed { Call::Undo { approved } } else { Call::Drop { approved } });
            }
        }
    }

    /// Decided on a limit, and on what was used of it.
    fn issued(&mut self, terms: Terms, (limit, used): (u64, u64), seen: &mut Seen<'_>) {
        self.step(&[Phase::Absent], Phase::Issued, "issue-once", seen);
        let Terms { amount, currency, expires_at, .. } = terms;
        if expires_at < seen.time {
            seen.breach("expiry", format!("issued at {}, after its own end {expires_at}", seen.time));
        }
        self.terms = Some(terms);
        call(seen, &terms, Call::Issue { amount: amount.units(), currency, limit, used });
    }

    fn redeemed(&mut self, settler: EntityId, amount: Minor, currency: Currency, seen: &mut Seen<'_>) {
        seen.done_by(Principal::Client(settler));
        self.step(&[Phase::Issued], Phase::Redeemed, "redeem-once", seen);
        self.settler = Some(settler);
        let Some(terms) = self.terms else { return };
        if seen.time >= terms.expires_at {
            seen.breach("expiry", format!("redeemed at {}, but it ended at {}", seen.time, terms.expires_at));
        }
        if (amount, currency) != (terms.amount, terms.currency) {
            let Terms { amount: approved, currency: of, .. } = terms;
            seen.breach("amount", format!("{amount} {currency} permitted, but {approved} {of} approved"));
        }
        call(seen, &terms, Call::Permit { amount: terms.amount.units() });
    }

    fn settled(&mut self, settler: EntityId, amount: Minor, currency: Currency, seen: &mut Seen<'_>) {
        seen.done_by(Principal::Client(settler));
        self.step(&[Phase::Redeemed], Phase::Settled, "settle-once", seen);
        if self.settler != Some(settler) {
            seen.breach("settler", format!("settled by clients/{settler}, who did not redeem it"));
        }
        let Some(terms) = self.terms else { return };
        if amount > terms.amount || currency != terms.currency {
            let Terms { amount: approved, currency: of, .. } = terms;
            seen.breach("amount", format!("{amount} {currency} settled, but {approved} {of} approved"));
        }
        call(seen, &terms, Call::Settle { approved: terms.amount.units(), amount: amount.units() });
    }

    fn step(&mut self, from: &[Phase], to: Phase, rule: &'static str, seen: &mut Seen<'_>) {
        if !from.contains(&self.phase) {
            seen.breach(rule, format!("approvals/{} was {:?} and became {to:?}", seen.id, self.phase));
        }
        self.phase = to;
    }

    /// A refusal must be true.
    fn refusal(&self, settler: EntityId, reason: RedeemRefusal, seen: &mut Seen<'_>) {
        seen.done_by(Principal::Client(settler));
        let over = self.terms.is_some_and(|terms| seen.time >= terms.expires_at);
        let holds = match reason {
            RedeemRefusal::AlreadyRedeemed => matches!(self.phase, Phase::Redeemed | Phase::Settled),
            RedeemRefusal::Expired => self.phase == Phase::Expired || (self.phase == Phase::Issued && over),
            RedeemRefusal::Revoked => self.phase == Phase::Revoked,
        };
        if !holds {
            seen.breach("refusal", format!("refused as {reason:?}, but approvals/{} was {:?}", seen.id, self.phase));
        }
    }
}

fn call(seen: &mut Seen<'_>, terms: &Terms, what: Call) {
    seen.movements.call(Side { place: seen.place, user: terms.user, approval: seen.id, what });
}
