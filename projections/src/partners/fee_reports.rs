//! `fee-reports`: what a fee depends on and no access log says.
//!
//! ```text
//! 0 ‖ id               the row
//! 1 ‖ contract ‖ id    the report, for statements of fees
//! ```

use kippu_events::access::Role;
use kippu_events::partners::fee_reports::{Event, FeeReport, Report};
use kippu_events::partners::fees::Facts;
use kippu_events::{Entity as _, EntityId, NotAnEvent, Recorded, Time};
use serde::Serialize;
use serde_json::Value;

use crate::entity_table::{EntityTable, OfEntities, Row};
use crate::error::NotARow;
use crate::grants::Grant;
use crate::row::revision_with;
use crate::rows::Rows;
use crate::view::{Filter, Filters, Table, View};

/// See the module.
pub struct FeeReports;

const ROWS: OfEntities<OfReports> = OfEntities::new();
const OF_CONTRACT: u8 = 1;

/// The rows alone.
struct OfReports;

const STATES: [&str; 3] = ["kept", "owed", "refused"];
const STATE: &str = "state";
const CONTRACT: &str = "contract";

/// A report.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// When it was so.
    at: Time,
    changed_at: Time,
    /// Under which contract.
    contract: EntityId,
    /// What was counted.
    #[schemars(with = "Facts")]
    facts: Value,
    id: EntityId,
    made_at: Time,
    /// What the main site calls it.
    name: String,
    /// Why the partner does not take it, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// Whether the partner is still to be given it.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

impl FeeReports {
    /// The report that a row of a contract's part holds.
    ///
    /// # Errors
    /// Where the bytes are none of this view's.
    pub(crate) fn read(row: &[u8]) -> Result<Report, NotARow> {
        serde_json::from_slice(row).map_err(|error| NotARow(error.to_string()))
    }

    /// Where the reports under `contract` lie: from a key on, and before another.
    pub(crate) fn keys(contract: EntityId) -> (Vec<u8>, Vec<u8>) {
        let of = |last: &[u8]| [&[OF_CONTRACT], &contract.as_bytes()[..], last].concat();
        (of(&[]), of(&[0xff; EntityId::BYTES + 1]))
    }
}

impl EntityTable for OfReports {
    type Entity = FeeReport;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "fee-reports";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str =
        "Reports of what a fee depends on and no access log says, and whether the partner has them.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "whether the partner is still to be given it", &STATES),
        Filter::any(CONTRACT, "under which contract"),
    ];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<FeeReport, ()>) -> Option<Shown> {
        let Row { state, begun_at: made_at, changed_at, version, .. } = row;
        let Report { contract, name, at, facts } = state.report()?.clone();
        // As a value, its members are in the order of their names.
        let facts = serde_json::to_value(&facts).unwrap_or_default();
        let (state, refusal) = match state {
            FeeReport::Absent => return None,
            FeeReport::Made { to: Some(_), .. } => ("owed", None),
            FeeReport::Made { refused: None, .. } => ("kept", None),
            FeeReport::Made { refused, .. } => ("refused", refused),
        };
        Some(Shown { at, changed_at, contract, facts, id, made_at, name, refusal, state, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state) && filters.admits(CONTRACT, &shown.contract.to_string())
    }
}

impl View for FeeReports {
    fn name(&self) -> &'static str {
        OfReports::NAME
    }

    fn revision(&self) -> u32 {
        revision_with::<FeeReport>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != FeeReport::FAMILY {
            return Ok(());
        }
        if let Event::Made { report, .. } = event.decode::<FeeReport>()? {
            let key = [&[OF_CONTRACT], &report.contract.as_bytes()[..], &event.entity.id.as_bytes()[..]].concat();
            // Plain structs of strings and numbers, whose serialisation cannot fail.
            rows.index(&key, serde_json::to_vec(report).unwrap_or_default());
        }
        ROWS.apply(event, rows)
    }

    fn table(&self) -> Option<&dyn Table> {
        const { &ROWS }.table()
    }
}
