//! `member-visits`: members who are or were signed in at this site.

use kippu_events::access::Role;
use kippu_events::partners::member_visits::{Event, MemberVisit};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::{Grant, Owner};
use crate::view::{Filter, Filters};

/// See the module.
pub struct MemberVisits;

const CONTRACT: &str = "contract";
const MEMBER: &str = "member";

/// A visit.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// The member's class when it began.
    class: String,
    /// Under which contract.
    contract: EntityId,
    /// It ends then.
    expires_at: Time,
    id: EntityId,
    /// As whom the central node knows the member.
    member: EntityId,
    /// Orders that are not paid.
    open_orders: usize,
    opened_at: Time,
    /// Orders that were paid.
    paid_orders: u32,
    /// The party whose node has identified the member.
    signer: EntityId,
    version: u64,
}

impl EntityTable for MemberVisits {
    type Entity = MemberVisit;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "member-visits";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Members who are or were signed in at this site.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator), Grant::own(Role::Guest, Owner::Holder)];
    const FILTERS: &'static [Filter] = &[
        Filter::any(CONTRACT, "under which contract"),
        Filter::any(MEMBER, "who, as the central node knows the member"),
    ];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<MemberVisit, ()>) -> Option<Shown> {
        let Row { state, begun_at: opened_at, changed_at, version, .. } = row;
        let known = state.known()?.clone();
        Some(Shown {
            changed_at,
            class: known.class,
            contract: known.contract,
            expires_at: known.expires_at,
            id,
            member: known.member,
            open_orders: known.open.len(),
            opened_at,
            paid_orders: known.paid,
            signer: known.signer,
            version,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(CONTRACT, &shown.contract.to_string()) && filters.admits(MEMBER, &shown.member.to_string())
    }
}
