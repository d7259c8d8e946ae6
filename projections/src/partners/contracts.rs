//! `contracts`: contracts of main and partner sites, with all their terms. A party sees its own.

use kippu_events::access::Role;
use kippu_events::partners::contracts::{Contract, Event, Standing, Terms};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Contracts;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    refusal: Option<String>,
}

const STATES: [&str; 3] = ["proposed", "in_force", "ended"];
const STATE: &str = "state";
const MAIN: &str = "main";
const PARTNER: &str = "partner";

/// A contract.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// When it ends, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Time>,
    id: EntityId,
    /// The party of the main site.
    main: EntityId,
    /// The party of the partner site.
    partner: EntityId,
    /// Why the other party refused what it was told last, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// Whether terms were accepted, and whether its end was told.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// All terms, oldest first.
    terms: Vec<ShownTerms>,
    /// Whether the other party is still to be told something.
    untold: bool,
    version: u64,
}

/// Terms of a contract.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ShownTerms {
    /// From when they count, once they are accepted.
    from: Time,
    /// Which: 1 is the first.
    number: u32,
    /// What they hash to.
    sha256: String,
    /// What became of them.
    #[schemars(extend("enum" = ["proposed", "accepted", "declined"]))]
    standing: &'static str,
    /// The terms.
    #[schemars(with = "Terms")]
    terms: Value,
}

impl EntityTable for Contracts {
    type Entity = Contract;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "contracts";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Contracts of main and partner sites, with all their terms.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "whether terms were accepted, and whether its end was told", &STATES),
        Filter::any(MAIN, "the party of the main site"),
        Filter::any(PARTNER, "the party of the partner site"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::NotTold { reason, .. } => kept.refusal = Some(reason.clone()),
            Event::Told { .. } => kept.refusal = None,
            Event::Proposed { .. } | Event::Accepted { .. } | Event::Declined { .. } | Event::Ended { .. } => {}
        }
    }

    fn show(id: EntityId, row: Row<Contract, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { refusal }, changed_at, version, .. } = row;
        let Contract::Known(known) = state else { return None };
        let state = match (known.ends_at, known.accepted().next()) {
            (Some(_), _) => "ended",
            (None, Some(_)) => "in_force",
            (None, None) => "proposed",
        };
        let (main, partner, ends_at, untold) = (known.main, known.partner, known.ends_at, !known.untold.is_empty());
        let terms = known.versions.into_iter().map(|version| ShownTerms {
            from: version.from,
            number: version.number,
            sha256: version.sha256,
            standing: match version.standing {
                Standing::Proposed => "proposed",
                Standing::Accepted => "accepted",
                Standing::Declined => "declined",
            },
            // As a value, its members are in the order of their names.
            terms: serde_json::to_value(&version.terms.0).unwrap_or_default(),
        });
        let terms = terms.collect();
        Some(Shown { changed_at, ends_at, id, main, partner, refusal, state, terms, untold, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(MAIN, &shown.main.to_string())
            && filters.admits(PARTNER, &shown.partner.to_string())
    }
}
