//! Entries of the authentication server about its subscribers.

use kippu_events::access::users::{Category, Event, LimitSource, User};
use kippu_events::approvals::Approval;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, EntityKey};
use serde::{Deserialize, Serialize};

use super::super::account::{Account, Class};
use super::{Entry, Of, What};
use crate::rows::Rows;

/// What is remembered of a user.
#[derive(Serialize, Deserialize)]
struct Known {
    currency: Currency,
    source: LimitSource,
}

pub(super) fn entry(id: EntityId, event: &Event, rows: &mut Rows<'_>) -> Option<Entry> {
    if let Event::Registered { source, currency, limit, .. } = event {
        Of::User.know(rows, id, &Known { currency: *currency, source: *source });
        return paid_in(id, *source, *limit, *currency, EntityKey::of::<User>(id));
    }
    let Known { currency, source } = Of::User.known(rows, id)?;
    let entry = |what, approval: &EntityId| Entry::new(what, currency, EntityKey::of::<Approval>(*approval));
    let own = |class| Account::of(class, id, currency);
    let house = |class| Account::house(class, currency);
    let free = |entry: Entry, amount| entry.with(amount, house(Class::Reservations), own(Class::Reserved));
    match event {
        Event::AmountReserved { approval, amount } => {
            Some(entry(What::Reservation, approval).with(*amount, own(Class::Reserved), house(Class::Reservations)))
        }
        Event::AmountReleased { approval, amount } => Some(free(entry(What::Release, approval), *amount)),
        Event::AmountCharged { approval, reserved, amount } => {
            let charge = free(entry(What::Charge, approval), *reserved);
            Some(charge.with(*amount, own(Class::Purchases), house(Class::Clearing)))
        }
        Event::AmountRefunded { approval, amount, .. } => {
            Some(entry(What::Refund, approval).with(*amount, house(Class::Clearing), own(Class::Purchases)))
        }
        Event::Charged { category, amount, note, takes_back, .. } => {
            let (own, house) = match category {
                Category::Line => (own(Class::Line), house(Class::LineIncome)),
                Category::Fee => (own(Class::Fees), house(Class::FeeIncome)),
            };
            let (what, debit, credit) =
                if *takes_back { (What::Refund, house, own) } else { (What::Charge, own, house) };
            let entry = Entry::new(what, currency, EntityKey::of::<User>(id)).with(*amount, debit, credit);
            Some(Entry { note: note.clone(), ..entry })
        }
        Event::Credited { amount, approval, .. } => {
            let cause = approval.map_or_else(|| EntityKey::of::<User>(id), EntityKey::of::<Approval>);
            paid_in(id, source, *amount, currency, cause)
        }
        Event::PointsTakenBack { approval, amount, .. } => {
            Some(entry(What::PointsBack, approval).with(*amount, own(Class::Points), house(Class::PointsGranted)))
        }
        Event::Registered { .. }
        | Event::LimitChanged { .. }
        | Event::PeriodBegun { .. }
        | Event::Suspended {}
        | Event::Forgotten {}
        | Event::Resumed {}
        | Event::PinRefused { .. }
        | Event::PinAccepted {} => None,
    }
}

/// What makes a limit of this source grow.
fn paid_in(id: EntityId, source: LimitSource, amount: Minor, currency: Currency, cause: EntityKey) -> Option<Entry> {
    let (what, from, to) = match source {
        LimitSource::Prepaid => (What::Deposit, Class::Cash, Class::Deposits),
        LimitSource::Points => (What::Points, Class::PointsGranted, Class::Points),
        // Nobody has paid for it.
        LimitSource::Fixed | LimitSource::Solvency => return None,
    };
    let entry = Entry::new(what, currency, cause);
    Some(entry.with(amount, Account::house(from, currency), Account::of(to, id, currency)))
}
