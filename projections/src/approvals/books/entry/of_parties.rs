//! Entries about what parties owe each other: of the authentication server, the settlement server and the shop.

use kippu_events::approvals::offers::{self, Offer};
use kippu_events::approvals::settlements::{self, Settlement};
use kippu_events::approvals::{self, Approval};
use kippu_events::money::Currency;
use kippu_events::{EntityId, EntityKey};
use serde::{Deserialize, Serialize};

use super::super::account::{Account, Class};
use super::{Entry, Of, What};
use crate::rows::Rows;

/// What is remembered of an approval: who settles it, and the shop and its offer.
#[derive(Serialize, Deserialize)]
struct OfApproval {
    settler: EntityId,
    shop: Option<(EntityId, EntityId)>,
}

impl OfApproval {
    /// The account against the settlement server's, and that one.
    fn at_settler(&self, currency: Currency) -> (Account, Account) {
        (Account::house(Class::Clearing, currency), Account::of(Class::ToSettler, self.settler, currency))
    }

    /// The account against the shop's, and that one, where there is a shop. A shop is told its own offer: the ids of approvals
    /// for one user are alike.
    fn at_shop(&self, currency: Currency, cause: EntityKey) -> Option<((Account, EntityKey), (Account, EntityKey))> {
        let (shop, offer) = self.shop?;
        let account = Account::of(Class::AtShop, shop, currency);
        Some(((Account::house(Class::Volume, currency), cause), (account, EntityKey::of::<Offer>(offer))))
    }
}

pub(super) fn of_approval(id: EntityId, event: &approvals::Event, rows: &mut Rows<'_>) -> Option<Entry> {
    use approvals::Event;
    let cause = EntityKey::of::<Approval>(id);
    match event {
        Event::Redeemed { settler, offer, .. } => {
            let shop = offer.as_ref().map(|offer| (offer.shop, offer.id));
            Of::Approval.know(rows, id, &OfApproval { settler: *settler, shop });
            None
        }
        Event::Settled { amount, currency, .. } => {
            let known: OfApproval = Of::Approval.known(rows, id)?;
            let entry = Entry::new(What::Settlement, *currency, cause);
            let (clearing, settler) = known.at_settler(*currency);
            let entry = entry.with(*amount, clearing, settler);
            Some(match known.at_shop(*currency, cause) {
                Some((house, shop)) => entry.with_causes(*amount, house, shop),
                None => entry,
            })
        }
        Event::Refunded { amount, currency, .. } => {
            let known: OfApproval = Of::Approval.known(rows, id)?;
            let entry = Entry::new(What::Refund, *currency, cause);
            let (clearing, settler) = known.at_settler(*currency);
            let entry = entry.with(*amount, settler, clearing);
            Some(match known.at_shop(*currency, cause) {
                Some((house, shop)) => entry.with_causes(*amount, shop, house),
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

pub(super) fn of_settlement(id: EntityId, event: &settlements::Event, rows: &mut Rows<'_>) -> Option<Entry> {
    use settlements::Event;
    let cause = EntityKey::of::<Settlement>(id);
    match event {
        Event::Presented { issuer, shop, currency, .. } => {
            let of = OfSettlement { issuer: *issuer, shop: *shop, currency: *currency, approval: None };
            Of::Settlement.know(rows, id, &of);
            None
        }
        Event::Settled { approval, amount, currency, .. } => {
            let before: OfSettlement = Of::Settlement.known(rows, id)?;
            let of = OfSettlement { approval: Some(*approval), currency: *currency, ..before };
            Of::Settlement.know(rows, id, &of);
            let (issuer, shop) = of.accounts(id);
            Some(Entry::new(What::Settlement, *currency, cause).with_causes(*amount, issuer, shop))
        }
        Event::Refunded { amount, .. } => {
            let of: OfSettlement = Of::Settlement.known(rows, id)?;
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
        | Event::RefundTold { .. }
        | Event::HandedOver { .. } => None,
    }
}

/// A shop is owed what it delivered, by the settlement server that it delivered to, less what that one gave back.
pub(super) fn of_offer(id: EntityId, event: &offers::Event, rows: &mut Rows<'_>) -> Option<Entry> {
    use offers::Event;
    match event {
        Event::Delivered { settler, amount, currency, .. } => {
            // A history that has it twice has one delivery.
            if Of::Offer.known::<()>(rows, id).is_some() {
                return None;
            }
            Of::Offer.know(rows, id, &());
            let entry = Entry::new(What::Delivery, *currency, EntityKey::of::<Offer>(id));
            let settler = Account::of(Class::Deliveries, *settler, *currency);
            Some(entry.with(*amount, settler, Account::house(Class::OwnSales, *currency)))
        }
        Event::Refunded { settler, amount, currency, .. } => {
            let entry = Entry::new(What::Refund, *currency, EntityKey::of::<Offer>(id));
            let settler = Account::of(Class::Deliveries, *settler, *currency);
            Some(entry.with(*amount, Account::house(Class::OwnSales, *currency), settler))
        }
        Event::Made { .. } | Event::PushAsked { .. } | Event::PushDone { .. } | Event::PushFailed { .. } => None,
    }
}
