//! What becomes of a request in one record: one event after the other, until something is waited for. What its steps do to the stock, and
//! what the main site is due of it, is in the same record.

use std::time::Duration;

use kippu_events::money::Minor;
use kippu_events::partners::collections::{self, Charge, Collection};
use kippu_events::partners::contracts::{Side, Step};
use kippu_events::partners::page_requests::{Bound, Event, Found, Known, PageRequest, Phase, Reserved, Task};
use kippu_events::partners::stocks::Stock;
use kippu_events::{Entity as _, EntityId, Time};

use crate::actor::Decision;
use crate::partners::collections::charged;
use crate::partners::stocks::Shelf;

/// So long a step of a request to an original page is waited for.
const ANSWER_SECS: u32 = 120;

/// See the module.
pub(super) struct Course {
    id: EntityId,
    now: Time,
    state: PageRequest,
    shelf: Shelf,
    own: Vec<Event>,
}

impl Course {
    /// Of the request `id`, which stands so, beside the stock of its article.
    pub(super) fn of(state: &PageRequest, stock: &Stock, id: EntityId, now: Time) -> Self {
        Self { id, now, state: state.clone(), shelf: Shelf::of(stock, id), own: Vec::new() }
    }

    /// Which of these steps partner sites are told to take for this article.
    pub(super) fn told(&self, all: &[Step]) -> Vec<Step> {
        self.shelf.told(all)
    }

    /// This happens, and with it what becomes of a reservation.
    pub(super) fn happens(mut self, event: Event) -> Self {
        let before = self.state.known().map(|known| known.reserved);
        self.state.evolve(&event, self.now);
        if let (Some(Reserved::Here), Some(known)) = (before, self.state.known())
            && known.reserved != Reserved::Here
        {
            let sold = match event {
                Event::Settled { sold } => sold,
                Event::Opened { .. }
                | Event::Entrusted { .. }
                | Event::Commanded { .. }
                | Event::StepsNamed { .. }
                | Event::StepBegun { .. }
                | Event::StepDone { .. }
                | Event::StepRefused { .. }
                | Event::Told { .. }
                | Event::NotTold { .. } => known.failure.is_none(),
            };
            self.shelf.settle(known.wanted.quantity, sold);
        }
        self.own.push(event);
        self
    }

    /// Goes on until somebody is waited for.
    pub(super) fn go_on(mut self) -> Self {
        while let Some(event) = self.next() {
            self = self.happens(event);
        }
        self
    }

    fn next(&mut self) -> Option<Event> {
        let known = self.state.known().filter(|known| known.phase == Phase::Ready)?;
        let Task { step, .. } = known.next()?;
        if step != Step::Stock {
            let secs = known.bound.as_ref().map_or(ANSWER_SECS, |bound| bound.answer_secs);
            return Some(Event::StepBegun { step, until: self.now.after(Duration::from_secs(secs.into())) });
        }
        let (quantity, is_purchase) = (known.wanted.quantity, known.is_purchase());
        if is_purchase && !self.shelf.reserve(quantity) {
            return Some(Event::StepRefused { step, reason: "out-of-stock".to_owned() });
        }
        let reserved = if is_purchase { u64::from(quantity) } else { 0 };
        let available = Some(self.shelf.available().saturating_sub(reserved));
        Some(Event::StepDone { step, found: Found { available, ..Found::default() } })
    }

    /// The record.
    pub(super) fn decision(self, was_over: bool) -> Decision<PageRequest> {
        let Self { id, state, shelf, own, .. } = self;
        let mut decision = Decision { own, others: Vec::new() };
        let Some(known) = state.known() else { return decision };
        for event in shelf.events {
            decision = decision.and::<Stock>(known.stock, event);
        }
        let sale = Some(known).filter(|known| !was_over && known.phase == Phase::Over);
        if let Some((charge, main)) = sale.and_then(|known| due(id, known)) {
            let collection = collections::id_of(charge.contract, &charge.reference).in_slot(id.slot());
            decision = decision.and::<Collection>(collection, charged(charge, main));
        }
        decision
    }
}

/// What the main site is due of a sale that the partner was paid for.
fn due(id: EntityId, known: &Known) -> Option<(Charge, EntityId)> {
    let Bound { contract, main, collecting, .. } = known.bound.as_ref()?;
    let is_paid_here = known.tasks.contains(&Task { step: Step::Payment, at: Side::Partner });
    if !known.is_complete() || !is_paid_here || known.here() != Side::Partner {
        return None;
    }
    let paid = [Step::Payment, Step::Price].into_iter().filter_map(|step| known.found(step));
    let (paid, currency) = paid.into_iter().find_map(|found| Some((found.amount?, found.currency?)))?;
    let charge = (*collecting)?.charge(paid);
    let paid = Some(paid).filter(|paid| *paid > Minor::ZERO)?;
    let charge = Charge {
        contract: *contract,
        reference: id.to_string(),
        prepaid: false,
        at: known.opened_at,
        paid,
        charge,
        currency,
    };
    Some((charge, *main))
}
