//! Which event is which entry. What an event does not say of its own entity is remembered from the events before it:
//!
//! ```text
//! 2 ‖ user        in which currency, and where the limit comes from
//! 3 ‖ approval    who settles it, and for which shop
//! 4 ‖ settlement  who issued the approval, for which shop, and which approval it is
//! ```

use kippu_events::access::users::{self, LimitSource, User};
use kippu_events::approvals::offers::Offer;
use kippu_events::approvals::settlements::{self, Settlement};
use kippu_events::approvals::{self, Approval};
use kippu_events::money::{Currency, Minor};
use kippu_events::{Entity as _, EntityId, EntityKey, NotAnEvent, Recorded};
use serde::{Deserialize, Serialize};

use super::account::{Account, Class};
use crate::row::{decode, encode};
use crate::rows::Rows;

/// A side of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What the owner owes.
    Debit,
    /// What the owner is owed.
    Credit,
}

impl Side {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

/// What an entry is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An amount is reserved.
    Reservation,
    /// An amount is reserved no more.
    Release,
    /// A subscriber is charged.
    Charge,
    /// A charge, or a settlement, is taken back in whole or in part.
    Refund,
    /// A price is settled.
    Settlement,
    /// A subscriber has paid in.
    Deposit,
    /// A subscriber is granted points.
    Points,
    /// Points are taken back.
    PointsBack,
}

impl What {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Release => "release",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Settlement => "settlement",
            Self::Deposit => "deposit",
            Self::Points => "points",
            Self::PointsBack => "points_back",
        }
    }
}

/// One line of an entry.
pub(super) struct Move {
    pub(super) account: Account,
    pub(super) side: Side,
    pub(super) amount: Minor,
    /// What caused it, by a name that the owner of the account may know.
    pub(super) cause: EntityKey,
}

/// What one event enters. Debits and credits are equal.
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) currency: Currency,
    /// The approval, settlement or user that caused it.
    pub(super) cause: EntityKey,
    pub(super) moves: Vec<Move>,
}

impl Entry {
    const fn new(what: What, currency: Currency, cause: EntityKey) -> Self {
        Self { what, currency, cause, moves: Vec::new() }
    }

    /// With `amount` on the debit side of one account and on the credit side of another. Nothing is entered as nothing.
    fn with(self, amount: Minor, debit: Account, credit: Account) -> Self {
        let cause = self.cause;
        self.with_causes(amount, (debit, cause), (credit, cause))
    }

    fn with_causes(mut self, amount: Minor, debit: (Account, EntityKey), credit: (Account, EntityKey)) -> Self {
        if amount > Minor::ZERO {
            for ((account, cause), side) in [(debit, Side::Debit), (credit, Side::Credit)] {
                self.moves.push(Move { account, side, amount, cause });
            }
        }
        self
    }

    fn any(self) -> Option<Self> {
        (!self.moves.is_empty()).then_some(self)
    }
}

/// What `event` enters, if anything.
pub(super) fn entry(event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<Option<Entry>, NotAnEvent> {
    let id = event.entity.id;
    Ok(match event.entity.family {
        family if family == User::FAMILY => of_user(id, event.decode::<User>()?, rows),
        family if family == Approval::FAMILY => of_approval(id, event.decode::<Approval>()?, rows),
        family if family == Settlement::FAMILY => of_settlement(id, event.decode::<Settlement>()?, rows),
        _other => None,
    }
    .and_then(Entry::any))
}

const USER: u8 = 2;
const APPROVAL: u8 = 3;
const SETTLEMENT: u8 = 4;

fn known_key(of: u8, id: EntityId) -> Vec<u8> {
    [&[of], &id.as_bytes()[..]].concat()
}

fn know<T: Serialize>(rows: &mut Rows<'_>, of: u8, id: EntityId, known: &T) {
    rows.put(&known_key(of, id), encode(known));
}

fn known<T: serde::de::DeserializeOwned>(rows: &mut Rows<'_>, of: u8, id: EntityId) -> Option<T> {
    rows.get(&known_key(of, id)).and_then(|bytes| decode(bytes).ok())
}

/// What is remembered of a user.
#[derive(Serialize, Deserialize)]
struct OfUser {
    currency: Currency,
    source: LimitSource,
}

fn of_user(id: EntityId, event: &users::Event, rows: &mut Rows<'_>) -> Option<Entry> {
    use users::Event;
    if let Event::Registered { source, currency, limit, .. } = event {
        know(rows, USER, id, &OfUser { currency: *currency, source: *source });
        return paid_in(id, *source, *limit, *currency, EntityKey::of::<User>(id));
    }
    let OfUser { currency, source } = known(rows, USER, id)?;
    let entry = |what, approval: &EntityId| Entry::new(what, currency, EntityKey::of::<Approval>(*approval));
    let own = |class| Account::of(class, id, currency);
    let house = |class| Account::house(class, currency);
    match event {
        Event::AmountReserved { approval, amount } => {
            Some(entry(What::Reservation, approval).with(*amount, own(Class::Reserved), house(Class::Reservations)))
        }
        Event::AmountReleased { approval, amount } => {
            Some(entry(What::Release, approval).with(*amount, house(Class::Reservations), own(Class::Reserved)))
        }
        Event::AmountCharged { approval, reserved, amount } => {
            Some(entry(What::Charge, approval).with(*reserved, house(Class::Reservations), own(Class::Reserved)).with(
                *amount,
                own(Class::Purchases),
                house(Class::Clearing),
            ))
        }
        Event::AmountRefunded { approval, amount, .. } => {
            Some(entry(What::Refund, approval).with(*amount, house(Class::Clearing), own(Class::Purchases)))
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

/// What is remembered of an approval: who settles it, and the shop and its offer.
#[derive(Serialize, Deserialize)]
struct OfApproval {
    settler: EntityId,
    shop: Option<(EntityId, EntityId)>,
}

fn of_approval(id: EntityId, event: &approvals::Event, rows: &mut Rows<'_>) -> Option<Entry> {
    use approvals::Event;
    let cause = EntityKey::of::<Approval>(id);
    match event {
        Event::Redeemed { settler, offer, .. } => {
            let shop = offer.as_ref().map(|offer| (offer.shop, offer.id));
            know(rows, APPROVAL, id, &OfApproval { settler: *settler, shop });
            None
        }
        Event::Settled { amount, currency, .. } => {
            let OfApproval { settler, shop } = known(rows, APPROVAL, id)?;
            let entry = Entry::new(What::Settlement, *currency, cause);
            let clearing = Account::house(Class::Clearing, *currency);
            let entry = entry.with(*amount, clearing, Account::of(Class::ToSettler, settler, *currency));
            Some(match shop {
                Some(shop) => {
                    let (shop, house) = at_shop(shop, *currency, cause);
                    entry.with_causes(*amount, house, shop)
                }
                None => entry,
            })
        }
        Event::Refunded { amount, currency, .. } => {
            let OfApproval { settler, shop } = known(rows, APPROVAL, id)?;
            let entry = Entry::new(What::Refund, *currency, cause);
            let clearing = Account::house(Class::Clearing, *currency);
            let entry = entry.with(*amount, Account::of(Class::ToSettler, settler, *currency), clearing);
            Some(match shop {
                Some(shop) => {
                    let (shop, house) = at_shop(shop, *currency, cause);
                    entry.with_causes(*amount, shop, house)
                }
                None => entry,
            })
        }
        Event::Pending { .. }
        | Event::Issued { .. }
        | Event::Refused { .. }
        | Event::Collected { .. }
        | Event::RedeemRefused { .. }
        | Event::Expired {}
        | Event::Revoked {}
        | Event::Released { .. } => None,
    }
}

/// The shop's account and the one against it. A shop is told its own offer: the ids of approvals for one user are alike.
fn at_shop(
    (shop, offer): (EntityId, EntityId),
    currency: Currency,
    cause: EntityKey,
) -> ((Account, EntityKey), (Account, EntityKey)) {
    let account = Account::of(Class::AtShop, shop, currency);
    ((account, EntityKey::of::<Offer>(offer)), (Account::house(Class::Volume, currency), cause))
}

/// What is remembered of a settlement.
#[derive(Serialize, Deserialize)]
struct OfSettlement {
    issuer: EntityId,
    shop: EntityId,
    currency: Currency,
    approval: Option<EntityId>,
}

impl OfSettlement {
    /// The issuer's account and the shop's. The issuer knows the settlement by its approval.
    fn accounts(&self, id: EntityId) -> ((Account, EntityKey), (Account, EntityKey)) {
        let own = EntityKey::of::<Settlement>(id);
        let approval = self.approval.map_or(own, EntityKey::of::<Approval>);
        let issuer = Account::of(Class::OfIssuer, self.issuer, self.currency);
        ((issuer, approval), (Account::of(Class::Sales, self.shop, self.currency), own))
    }
}

fn of_settlement(id: EntityId, event: &settlements::Event, rows: &mut Rows<'_>) -> Option<Entry> {
    use settlements::Event;
    let cause = EntityKey::of::<Settlement>(id);
    match event {
        Event::Presented { issuer, shop, currency, .. } => {
            let of = OfSettlement { issuer: *issuer, shop: *shop, currency: *currency, approval: None };
            know(rows, SETTLEMENT, id, &of);
            None
        }
        Event::Settled { approval, amount, currency, .. } => {
            let before: OfSettlement = known(rows, SETTLEMENT, id)?;
            let of = OfSettlement { approval: Some(*approval), currency: *currency, ..before };
            know(rows, SETTLEMENT, id, &of);
            let (issuer, shop) = of.accounts(id);
            Some(Entry::new(What::Settlement, *currency, cause).with_causes(*amount, issuer, shop))
        }
        Event::Refunded { amount, .. } => {
            let of: OfSettlement = known(rows, SETTLEMENT, id)?;
            let (issuer, shop) = of.accounts(id);
            Some(Entry::new(What::Refund, of.currency, cause).with_causes(*amount, shop, issuer))
        }
        Event::Permitted { .. }
        | Event::Offered { .. }
        | Event::ContentsNamed { .. }
        | Event::ContentHeld { .. }
        | Event::Available { .. }
        | Event::Received { .. }
        | Event::Noticed { .. }
        | Event::Refused { .. }
        | Event::TimedOut { .. }
        | Event::Cancelled { .. }
        | Event::Released { .. }
        | Event::RefundOrdered { .. }
        | Event::RefundRefused { .. }
        | Event::HandedOver { .. } => None,
    }
}
