//! What a decision does to its user's account: the events, in order, and what the account is with them.

use kippu_events::EntityId;
use kippu_events::Time;
use kippu_events::access::users::{Account, Charging, Event, LimitSource, User};
use kippu_events::approvals::{Approval, Event as ApprovalEvent};
use kippu_events::money::Minor;

use super::refusal::Refused;
use crate::access::users::period_due;
use crate::actor::{Context, Decision, Neighbours};

/// A user's account as a decision goes on.
pub(super) struct Spender<'a> {
    /// As it was before, but for what is below.
    pub(super) account: &'a Account,
    /// Whether the subscription is suspended, or over.
    pub(super) is_suspended: bool,
    /// The upper limit.
    pub(super) limit: Minor,
    user: EntityId,
    approval: EntityId,
    reserved: Minor,
    charged: Minor,
    period_began: Option<Time>,
    events: Vec<Event>,
}

impl<'a> Spender<'a> {
    /// The account of `user`, who is a neighbour; nothing where nobody registered. A period that is due begins first.
    pub(super) fn of(neighbours: Neighbours<'a>, user: EntityId, context: &Context) -> Option<Self> {
        let (account, is_suspended) = match neighbours.get::<User>(user)? {
            User::Absent => return None,
            User::Registered(account) => (account, false),
            // Nobody else is told which of the two.
            User::Suspended(account) | User::Forgotten(account) => (account, true),
        };
        let mut spender = Self {
            account,
            is_suspended,
            limit: account.limit,
            user,
            approval: context.id,
            reserved: account.reserved,
            charged: account.charged,
            period_began: account.period.map(|running| running.began),
            events: Vec::new(),
        };
        if let Some(begun) = period_due(account, context.now) {
            spender.charged = Minor::ZERO;
            spender.period_began = Some(context.now);
            spender.events.push(begun);
        }
        Some(spender)
    }

    /// The same, of an approval that was given.
    pub(super) fn known(neighbours: Neighbours<'a>, user: EntityId, context: &Context) -> Result<Self, Refused> {
        Self::of(neighbours, user, context).ok_or(Refused::UserMissing)
    }

    /// Reserved and charged together.
    pub(super) fn used(&self) -> Minor {
        self.reserved.plus(self.charged).unwrap_or(self.limit)
    }

    /// What may still be reserved.
    pub(super) fn available(&self) -> Minor {
        self.limit.minus(self.used()).unwrap_or(Minor::ZERO)
    }

    pub(super) fn reserve(&mut self, amount: Minor) {
        self.reserved = self.reserved.plus(amount).unwrap_or(self.reserved);
        self.events.push(Event::AmountReserved { approval: self.approval, amount });
    }

    pub(super) fn release(&mut self, amount: Minor) {
        self.reserved = self.reserved.minus(amount).unwrap_or(Minor::ZERO);
        self.events.push(Event::AmountReleased { approval: self.approval, amount });
    }

    /// Charges `amount` of what was `reserved`.
    pub(super) fn charge(&mut self, reserved: Minor, amount: Minor) {
        self.reserved = self.reserved.minus(reserved).unwrap_or(Minor::ZERO);
        self.charged = self.charged.plus(amount).unwrap_or(self.charged);
        self.events.push(Event::AmountCharged { approval: self.approval, reserved, amount });
    }

    /// Gives back `amount` of what was charged at `charged_at`.
    pub(super) fn refund(&mut self, amount: Minor, charged_at: Time) {
        let of_earlier_period = self.period_began.is_some_and(|began| charged_at < began);
        if !of_earlier_period {
            self.charged = self.charged.minus(amount).unwrap_or(Minor::ZERO);
        }
        self.events.push(Event::AmountRefunded { approval: self.approval, amount, of_earlier_period });
    }

    /// Lets the limit be what a financial reference told, and no less than what is used.
    pub(super) fn follow(&mut self, told: Minor) {
        let (before, currency) = (self.limit, self.account.currency);
        self.limit = told.max(self.used());
        if self.limit != before {
            let approval = Some(self.approval);
            self.events.push(Event::LimitChanged { limit: self.limit, before, currency, approval });
        }
    }

    /// Adds to the limit the points that a settlement generates, where it is one of points.
    pub(super) fn gather(&mut self, settled: Minor) {
        let room = Minor::new(Minor::MOST).and_then(|most| most.minus(self.limit)).unwrap_or(Minor::ZERO);
        let amount = self.points_of(settled).min(room);
        if amount > Minor::ZERO {
            self.limit = self.limit.plus(amount).unwrap_or(self.limit);
            let (limit, currency, approval) = (self.limit, self.account.currency, Some(self.approval));
            self.events.push(Event::Credited { amount, limit, currency, approval });
        }
    }

    /// Takes back the points of what was settled once `left` of it is left, as far as they are not used.
    pub(super) fn take_back_points(&mut self, settled: Minor, left: Minor) {
        let gathered = self.points_of(settled).minus(self.points_of(left)).unwrap_or(Minor::ZERO);
        let amount = gathered.min(self.available());
        if amount > Minor::ZERO {
            self.limit = self.limit.minus(amount).unwrap_or(Minor::ZERO);
            let (approval, limit, currency) = (self.approval, self.limit, self.account.currency);
            self.events.push(Event::PointsTakenBack { approval, amount, limit, currency });
        }
    }

    fn points_of(&self, settled: Minor) -> Minor {
        match self.account.source {
            LimitSource::Points => self.account.points_of(settled),
            LimitSource::Fixed | LimitSource::Prepaid | LimitSource::Solvency => Minor::ZERO,
        }
    }

    /// Whether the user is charged when the payment is permitted.
    pub(super) fn is_charged_at_permission(&self) -> bool {
        match self.account.charging {
            Charging::AtPermission => true,
            Charging::AtSettlement => false,
        }
    }

    /// Something else happens to the user too.
    pub(super) fn also(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The decision: what happens to the approval, and what that does to its user.
    pub(super) fn with(self, own: ApprovalEvent) -> Decision<Approval> {
        let user = self.user;
        self.events.into_iter().fold(Decision::one(own), |decision, event| decision.and::<User>(user, event))
    }
}
