//! `stocks`: how many of each article there are, are reserved, and were sold.

use std::collections::BTreeSet;

use kippu_events::access::Role;
use kippu_events::partners::contracts::Step;
use kippu_events::partners::stocks::{Event, Stock};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Stocks;

const ARTICLE: &str = "article";

/// The stock of an article.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// Which article.
    article: String,
    /// How many can be reserved.
    available: u64,
    changed_at: Time,
    id: EntityId,
    /// How many there are, with those that are reserved.
    on_hand: u64,
    /// How many of them are reserved.
    reserved: u64,
    /// How many were sold.
    sold: u64,
    /// What partner sites are told that ask which steps to take, where it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<BTreeSet<Step>>,
    version: u64,
}

impl EntityTable for Stocks {
    type Entity = Stock;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "stocks";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "How many of each article there are, are reserved, and were sold.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator), Grant::staff(Role::Shop)];
    const FILTERS: &'static [Filter] = &[Filter::any(ARTICLE, "which article")];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<Stock, ()>) -> Option<Shown> {
        let Row { state, changed_at, version, .. } = row;
        let available = state.available();
        let Stock { article, on_hand, reserved, sold, steps } = state;
        Some(Shown { article, available, changed_at, id, on_hand, reserved, sold, steps, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(ARTICLE, &shown.article)
    }
}
