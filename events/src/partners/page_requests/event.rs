//! What happens to a request.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::TokenHash;
use crate::partners::contracts::{Collecting, Mode, Side, Step};
use crate::time::Time;

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Of which kind, as `buy`.
    pub kind: String,
    /// Which article, or what else the request is about.
    pub article: String,
    /// How many.
    pub quantity: u32,
}

/// The contract by which a request is processed, as it was when the request came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Which.
    pub contract: EntityId,
    /// The party of the main site.
    pub main: EntityId,
    /// So long each step is waited for.
    pub answer_secs: u32,
    /// So long what is reserved for the other site stays so without a word from there.
    pub hold_secs: u32,
    /// What the main site is due of a sale.
    pub collecting: Option<Collecting>,
}

/// A step, and at which site it is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Which.
    pub step: Step,
    /// At which site; the partner's is the one that shows the page.
    pub at: Side,
}

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// What it costs, or what was paid.
    pub amount: Option<Minor>,
    /// In which currency.
    pub currency: Option<Currency>,
    /// How many there are.
    pub available: Option<u64>,
    /// What is answered, as a time or the number of a delivery; no personal data.
    pub text: Option<String>,
}

/// A step that was taken, as one site tells it the other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Which.
    pub step: Step,
    /// What came of it.
    pub found: Found,
}

/// A step that could not be taken, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which.
    pub step: Step,
    /// Why: a slug.
    pub reason: String,
}

/// What happened to a request. Holds no personal data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A visitor asks.
    #[serde(rename = "page_request.opened")]
    Opened {
        /// On which page.
        page: EntityId,
        /// For what.
        wanted: Wanted,
        /// The stock of the article at this site.
        stock: EntityId,
        /// By which contract, where the page came by one.
        bound: Option<Bound>,
        /// Who processes it.
        mode: Mode,
        /// Its steps, in order; where the main site is asked for them, those that it may name.
        tasks: Vec<Task>,
        /// What the capability hashes to by which the visitor sees what becomes of it.
        capability: TokenHash,
    },
    /// The other site entrusts steps of a request to this one.
    #[serde(rename = "page_request.entrusted")]
    Entrusted {
        /// The party of that site.
        from: EntityId,
        /// What it calls the request.
        request: EntityId,
        /// For what.
        wanted: Wanted,
        /// The stock of the article at this site.
        stock: EntityId,
        /// By which contract.
        bound: Bound,
        /// The steps that were taken before.
        taken: Vec<Taken>,
        /// Those that are entrusted, in order.
        steps: Vec<Step>,
        /// Whether no step comes after these: what was reserved is sold then.
        last: bool,
    },
    /// The other site asks which steps to take, and is told.
    #[serde(rename = "page_request.commanded")]
    Commanded {
        /// The party of that site.
        from: EntityId,
        /// What it calls the request.
        request: EntityId,
        /// For what.
        wanted: Wanted,
        /// By which contract.
        contract: EntityId,
        /// The steps, in order.
        steps: Vec<Step>,
    },
    /// The main site named the steps.
    #[serde(rename = "page_request.steps_named")]
    StepsNamed {
        /// Which activity it was.
        attempt: u32,
        /// Which steps.
        steps: Vec<Step>,
    },
    /// A step waits for an answer at this site.
    #[serde(rename = "page_request.step_begun")]
    StepBegun {
        /// Which.
        step: Step,
        /// Until when an answer counts.
        until: Time,
    },
    /// A step was taken.
    #[serde(rename = "page_request.step_done")]
    StepDone {
        /// Which.
        step: Step,
        /// What came of it.
        found: Found,
    },
    /// A step was not, and so the request came to nothing.
    #[serde(rename = "page_request.step_refused")]
    StepRefused {
        /// Which.
        step: Step,
        /// Why: a slug.
        reason: String,
    },
    /// The other site was told what was owed to it.
    #[serde(rename = "page_request.told")]
    Told {
        /// Which activity it was.
        attempt: u32,
        /// Until when what is reserved for it stays so.
        until: Option<Time>,
    },
    /// It was told, and refused it.
    #[serde(rename = "page_request.not_told")]
    NotTold {
        /// Which activity it was.
        attempt: u32,
        /// Why: a slug.
        reason: String,
    },
    /// What was reserved for the other site is not any more: sold, or for others again.
    #[serde(rename = "page_request.settled")]
    Settled {
        /// Whether it was sold.
        sold: bool,
    },
}
