//! `fee-statements`: statements of fees that one or both parties have signed. A party sees its own.

use kippu_events::access::Role;
use kippu_events::blobs::BlobId;
use kippu_events::money::Currency;
use kippu_events::partners::fee_statements::{Difference, Event, FeeStatement, Phase, Said};
use kippu_events::partners::fees::Month;
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct FeeStatements;

const STATES: [&str; 3] = ["signed", "disputed", "cosigned"];
const STATE: &str = "state";
const CONTRACT: &str = "contract";
const MONTH: &str = "month";

/// A statement of the fee of a month.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// Under which contract.
    contract: EntityId,
    /// As the partner site signed it, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosigned: Option<String>,
    currency: Currency,
    /// Where the partner site's own statement differs, where it disputes this one.
    differences: Vec<ShownDifference>,
    id: EntityId,
    /// The party of the main site.
    main: EntityId,
    /// The month.
    month: Month,
    /// Which statement of the month: 1 is the first.
    number: u32,
    /// The party of the partner site.
    partner: EntityId,
    /// Why the partner site disputes it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Why the other party refused what it was told last, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// What the statement hashes to.
    sha256: BlobId,
    /// As the main site signed it.
    signed: String,
    /// Whether the partner site has signed the same.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// What is owed, in minor units.
    total: i64,
    /// Whether the other party is still to be told something.
    untold: bool,
    version: u64,
}

/// Something that one party's statement says otherwise than the other's.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ShownDifference {
    /// As the main site has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    main: Option<String>,
    /// As the partner site has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    /// What it is about.
    what: String,
}

impl From<Difference> for ShownDifference {
    fn from(Difference { what, main, partner }: Difference) -> Self {
        Self { main, partner, what }
    }
}

impl EntityTable for FeeStatements {
    type Entity = FeeStatement;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "fee-statements";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Statements of fees, and whether both parties have signed them.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "whether the partner site has signed the same", &STATES),
        Filter::any(CONTRACT, "under which contract"),
        Filter::any(MONTH, "the month, as 2026-11"),
    ];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<FeeStatement, ()>) -> Option<Shown> {
        let Row { state, changed_at, version, .. } = row;
        let FeeStatement::Known(known) = state else { return None };
        let Said { contract, month, number, sha256, total, currency, .. } = known.said.0;
        let (state, cosigned, differences, reason) = match known.phase {
            Phase::Signed => ("signed", None, Vec::new(), None),
            Phase::Cosigned { signed, .. } => ("cosigned", Some(signed), Vec::new(), None),
            Phase::Disputed { differences, reason } => ("disputed", None, differences, reason),
        };
        Some(Shown {
            changed_at,
            contract,
            cosigned,
            currency,
            differences: differences.into_iter().map(Into::into).collect(),
            id,
            main: known.main,
            month,
            number,
            partner: known.partner,
            reason,
            refusal: known.refused,
            sha256,
            signed: known.signed,
            state,
            total,
            untold: known.untold.is_some(),
            version,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(CONTRACT, &shown.contract.to_string())
            && filters.admits(MONTH, &shown.month.to_string())
    }
}
