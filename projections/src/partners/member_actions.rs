//! `member-actions`: what members did at sites, and whether the central node has it.
//!
//! ```text
//! 0 ‖ id           the row
//! 1 ‖ site ‖ id    the action, for what is asked of a site's
//! ```

use kippu_events::access::Role;
use kippu_events::money::{Currency, Minor};
use kippu_events::partners::member_actions::{Action, Event, Kind, MemberAction};
use kippu_events::{Entity as _, EntityId, NotAnEvent, Recorded, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, OfEntities, Row};
use crate::error::NotARow;
use crate::grants::Grant;
use crate::row::revision_with;
use crate::rows::Rows;
use crate::view::{Filter, Filters, Table, View};

/// See the module.
pub struct MemberActions;

const ROWS: OfEntities<OfActions> = OfEntities::new();
const OF_SITE: u8 = 1;

/// The rows alone.
struct OfActions;

const STATES: [&str; 3] = ["kept", "owed", "refused"];
const STATE: &str = "state";
const KIND: &str = "kind";
const MEMBER: &str = "member";
const PAGE: &str = "page";
const SITE: &str = "site";

/// Something that a member did.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// What was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Minor>,
    /// When it was done.
    at: Time,
    /// Under which contract.
    contract: EntityId,
    /// The currency of the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    id: EntityId,
    /// With which goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    /// What was done.
    #[schemars(extend("enum" = Kind::NAMES))]
    kind: &'static str,
    /// As whom the central node knows the member.
    member: EntityId,
    /// On which page.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// When this node heard of it.
    recorded_at: Time,
    /// Why the other party does not take it, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// At which site.
    site: EntityId,
    /// Whether it is still to be handed on.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

impl MemberActions {
    /// The action that a row of a site's part holds.
    pub(crate) fn read(row: &[u8]) -> Result<Action, NotARow> {
        serde_json::from_slice(row).map_err(|error| NotARow(error.to_string()))
    }

    /// Where the actions at `site` lie, or at every site.
    pub(crate) fn keys(site: Option<EntityId>) -> (Vec<u8>, Vec<u8>) {
        let of = |site: EntityId, last: &[u8]| [&[OF_SITE], &site.as_bytes()[..], last].concat();
        match site {
            None => (vec![OF_SITE], vec![OF_SITE + 1]),
            Some(site) => (of(site, &[]), of(site, &[0xff; EntityId::BYTES + 1])),
        }
    }
}

impl EntityTable for OfActions {
    type Entity = MemberAction;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "member-actions";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "What members did at sites besides what access logs say.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "whether it is still to be handed on", &STATES),
        Filter::of(KIND, "what was done", &Kind::NAMES),
        Filter::any(MEMBER, "who did it, as the central node knows the member"),
        Filter::any(PAGE, "on which page"),
        Filter::any(SITE, "at which site"),
    ];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<MemberAction, ()>) -> Option<Shown> {
        let Row { state, begun_at: recorded_at, version, .. } = row;
        let Action { contract, site, member, kind, page, item, amount, currency, at } = state.action()?.clone();
        let (state, refusal) = match state {
            MemberAction::Absent => return None,
            MemberAction::Done { to: Some(_), .. } => ("owed", None),
            MemberAction::Done { refused: None, .. } => ("kept", None),
            MemberAction::Done { refused, .. } => ("refused", refused),
        };
        let kind = kind.name();
        Some(Shown {
            amount,
            at,
            contract,
            currency,
            id,
            item,
            kind,
            member,
            page,
            recorded_at,
            refusal,
            site,
            state,
            version,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(KIND, shown.kind)
            && filters.admits(MEMBER, &shown.member.to_string())
            && filters.admits(PAGE, shown.page.as_deref().unwrap_or_default())
            && filters.admits(SITE, &shown.site.to_string())
    }
}

impl View for MemberActions {
    fn name(&self) -> &'static str {
        OfActions::NAME
    }

    fn revision(&self) -> u32 {
        revision_with::<MemberAction>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != MemberAction::FAMILY {
            return Ok(());
        }
        if let Event::Done { action, .. } = event.decode::<MemberAction>()? {
            let key = [&[OF_SITE], &action.site.as_bytes()[..], &event.entity.id.as_bytes()[..]].concat();
            // Plain structs of strings and numbers, whose serialisation cannot fail.
            rows.index(&key, serde_json::to_vec(action).unwrap_or_default());
        }
        ROWS.apply(event, rows)
    }

    fn table(&self) -> Option<&dyn Table> {
        const { &ROWS }.table()
    }
}
