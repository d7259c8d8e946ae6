//! The auditor's approval: issued once, redeemed at most once, in time and by a settler of its shop, settled at most once by who
//! redeemed it and for no more than was approved, and given back up to what was settled.

use kippu_events::approvals::{Event, Inquiry, Named, Offered, RedeemRefusal, RequestRefusal, Told};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Principal, Time};

use super::calls::Call;
use super::movements::Side;
use super::refusals::Reason;
use crate::rules::{Rule, Seen};

/// What is remembered of an approval.
#[derive(Default)]
pub(crate) struct Facts {
    phase: Phase,
    terms: Option<Terms>,
    /// While it is pending: what is reserved, who is asked, and until when.
    asked: Option<(u64, EntityId, Time)>,
    settler: Option<EntityId>,
    redeemed_at: Time,
    settled_at: Time,
    settled: u64,
    refunded: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Phase {
    #[default]
    Absent,
    Refused,
    Pending,
    Issued,
    Redeemed,
    Settled,
    Expired,
    Revoked,
    Released,
}

#[derive(Clone)]
struct Terms {
    user: EntityId,
    terminal: EntityId,
    amount: Minor,
    currency: Currency,
    expires_at: Time,
    offer: Option<Box<Offered>>,
}

impl Terms {
    fn admits(&self, settler: EntityId) -> bool {
        self.offer.as_ref().is_none_or(|offer| offer.settlers.contains(&settler))
    }

    /// Whether something else is named than what was approved.
    fn differ_from(&self, named: &Named) -> bool {
        let sha256 = self.offer.as_ref().map(|offer| &offer.sha256);
        (named.offer_sha256.is_some() && named.offer_sha256.as_ref() != sha256)
            || named.amount.is_some_and(|amount| amount != self.amount)
            || named.currency.is_some_and(|currency| currency != self.currency)
    }
}

/// Who asked did so, and no user for another one.
fn asked_by(asker: EntityId, user: EntityId, seen: &mut Seen<'_>) {
    seen.done_by_asker(asker);
    if matches!(seen.principal, Principal::User(id) if id != user) {
        seen.breach(Rule::Principal, format!("asked for by {}, within the limit of {user}", seen.principal));
    }
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        match event {
            Event::Pending {
                user, terminal, amount, currency, offer, reserved, limit, used, reference, until, ..
            } => {
                asked_by(*terminal, *user, seen);
                self.step(&[Phase::Absent], Phase::Pending, Rule::IssueOnce, seen);
                if *reserved != Minor::ZERO && reserved != amount {
                    seen.breach(Rule::Amount, format!("{reserved} reserved of {amount}"));
                }
                self.asked = Some((reserved.units(), *reference, *until));
                let (user, terminal, amount, currency) = (*user, *terminal, *amount, *currency);
                let terms = Terms { user, terminal, amount, currency, expires_at: *until, offer: offer.clone() };
                let (reserved, limit, used) = (reserved.units(), limit.units(), used.units());
                call(seen, &terms, Call::Ask { reserved, currency, limit, used });
                self.terms = Some(terms);
            }
            Event::Issued { user, terminal, amount, currency, offer, expires_at, limit, used, inquiry, .. } => {
                let (user, terminal, amount, currency) = (*user, *terminal, *amount, *currency);
                let terms = Terms { user, terminal, amount, currency, expires_at: *expires_at, offer: offer.clone() };
                self.issued(terms, (limit.units(), used.units()), *inquiry, seen);
            }
            Event::Refused { user, reason, inquiry, amount, currency, offer, .. } => {
                let offer_ends = offer.as_ref().map(|offer| offer.expires_at);
                if let Some(reason) = self.reason(*reason, (*amount, *currency, offer_ends), *inquiry) {
                    seen.movements.refused(seen.place, *user, reason, seen.time);
                }
                self.refused(*reason, *inquiry, *amount, seen);
            }
            Event::Collected { by, amount, expires_at, .. } => {
                seen.done_by(*by);
                let is_so = |terms: &Terms| (*amount, *expires_at) == (terms.amount, terms.expires_at);
                let good = self.phase == Phase::Issued && seen.time < *expires_at;
                if !good || !self.terms.as_ref().is_some_and(is_so) {
                    seen.breach(Rule::Collect, format!("collected while approvals/{} was {:?}", seen.id, self.phase));
                }
            }
            Event::Redeemed { settler, amount, currency, .. } => self.redeemed(*settler, *amount, *currency, seen),
            Event::RedeemRefused { settler, reason, named } => self.refusal(*settler, *reason, named, seen),
            Event::Settled { settler, amount, currency, .. } => self.settled(*settler, *amount, *currency, seen),
            Event::Refunded { amount, currency, total } => self.refunded(*amount, *currency, *total, seen),
            Event::Expired {} => {
                seen.done_by(Principal::Deadline);
                if let Some(terms) = self.terms.as_ref().filter(|terms| seen.time < terms.expires_at) {
                    let ends = terms.expires_at;
                    seen.breach(Rule::Expiry, format!("expired at {}, before its end {ends}", seen.time));
                }
                self.over(&[Phase::Issued], Phase::Expired, seen);
            }
            Event::Revoked {} => self.over(&[Phase::Pending, Phase::Issued, Phase::Redeemed], Phase::Revoked, seen),
            Event::Released { settler } => {
                seen.done_by_party(*settler);
                let is_bound = self.settler.is_none_or(|bound| bound == *settler);
                if !is_bound || !self.terms.as_ref().is_some_and(|terms| terms.admits(*settler)) {
                    seen.breach(Rule::Settler, format!("released by {settler}, who could not settle it"));
                }
                self.over(&[Phase::Issued, Phase::Redeemed], Phase::Released, seen);
            }
        }
    }

    /// Decided on a limit, on what was used of it, and on what a reference told where one was asked.
    fn issued(&mut self, terms: Terms, (limit, used): (u64, u64), inquiry: Option<Inquiry>, seen: &mut Seen<'_>) {
        let asked = self.asked.take().filter(|_| self.phase == Phase::Pending);
        match asked {
            None => asked_by(terms.terminal, terms.user, seen),
            Some(_) => seen.done_by(Principal::Activity),
        }
        let is_told = |it: Inquiry| (Some(it.party), it.told) == (asked.map(|(_, party, _)| party), Told::Good);
        if inquiry.is_some() != asked.is_some() || !inquiry.is_none_or(is_told) {
            seen.breach(Rule::Inquiry, format!("approved on {inquiry:?}, having asked {asked:?}"));
        }
        let is_same = |before: &Terms| {
            (before.user, before.terminal, before.amount, before.currency, &before.offer)
                == (terms.user, terms.terminal, terms.amount, terms.currency, &terms.offer)
        };
        if asked.is_some() && !self.terms.as_ref().is_some_and(is_same) {
            seen.breach(Rule::Amount, "issued for something else than what was asked for");
        }
        self.step(&[Phase::Absent, Phase::Pending], Phase::Issued, Rule::IssueOnce, seen);
        let Terms { amount, currency, expires_at, .. } = terms;
        let offer_over = terms.offer.as_ref().is_some_and(|offer| offer.expires_at < expires_at);
        if expires_at < seen.time || offer_over {
            seen.breach(Rule::Expiry, format!("issued at {} until {expires_at}", seen.time));
        }
        let (amount, reserved) = (amount.units(), asked.map_or(0, |(reserved, ..)| reserved));
        let told = inquiry.and_then(|inquiry| inquiry.limit).map(Minor::units);
        let asked = asked.is_some();
        call(seen, &terms, Call::Issue { amount, reserved, currency, limit, used, asked, told });
        self.terms = Some(terms);
    }

    /// Whether it may still hold what it reserved.
    pub(in crate::rules) const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Pending | Phase::Issued | Phase::Redeemed)
    }

    /// What the account has to show for a refusal; nothing where a reference has to.
    fn reason(
        &self,
        reason: RequestRefusal,
        (amount, currency, offer_ends): (Minor, Currency, Option<Time>),
        inquiry: Option<Inquiry>,
    ) -> Option<Reason> {
        Some(match reason {
            RequestRefusal::NotIdentified => Reason::NotIdentified,
            RequestRefusal::PinLocked => Reason::PinLocked,
            RequestRefusal::UserSuspended => Reason::Suspended,
            RequestRefusal::OfferExpired => Reason::OfferOver(offer_ends),
            RequestRefusal::CurrencyMismatch => Reason::OtherCurrency(currency),
            RequestRefusal::LimitExceeded => Reason::OverLimit {
                amount: amount.units(),
                reserved: self.asked.map_or(0, |(reserved, ..)| reserved),
                asked: inquiry.is_some(),
                told: inquiry.and_then(|inquiry| inquiry.limit).map(Minor::units),
            },
            RequestRefusal::CreditRefused | RequestRefusal::ReferenceFailed => return None,
        })
    }

    /// A refusal at once, or after a reference was asked.
    fn refused(&mut self, reason: RequestRefusal, inquiry: Option<Inquiry>, amount: Minor, seen: &mut Seen<'_>) {
        let asked = self.asked.take().filter(|_| self.phase == Phase::Pending);
        self.step(&[Phase::Absent, Phase::Pending], Phase::Refused, Rule::IssueOnce, seen);
        let (Some((reserved, party, until)), Some(told)) = (asked, inquiry) else {
            let by_reference = matches!(reason, RequestRefusal::CreditRefused | RequestRefusal::ReferenceFailed);
            if asked.is_some() || inquiry.is_some() || by_reference {
                seen.breach(Rule::Inquiry, format!("refused as {reason:?} on {inquiry:?}, having asked {asked:?}"));
            }
            return;
        };
        let in_vain = told.told == Told::Nothing;
        seen.done_by(if in_vain { Principal::Deadline } else { Principal::Activity });
        let holds = match told.told {
            Told::Nothing => reason == RequestRefusal::ReferenceFailed && until <= seen.time,
            Told::Unusable => reason == RequestRefusal::ReferenceFailed,
            Told::Bad | Told::Unknown => reason == RequestRefusal::CreditRefused,
            Told::Good => match reason {
                RequestRefusal::CreditRefused => told.limit.is_some_and(|limit| limit < amount),
                RequestRefusal::LimitExceeded | RequestRefusal::OfferExpired | RequestRefusal::UserSuspended => true,
                RequestRefusal::CurrencyMismatch
                | RequestRefusal::NotIdentified
                | RequestRefusal::PinLocked
                | RequestRefusal::ReferenceFailed => false,
            },
        };
        if !holds || told.party != party {
            seen.breach(Rule::Inquiry, format!("refused as {reason:?} on {told:?}, having asked {party}"));
        }
        let Some(terms) = &self.terms else { return };
        call(seen, terms, Call::Withdraw { reserved, told: told.limit.map(Minor::units) });
    }

    fn redeemed(&mut self, settler: EntityId, amount: Minor, currency: Currency, seen: &mut Seen<'_>) {
        seen.done_by_party(settler);
        self.step(&[Phase::Issued], Phase::Redeemed, Rule::RedeemOnce, seen);
        (self.settler, self.redeemed_at) = (Some(settler), seen.time);
        let Some(terms) = &self.terms else { return };
        if seen.time >= terms.expires_at {
            seen.breach(Rule::Expiry, format!("redeemed at {}, but it ended at {}", seen.time, terms.expires_at));
        }
        if !terms.admits(settler) {
            seen.breach(Rule::Settler, format!("redeemed by {settler}, to whom the shop is not related"));
        }
        self.amount(amount, currency, |approved| amount == approved, seen);
        call(seen, terms, Call::Permit { amount: terms.amount.units() });
    }

    fn settled(&mut self, settler: EntityId, amount: Minor, currency: Currency, seen: &mut Seen<'_>) {
        seen.done_by_party(settler);
        self.step(&[Phase::Redeemed], Phase::Settled, Rule::SettleOnce, seen);
        if self.settler != Some(settler) {
            seen.breach(Rule::Settler, format!("settled by {settler}, who did not redeem it"));
        }
        (self.settled, self.settled_at) = (amount.units(), seen.time);
        let Some(terms) = &self.terms else { return };
        self.amount(amount, currency, |approved| amount <= approved, seen);
        let (approved, amount, permitted_at) = (terms.amount.units(), amount.units(), self.redeemed_at);
        call(seen, terms, Call::Settle { approved, amount, permitted_at });
    }

    fn refunded(&mut self, amount: Minor, currency: Currency, total: Minor, seen: &mut Seen<'_>) {
        self.step(&[Phase::Settled], Phase::Settled, Rule::Refund, seen);
        let left = self.settled.saturating_sub(self.refunded);
        self.refunded = self.refunded.saturating_add(amount.units());
        if self.refunded != total.units() || self.refunded > self.settled {
            seen.breach(
                Rule::Refund,
                format!("{} of {} given back, and said to be {total}", self.refunded, self.settled),
            );
        }
        let Some(terms) = &self.terms else { return };
        self.amount(amount, currency, |_| true, seen);
        let (amount, permitted_at, settled_at) = (amount.units(), self.redeemed_at, self.settled_at);
        call(seen, terms, Call::GiveBack { amount, left, permitted_at, settled_at });
    }

    fn amount(&self, amount: Minor, currency: Currency, fits: impl Fn(Minor) -> bool, seen: &mut Seen<'_>) {
        let Some(Terms { amount: approved, currency: of, .. }) = &self.terms else { return };
        if !fits(*approved) || currency != *of {
            seen.breach(Rule::Amount, format!("{amount} {currency}, but {approved} {of} approved"));
        }
    }

    /// Over without being settled: what it holds is free again.
    fn over(&mut self, from: &[Phase], to: Phase, seen: &mut Seen<'_>) {
        let before = self.phase;
        self.step(from, to, Rule::OverOnce, seen);
        let Some(terms) = &self.terms else { return };
        let approved = terms.amount.units();
        let pending = self.asked.take().filter(|_| before == Phase::Pending);
        let what = match (pending, before) {
            (Some((reserved, ..)), _) => Call::Withdraw { reserved, told: None },
            (None, Phase::Redeemed) => Call::Undo { approved, permitted_at: self.redeemed_at },
            (None, _) => Call::Drop { approved },
        };
        call(seen, terms, what);
    }

    fn step(&mut self, from: &[Phase], to: Phase, rule: Rule, seen: &mut Seen<'_>) {
        if !from.contains(&self.phase) {
            seen.breach(rule, format!("approvals/{} was {:?} and became {to:?}", seen.id, self.phase));
        }
        self.phase = to;
    }

    /// A refusal must be true.
    fn refusal(&self, settler: EntityId, reason: RedeemRefusal, named: &Named, seen: &mut Seen<'_>) {
        seen.done_by_party(settler);
        let Some(terms) = &self.terms else {
            return seen
                .breach(Rule::Refusal, format!("refused as {reason:?}, but approvals/{} has no token", seen.id));
        };
        let over = seen.time >= terms.expires_at;
        let open = self.phase == Phase::Issued && !over;
        let holds = match reason {
            RedeemRefusal::AlreadyRedeemed => matches!(self.phase, Phase::Redeemed | Phase::Settled),
            RedeemRefusal::Expired => self.phase == Phase::Expired || (self.phase == Phase::Issued && over),
            RedeemRefusal::Revoked => self.phase == Phase::Revoked,
            RedeemRefusal::Released => self.phase == Phase::Released,
            RedeemRefusal::OtherSettler => !terms.admits(settler),
            RedeemRefusal::Differs => open && terms.differ_from(named),
            RedeemRefusal::UserSuspended => {
                call(seen, terms, Call::Suspended);
                open
            }
        };
        if !holds {
            seen.breach(
                Rule::Refusal,
                format!("refused as {reason:?}, but approvals/{} was {:?}", seen.id, self.phase),
            );
        }
    }
}

fn call(seen: &mut Seen<'_>, terms: &Terms, what: Call) {
    seen.reservations.touched(seen.place, terms.user, seen.id);
    seen.movements.call(Side { place: seen.place, user: terms.user, approval: seen.id, what });
}
