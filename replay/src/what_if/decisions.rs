//! The decisions of one partition, taken again. A user and all that is approved within the user's limit lie in one slot, so
//! nothing of another partition is needed.

use std::collections::HashMap;
use std::ops::ControlFlow;

use kippu_events::access::users::{self, Charging, LimitSource, Policy, User};
use kippu_events::approvals::{self, Approval, RequestRefusal};
use kippu_events::event::Recorded;
use kippu_events::id::BuildIdHasher;
use kippu_events::log::ReadLog;
use kippu_events::log::walk::Walk;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family, NotAnEvent};

use super::account::{Account, Share};
use super::report::{Outcome, UserReport};
use super::set::Setting;
use super::{NotDecided, Options};
use crate::history::{self, Unreadable};

/// What came of a partition.
pub(super) struct Walked {
    pub(super) users: Vec<UserReport>,
    /// Users who were to have another limit, and whose limit is not the operator's to set.
    pub(super) left: u64,
}

/// Decides anew in `partition`.
pub(super) fn again(log: &dyn ReadLog, partition: u16, options: &Options<'_>) -> Result<Walked, NotDecided> {
    let end = log.end(partition).map_err(Unreadable::from)?;
    let mut decisions = Decisions { set: options.set, ..Decisions::default() };
    let mut taken = Ok(());
    history::read(log, partition, &mut Walk::new(log, partition), end, &mut |told| {
        (options.progress)(1);
        taken = decisions.take(&told.events).map_err(|wrong| match wrong {
            Wrong::Event(error) => Unreadable::Event { partition, number: told.position.number, error }.into(),
            Wrong::Decision(reason) => reason,
        });
        if taken.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    taken?;
    Ok(Walked { users: decisions.reports.into_values().collect(), left: decisions.left })
}

enum Wrong {
    Event(NotAnEvent),
    Decision(NotDecided),
}

impl From<NotAnEvent> for Wrong {
    fn from(error: NotAnEvent) -> Self {
        Self::Event(error)
    }
}

#[derive(Default)]
struct Decisions<'a> {
    set: &'a [Setting],
    /// Those whose limit is another one.
    accounts: HashMap<EntityId, Account, BuildIdHasher>,
    approvals: HashMap<EntityId, Held, BuildIdHasher>,
    reports: HashMap<(EntityId, Currency), UserReport, BuildIdHasher>,
    left: u64,
}

/// An approval that could still become something else, and would not have been refused before now.
struct Held {
    user: EntityId,
    share: Share,
}

impl Decisions<'_> {
    /// One record: a period that is due begins before the decision that it is due for.
    fn take(&mut self, events: &[Recorded<'_>]) -> Result<(), Wrong> {
        for event in events.iter().filter(|event| event.entity.family == Family::Users) {
            self.user(event.entity.id, event.decode::<User>()?).map_err(Wrong::Decision)?;
        }
        for event in events.iter().filter(|event| event.entity.family == Family::Approvals) {
            self.approval(event.entity.id, event.decode::<Approval>()?);
        }
        Ok(())
    }

    fn user(&mut self, user: EntityId, event: &users::Event) -> Result<(), NotDecided> {
        match event {
            users::Event::Registered { source, currency, charging, policy, .. } => {
                let limit = Setting::limit(self.set, user, *currency);
                let limit = limit.map_err(|reason| NotDecided::Amount { user, reason })?;
                match (limit, source) {
                    (None, _) => {}
                    (Some(limit), LimitSource::Fixed) => {
                        self.accounts.insert(user, Account::new(*charging, *policy, limit));
                    }
                    (Some(_), LimitSource::Prepaid | LimitSource::Points | LimitSource::Solvency) => self.left += 1,
                }
            }
            users::Event::PeriodBegun { .. } => {
                if let Some(account) = self.accounts.get_mut(&user) {
                    account.begin_period();
                }
            }
            // All of these follow from decisions that are taken again, or set a limit that is another one.
            users::Event::LimitChanged { .. }
            | users::Event::Credited { .. }
            | users::Event::PointsTakenBack { .. }
            | users::Event::AmountReserved { .. }
            | users::Event::AmountReleased { .. }
            | users::Event::AmountCharged { .. }
            | users::Event::AmountRefunded { .. }
            | users::Event::Charged { .. }
            | users::Event::Suspended {}
            | users::Event::Resumed {}
            | users::Event::Forgotten {}
            | users::Event::PinRefused { .. }
            | users::Event::PinAccepted {} => {}
        }
        Ok(())
    }

    fn approval(&mut self, id: EntityId, event: &approvals::Event) {
        match event {
            approvals::Event::Pending { user, amount, .. } => self.asked(id, *user, *amount),
            approvals::Event::Issued { user, amount, currency, inquiry, .. } => {
                let after = self.permitted(id, *user, *amount, inquiry.is_some());
                self.count(*user, *currency, *amount, Outcome::Permitted, after);
            }
            approvals::Event::Refused { user, amount, currency, reason, inquiry, .. } => {
                let after = self.refused(id, *user, *amount, *reason, inquiry.is_some());
                self.count(*user, *currency, *amount, Outcome::Refused, after);
            }
            approvals::Event::Redeemed { amount, .. } => {
                self.held(id, |account, share| match account.charging {
                    Charging::AtPermission => account.charge(share, amount.units()),
                    Charging::AtSettlement => share,
                });
            }
            approvals::Event::Settled { amount, .. } => {
                self.held(id, |account, share| account.charge(share, amount.units()));
            }
            approvals::Event::Refunded { amount, .. } => {
                self.held(id, |account, share| account.charge(share, share.less(amount.units())));
            }
            approvals::Event::Expired {} | approvals::Event::Revoked {} | approvals::Event::Released { .. } => {
                self.over(id);
            }
            approvals::Event::Collected { .. } | approvals::Event::RedeemRefused { .. } => {}
        }
    }

    /// A financial reference is asked: where the limit comes first, it decides here.
    fn asked(&mut self, id: EntityId, user: EntityId, amount: Minor) {
        let Some(account) = self.accounts.get_mut(&user) else { return };
        let share = match account.policy {
            Policy::Own | Policy::Both if !account.fits(amount) => return,
            Policy::Own | Policy::Both => account.reserve(amount),
            Policy::Reference => Share::default(),
        };
        self.approvals.insert(id, Held { user, share });
    }

    /// It was permitted: would it be? `asked` where that is on a reference's word.
    fn permitted(&mut self, id: EntityId, user: EntityId, amount: Minor, asked: bool) -> Outcome {
        let pending = self.over(id);
        let Some(account) = self.accounts.get_mut(&user) else { return Outcome::Permitted };
        // Who asked a reference and is not held here would have been refused before.
        if (asked && !pending) || !account.fits(amount) {
            return Outcome::Refused;
        }
        let share = account.reserve(amount);
        self.approvals.insert(id, Held { user, share });
        Outcome::Permitted
    }

    /// It was refused: would it be? Where it would not, it counts in full from now on.
    fn refused(&mut self, id: EntityId, user: EntityId, amount: Minor, reason: RequestRefusal, asked: bool) -> Outcome {
        let pending = self.over(id);
        let by_limit = match reason {
            RequestRefusal::LimitExceeded => true,
            RequestRefusal::CurrencyMismatch
            | RequestRefusal::NotIdentified
            | RequestRefusal::PinLocked
            | RequestRefusal::UserSuspended
            | RequestRefusal::OfferExpired
            | RequestRefusal::CreditRefused
            | RequestRefusal::ReferenceFailed => false,
        };
        let Some(account) = self.accounts.get_mut(&user).filter(|_| by_limit) else { return Outcome::Refused };
        if (asked && !pending) || !account.fits(amount) {
            return Outcome::Refused;
        }
        if !asked && !account.policy.is_own() {
            return Outcome::NotKnown;
        }
        account.charge(Share::default(), amount.units());
        Outcome::Permitted
    }

    /// What an approval holds is what `becomes` makes of it.
    fn held(&mut self, id: EntityId, becomes: impl FnOnce(&mut Account, Share) -> Share) {
        let Some(held) = self.approvals.get_mut(&id) else { return };
        if let Some(account) = self.accounts.get_mut(&held.user) {
            held.share = becomes(account, held.share);
        }
    }

    /// An approval holds nothing from now on. Whether it could have held something.
    fn over(&mut self, id: EntityId) -> bool {
        let Some(Held { user, share }) = self.approvals.remove(&id) else { return false };
        if let Some(account) = self.accounts.get_mut(&user) {
            account.free(share);
        }
        true
    }

    fn count(&mut self, user: EntityId, currency: Currency, amount: Minor, before: Outcome, after: Outcome) {
        let report = self.reports.entry((user, currency)).or_insert_with(|| UserReport::new(user, currency));
        report.count(amount.units(), before, after);
    }
}
