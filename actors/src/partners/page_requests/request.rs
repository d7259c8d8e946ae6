//! What requests are asked, and what they answer.

use kippu_events::money::{Currency, Minor};
use kippu_events::partners::contracts::{Known, Step};
use kippu_events::partners::page_requests::{Bound, Failure, Found, Taken, Wanted};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::partners::stocks::MOST_ARTICLE_CHARS;
use crate::text::{Text, named};

/// A word.
pub const MOST_KIND_CHARS: usize = 32;
/// A slug.
pub const MOST_REASON_CHARS: usize = 64;
/// A few sentences.
pub const MOST_ANSWER_CHARS: usize = 512;

const fn one() -> u32 {
    1
}

commands! {
    /// A visitor asks.
    Open = "open" New [Guest, Terminal, Operator] "Asks for something on a page of this site: `buy`, `price`, `stock`, or whatever else the site answers. The same as a form that is sent to the page." {
        /// On which page.
        page: EntityId,
        /// The contract by which the page came, where it came by one.
        #[serde(default)]
        contract: Option<EntityId>,
        /// Of which kind.
        kind: Text<MOST_KIND_CHARS>,
        /// Which article, or what else it is about; no personal data.
        article: Text<MOST_ARTICLE_CHARS>,
        /// How many.
        #[serde(default = "one")]
        #[schemars(range(min = 1))]
        quantity: u32,
    }
    /// A program of the site answers a step.
    Answer = "answer" Id [Operator, Shop] "Says what came of the step that waits, once: a price, a payment, a delivery, or any other answer." {
        /// Which step.
        #[serde(deserialize_with = "named")]
        step: Step,
        /// Why it could not be taken, where it could not: a slug.
        #[serde(default)]
        refused: Option<Text<MOST_REASON_CHARS>>,
        /// What it costs, or what was paid. A price has both of these.
        #[serde(default)]
        amount: Option<Minor>,
        /// In which currency.
        #[serde(default)]
        currency: Option<Currency>,
        /// What is answered; no personal data.
        #[serde(default)]
        text: Option<Text<MOST_ANSWER_CHARS>>,
    }
    /// The partner's node asks which steps to take.
    Consult = "consult" Token [PartnerSite] "Asks the main site which steps of a request the partner site takes." {
        /// By which contract.
        contract: EntityId,
        /// What the partner calls the request.
        request: EntityId,
        /// For what.
        wanted: Wanted,
        /// Until when an answer is of use.
        until: Time,
    }
    /// The partner's node entrusts steps.
    Entrust = "entrust" Token [PartnerSite] "Entrusts steps of a request to the main site." {
        /// By which contract.
        contract: EntityId,
        /// What the partner calls the request.
        request: EntityId,
        /// For what.
        wanted: Wanted,
        /// The steps that were taken before.
        taken: Vec<Taken>,
        /// Those that are entrusted, in order.
        steps: Vec<Step>,
        /// Until when it is of use.
        until: Time,
    }
    /// The main site's node tells what came of them.
    Report = "report" Id [MainSite] "Tells the partner site what came of the steps that it entrusted." {
        /// Those that were taken.
        taken: Vec<Taken>,
        /// The one that was not.
        #[serde(default)]
        failure: Option<Failure>,
    }
    /// The partner's node tells how the request ended.
    Settle = "settle" Id [PartnerSite] "Tells the main site whether what it reserved is sold." {
        /// Whether it is.
        sold: bool,
    }
    /// The operator of the main site waits no longer.
    Release = "release" Id [Operator] "Releases what is reserved for a request of the partner site, which is told so when it comes to settle." {}
}

/// A request that was checked, an outcome, or a time that has come.
pub enum Command {
    /// A visitor asks.
    Open(Box<Asked>),
    /// A step was answered.
    Answer {
        /// Which.
        step: Step,
        /// What came of it, or why it was refused.
        answer: Result<Found, String>,
    },
    /// The other site asks which steps to take.
    Consult(Box<Entrusted>),
    /// The other site entrusts steps.
    Entrust(Box<Entrusted>),
    /// The other site tells what came of those that were entrusted to it.
    Report {
        /// Which party tells it.
        by: Option<EntityId>,
        /// Those that were taken.
        taken: Vec<Taken>,
        /// The one that was not.
        failure: Option<Failure>,
    },
    /// The other site tells how the request ended.
    Settle {
        /// Which party tells it.
        by: Option<EntityId>,
        /// Whether what was reserved is sold.
        sold: bool,
    },
    /// The operator releases what is reserved.
    Release,
    /// What came of what was owed to the other site.
    CameOf {
        /// Which activity.
        attempt: u32,
        /// Why it was refused.
        refusal: Option<String>,
        /// The steps that were named.
        steps: Option<Vec<Step>>,
    },
    /// Nobody has answered in time.
    TimeUp,
}

/// What a visitor asks for.
pub struct Asked {
    /// On which page.
    pub page: EntityId,
    /// For what.
    pub wanted: Wanted,
    /// The stock of the article.
    pub stock: EntityId,
    /// The contract by which the page came, as it was when it was looked up.
    pub contract: Option<(EntityId, Box<Known>)>,
}

/// What the other site entrusts.
pub struct Entrusted {
    /// By which contract, as it was when it was looked up.
    pub contract: (EntityId, Box<Known>),
    /// What the other site calls the request.
    pub request: EntityId,
    /// For what.
    pub wanted: Wanted,
    /// The stock of the article.
    pub stock: EntityId,
    /// The steps that were taken before.
    pub taken: Vec<Taken>,
    /// Those that are entrusted.
    pub steps: Vec<Step>,
    /// Until when it is of use.
    pub until: Time,
}

impl Entrusted {
    /// What the request keeps of `terms`.
    pub(super) fn bound(&self, answer_secs: u32, hold_secs: u32) -> Bound {
        let (contract, known) = &self.contract;
        Bound { contract: *contract, main: known.main, answer_secs, hold_secs, collecting: None }
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The request.
    pub id: EntityId,
    /// What shows it to whoever asked, `kpc_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// The steps that the partner site takes, where it asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
}
