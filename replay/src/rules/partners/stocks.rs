//! The auditor's stock: nothing is reserved, sold or removed that is not there, and what is reserved for a request goes one way, once.

use std::collections::HashMap;

use kippu_events::EntityId;
use kippu_events::id::BuildIdHasher;
use kippu_events::partners::stocks::Event;

use crate::rules::{Rule, Seen};

/// What is remembered of a stock.
#[derive(Default)]
pub(crate) struct Facts {
    there: u64,
    /// By the requests for which they are kept.
    reserved: HashMap<EntityId, u64, BuildIdHasher>,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        match event {
            Event::Received { quantity, .. } => self.there = self.there.saturating_add(u64::from(*quantity)),
            Event::Removed { quantity } => {
                self.free(u64::from(*quantity), "removed", seen);
                self.there = self.there.saturating_sub(u64::from(*quantity));
            }
            Event::Reserved { request, quantity } => {
                self.free(u64::from(*quantity), "reserved", seen);
                if self.reserved.insert(*request, u64::from(*quantity)).is_some() {
                    seen.breach(Rule::StockOnce, format!("something was reserved for {request} before"));
                }
            }
            Event::Sold { request, quantity } => {
                self.ends(*request, *quantity, seen);
                if self.there < u64::from(*quantity) {
                    seen.breach(Rule::StockKept, format!("{quantity} sold of {}", self.there));
                }
                self.there = self.there.saturating_sub(u64::from(*quantity));
            }
            Event::Released { request, quantity } => self.ends(*request, *quantity, seen),
            Event::Instructed { .. } => {}
        }
    }

    fn free(&self, wanted: u64, how: &str, seen: &mut Seen<'_>) {
        let reserved: u64 = self.reserved.values().sum();
        let free = self.there.saturating_sub(reserved);
        if wanted > free {
            seen.breach(Rule::StockKept, format!("{wanted} {how} where {free} are free"));
        }
    }

    fn ends(&mut self, request: EntityId, quantity: u32, seen: &mut Seen<'_>) {
        let reserved = self.reserved.remove(&request);
        if reserved != Some(u64::from(quantity)) {
            let reserved = reserved.unwrap_or_default();
            seen.breach(
                Rule::StockOnce,
                format!("{quantity} sold or released for {request}, where {reserved} are reserved"),
            );
        }
    }
}
