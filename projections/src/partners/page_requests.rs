//! `page-requests`: what visitors ask for, where it stands, and what came of each step. Whoever asked sees the own one by its capability.

use kippu_events::access::Role;
use kippu_events::money::{Currency, Minor};
use kippu_events::partners::contracts::{Mode, Side, Step};
use kippu_events::partners::page_requests::{
    Event, Failure, Found, Known, Origin, PageRequest, Phase, Reserved, Taken, Wanted,
};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::{Grant, Owner};
use crate::view::{Filter, Filters};

/// See the module.
pub struct PageRequests;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    /// Of a request that the other site asked about.
    asked: Option<(EntityId, EntityId, Wanted, EntityId)>,
}

const STATES: [&str; 10] =
    ["asking", "waiting", "entrusting", "entrusted", "settling", "reporting", "held", "done", "failed", "commanded"];
const STEPS: [&str; 5] = ["price", "stock", "payment", "delivery", "answer"];
const STATE: &str = "state";
const WAITS_FOR: &str = "waits_for";
const KIND: &str = "kind";
const ARTICLE: &str = "article";

/// A request of a visitor, or steps of one that the other site entrusts.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// Which article, or what else it is about.
    article: String,
    changed_at: Time,
    /// By which contract, where one counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<EntityId>,
    /// The step that could not be taken, where one could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<ShownFailure>,
    /// The party of the other site that entrusts it, or asked about it, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<EntityId>,
    id: EntityId,
    /// Of which kind.
    kind: String,
    /// Who processes it, where a visitor asked here.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    opened_at: Time,
    /// On which page, where a visitor asked here.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<EntityId>,
    /// How many.
    quantity: u32,
    /// What the other site calls it, where that entrusts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<EntityId>,
    /// Where some of the stock is reserved for it now.
    #[schemars(extend("enum" = ["nowhere", "here", "there"]))]
    reserved: &'static str,
    /// Where it stands: the main site is asked which steps to take; a step waits for an answer here; the other site is to be told, or
    /// takes steps; it is to be told how the request ended, or what came of its steps; it is to say what becomes of what is reserved; over.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// Its steps, in order.
    steps: Vec<ShownStep>,
    /// Until when the step that waits may be answered, or what is reserved stays so.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
    version: u64,
    /// The step that waits for an answer here.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<Step>,
}

/// A step that could not be taken.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Failure")]
struct ShownFailure {
    /// Why: a slug.
    reason: String,
    /// Which.
    step: Step,
}

/// A step.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Step")]
struct ShownStep {
    /// What it costs, or what was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Minor>,
    /// At which site it is taken.
    at: Side,
    /// How many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<u64>,
    /// In which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    /// Whether it was taken.
    done: bool,
    /// Which.
    step: Step,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

const fn name(step: Step) -> &'static str {
    match step {
        Step::Price => STEPS[0],
        Step::Stock => STEPS[1],
        Step::Payment => STEPS[2],
        Step::Delivery => STEPS[3],
        Step::Answer => STEPS[4],
    }
}

fn shown_step(step: Step, at: Side, taken: Option<&Taken>) -> ShownStep {
    let done = taken.is_some();
    let Found { amount, currency, available, text } = taken.map(|taken| taken.found.clone()).unwrap_or_default();
    ShownStep { amount, at, available, currency, done, step, text }
}

fn stands(known: &Known) -> (&'static str, Option<Time>) {
    match (&known.phase, &known.failure) {
        (Phase::Asking, _) => (STATES[0], None),
        // Never between two records.
        (Phase::Ready, _) => (STATES[1], None),
        (Phase::Waiting { until }, _) => (STATES[1], Some(*until)),
        (Phase::Entrusting, _) => (STATES[2], None),
        (Phase::Entrusted, _) => (STATES[3], None),
        (Phase::Settling { .. }, _) => (STATES[4], None),
        (Phase::Reporting, _) => (STATES[5], None),
        (Phase::Held { until }, _) => (STATES[6], Some(*until)),
        (Phase::Over, None) => (STATES[7], None),
        (Phase::Over, Some(_)) => (STATES[8], None),
    }
}

impl EntityTable for PageRequests {
    type Entity = PageRequest;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "page-requests";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Requests of visitors to pages, and what came of each step.";
    const GRANTS: &'static [Grant] =
        &[Grant::all(Role::Operator), Grant::staff(Role::Shop), Grant::own(Role::Guest, Owner::Holder)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "where it stands", &STATES),
        Filter::of(WAITS_FOR, "the step that waits for an answer here", &STEPS),
        Filter::any(KIND, "of which kind"),
        Filter::any(ARTICLE, "which article, or what else it is about"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        if let Event::Commanded { from, request, wanted, contract, .. } = event {
            kept.asked = Some((*from, *request, wanted.clone(), *contract));
        }
    }

    fn show(id: EntityId, row: Row<PageRequest, Kept>) -> Option<Shown> {
        let Row { state, kept, begun_at: opened_at, changed_at, version } = row;
        let known = match state {
            PageRequest::Absent => return None,
            PageRequest::Commanded(steps) => {
                let (from, request, Wanted { kind, article, quantity }, contract) = kept.asked?;
                return Some(Shown {
                    article,
                    changed_at,
                    contract: Some(contract),
                    failure: None,
                    from: Some(from),
                    id,
                    kind,
                    mode: None,
                    opened_at,
                    page: None,
                    quantity,
                    request: Some(request),
                    reserved: "nowhere",
                    state: STATES[9],
                    steps: steps.into_iter().map(|step| shown_step(step, Side::Partner, None)).collect(),
                    until: None,
                    version,
                    waits_for: None,
                });
            }
            PageRequest::Known(known) => known,
        };
        let (state, until) = stands(&known);
        let waits_for = known.next().map(|task| task.step).filter(|_| matches!(known.phase, Phase::Waiting { .. }));
        let steps = (0..).zip(&known.tasks).map(|(n, task)| shown_step(task.step, task.at, known.taken.get(n)));
        let steps = steps.collect();
        let Known { origin, wanted: Wanted { kind, article, quantity }, bound, failure, reserved, .. } = *known;
        let (page, mode, from, request) = match origin {
            Origin::Visitor { page, mode } => (Some(page), Some(mode), None, None),
            Origin::Site { from, request, .. } => (None, None, Some(from), Some(request)),
        };
        Some(Shown {
            article,
            changed_at,
            contract: bound.map(|bound| bound.contract),
            failure: failure.map(|Failure { step, reason }| ShownFailure { reason, step }),
            from,
            id,
            kind,
            mode,
            opened_at,
            page,
            quantity,
            request,
            reserved: match reserved {
                Reserved::Nowhere => "nowhere",
                Reserved::Here => "here",
                Reserved::There(_) => "there",
            },
            state,
            steps,
            until,
            version,
            waits_for,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(WAITS_FOR, shown.waits_for.map(name).unwrap_or_default())
            && filters.admits(KIND, &shown.kind)
            && filters.admits(ARTICLE, &shown.article)
    }
}
