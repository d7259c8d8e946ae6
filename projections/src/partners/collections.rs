//! `collections`: what a main site is due of its partners' sales and fees, with the postings that it made in this site's books.

use kippu_events::access::Role;
use kippu_events::money::{Currency, Minor};
use kippu_events::partners::collections::{Collection, Event, Phase, Posting};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Collections;

const STATES: [&str; 5] = ["kept", "owed", "transferred", "refused", "received"];
const STATE: &str = "state";
const CONTRACT: &str = "contract";

/// What is collected.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// When it was due.
    at: Time,
    changed_at: Time,
    /// What the main site is due.
    charge: Minor,
    /// Under which contract.
    contract: EntityId,
    /// The currency of every amount here.
    currency: Currency,
    /// The party of the partner site that gave it, at the main site.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<EntityId>,
    id: EntityId,
    /// What was paid to the partner.
    paid: Minor,
    /// All postings that it made here, oldest first: they add up to zero.
    postings: Vec<Posting>,
    /// Whether it is a fee that is paid in advance.
    prepaid: bool,
    /// What the partner calls it: a request, or a name.
    reference: String,
    /// Why the main site does not take it, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// Where it stands: in the books of the partner alone, to be told, taken by the main site, not taken; or at the main site.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

impl EntityTable for Collections {
    type Entity = Collection;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "collections";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str =
        "What a main site is due of its partners' sales and fees, with the postings in this site's books.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] =
        &[Filter::of(STATE, "where it stands", &STATES), Filter::any(CONTRACT, "under which contract")];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<Collection, ()>) -> Option<Shown> {
        let Row { state, changed_at, version, .. } = row;
        let known = state.known()?.clone();
        let (state, from, refusal) = match known.phase {
            Phase::Kept => (STATES[0], None, None),
            Phase::Owed { .. } => (STATES[1], None, None),
            Phase::Transferred => (STATES[2], None, None),
            Phase::Refused { reason } => (STATES[3], None, Some(reason)),
            Phase::Received { from } => (STATES[4], Some(from), None),
        };
        let its = known.charge;
        Some(Shown {
            at: its.at,
            changed_at,
            charge: its.charge,
            contract: its.contract,
            currency: its.currency,
            from,
            id,
            paid: its.paid,
            postings: known.postings,
            prepaid: its.prepaid,
            reference: its.reference,
            refusal,
            state,
            version,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state) && filters.admits(CONTRACT, &shown.contract.to_string())
    }
}
