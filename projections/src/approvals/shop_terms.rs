//! `shop-terms`: on which terms the shop sells. Everybody may know them: every offer says as much.

use kippu_events::access::Role;
use kippu_events::approvals::shop_terms::{Event, ShopTerms, Terms};
use kippu_events::money::Currency;
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;

/// See the module.
pub struct TermsOfShop;

/// The terms of the shop.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// The currency that it sells in.
    currency: Currency,
    /// Whether the shop itself sends files to buyers.
    direct: bool,
    id: EntityId,
    /// For how many seconds an offer stands.
    offer_secs: u32,
    /// The parties that may settle for it.
    settlers: Vec<EntityId>,
    version: u64,
}

impl EntityTable for TermsOfShop {
    type Entity = ShopTerms;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "shop-terms";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "On which terms the shop sells: one row, where there are any.";
    const GRANTS: &'static [Grant] = &[
        Grant::all(Role::Operator),
        Grant::all(Role::Shop),
        Grant::all(Role::Settler),
        Grant::all(Role::Terminal),
        Grant::all(Role::Authenticator),
        Grant::all(Role::Reference),
        Grant::all(Role::Subscriber),
        Grant::all(Role::Guest),
    ];

    fn keep(_kept: &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<ShopTerms, ()>) -> Option<Shown> {
        let Row { state, changed_at, version, .. } = row;
        let ShopTerms::Set(Terms { settlers, currency, offer_secs, direct }) = state else { return None };
        Some(Shown { changed_at, currency, direct, id, offer_secs, settlers, version })
    }
}
