//! `settler-terms`: on which terms this node settles, once they were set.

use kippu_events::access::Role;
use kippu_events::approvals::settler_terms::{Event, Order, SettlerTerms};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;

/// See the module.
pub struct Terms;

/// The terms on which settlements run.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// For so many seconds the buyer is waited for, where delivery comes first.
    deliver_secs: u32,
    id: EntityId,
    /// What comes first.
    order: Order,
    /// For so many seconds, from the permission on, the shop is waited for.
    shop_secs: u32,
    version: u64,
    /// For so many seconds a permission is waited for.
    wait_secs: u32,
}

impl EntityTable for Terms {
    type Entity = SettlerTerms;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "settler-terms";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "The terms on which this node settles, once they were set.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];

    fn keep(_kept: &mut (), event: &Event) {
        let Event::Set { .. } = event;
    }

    fn show(id: EntityId, row: Row<SettlerTerms, ()>) -> Option<Shown> {
        let Row { state: SettlerTerms { policy }, changed_at, version, .. } = row;
        Some(Shown {
            changed_at,
            deliver_secs: policy.deliver_secs,
            id,
            order: policy.order,
            shop_secs: policy.shop_secs,
            version,
            wait_secs: policy.wait_secs,
        })
    }
}
