//! The auditor's settlement: presented once, settled at most once, never without a permission that came in time, for what was
//! delivered and no more than was permitted; what was not settled is released; what is given back was settled.

use kippu_events::approvals::settlements::{By, Event};
use kippu_events::approvals::settler_terms::Order;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Principal, Time};

use crate::rules::{Rule, Seen};

/// What is remembered of a settlement.
#[derive(Default)]
pub(crate) struct Facts {
    phase: Phase,
    terms: Option<Terms>,
    permit: Option<Permit>,
    delivery: Option<Delivery>,
    /// Until when the buyer is waited for, once it may fetch.
    available: Option<Time>,
    settled: u64,
    is_noticed: bool,
    /// Ordered, and neither done nor refused.
    refund: Option<u64>,
    refunded: u64,
    /// What of it the shop knows.
    told: u64,
    /// The number of the last outcome.
    attempt: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Phase {
    #[default]
    Absent,
    Open,
    Releasing,
    Settled,
    Over,
}

struct Terms {
    total: u64,
    currency: Currency,
    wait_until: Time,
    order: Order,
}

struct Permit {
    approval: EntityId,
    amount: u64,
    shop_until: Time,
}

struct Delivery {
    amount: u64,
    contents: Vec<u32>,
    held: usize,
    received: Vec<u32>,
    direct: bool,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        self.who(event, seen);
        self.number(event, seen);
        match event {
            Event::Presented { total, currency, wait_until, order, .. } => {
                self.step(&[Phase::Absent], Phase::Open, Rule::PresentOnce, seen);
                let (total, currency, wait_until, order) = (total.units(), *currency, *wait_until, *order);
                self.terms = Some(Terms { total, currency, wait_until, order });
            }
            Event::Permitted { approval, amount, currency, shop_until, .. } => {
                let permit = Permit { approval: *approval, amount: amount.units(), shop_until: *shop_until };
                self.permitted(permit, *currency, seen);
            }
            Event::Offered { .. } => {
                if self.permit.is_none() || self.delivery.is_some() {
                    seen.breach(Rule::DeliverOnce, "an offer was made before the payment was permitted, or too late");
                }
            }
            Event::ContentsNamed { amount, contents, direct, .. } => {
                if self.permit.is_none() || self.delivery.is_some() || self.phase != Phase::Open {
                    seen.breach(Rule::DeliverOnce, "delivered before the payment was permitted, or twice");
                }
                let contents = contents.iter().map(|content| content.n).collect();
                let (amount, held, received, direct) = (amount.units(), 0, Vec::new(), *direct);
                self.delivery = Some(Delivery { amount, contents, held, received, direct });
            }
            Event::ContentHeld { content, .. } => {
                let delivery = self.delivery.as_mut().filter(|_| self.phase == Phase::Open);
                match delivery {
                    Some(delivery) if delivery.contents.get(delivery.held) == Some(content) => delivery.held += 1,
                    Some(_) | None => seen.breach(Rule::Held, format!("content {content} is held, which was not next")),
                }
            }
            Event::Available { until } => {
                self.is_held("may be fetched", seen);
                if self.phase != Phase::Open || self.available.is_some() {
                    seen.breach(Rule::OverOnce, "may be fetched, and is settled or over, or could be before");
                }
                self.available = Some(*until);
            }
            Event::Received { contents } => self.received(contents, seen),
            Event::Settled { approval, amount, currency, .. } => {
                self.settle(*approval, amount.units(), *currency, seen);
            }
            Event::Noticed { .. } => {
                if self.phase != Phase::Settled || std::mem::replace(&mut self.is_noticed, true) {
                    seen.breach(Rule::NoticeOnce, "a notice of what is not settled, or a second one");
                }
            }
            Event::Refused { by, .. } => {
                let to = if *by == By::Issuer { Phase::Over } else { Phase::Releasing };
                self.step(&[Phase::Open], to, Rule::OverOnce, seen);
                if to == Phase::Over && self.permit.is_some() {
                    seen.breach(Rule::Release, "what was permitted is over, and not released");
                }
            }
            Event::TimedOut { .. } => {
                let until = self.permit.as_ref().map(|permit| permit.shop_until);
                self.not_before(until.or_else(|| self.terms.as_ref().map(|terms| terms.wait_until)), seen);
                self.step(&[Phase::Open], Phase::Releasing, Rule::OverOnce, seen);
            }
            Event::Cancelled { by } => {
                if *by == By::Deadline {
                    self.not_before(self.available, seen);
                }
                self.step(&[Phase::Open], Phase::Releasing, Rule::OverOnce, seen);
            }
            Event::Released { .. } => self.step(&[Phase::Releasing], Phase::Over, Rule::Release, seen),
            Event::RefundOrdered { amount } => self.refund_ordered(amount.units(), seen),
            Event::Refunded { amount, .. } => {
                self.refund_ends(*amount, seen);
                self.refunded = self.refunded.saturating_add(amount.units());
            }
            Event::RefundRefused { amount, .. } => self.refund_ends(*amount, seen),
            Event::RefundTold { total, .. } => {
                let told = std::mem::replace(&mut self.told, total.units());
                if self.told <= told || self.told > self.refunded {
                    seen.breach(
                        Rule::Refund,
                        format!("the shop was told of {total}, but {} were given back", self.refunded),
                    );
                }
            }
            Event::HandedOver { .. } => {
                let is_there = self.delivery.as_ref().is_some_and(|delivery| delivery.direct);
                if self.phase != Phase::Settled || !is_there {
                    seen.breach(Rule::Held, "handed over what is not settled, or not at the shop");
                }
            }
        }
    }

    /// Outcomes are brought by the node itself, and so are deadlines.
    fn who(&self, event: &Event, seen: &mut Seen<'_>) {
        match event {
            Event::Permitted { .. }
            | Event::Offered { .. }
            | Event::ContentsNamed { .. }
            | Event::ContentHeld { .. }
            | Event::Noticed { .. }
            | Event::Refused { .. }
            | Event::Released { .. }
            | Event::Refunded { .. }
            | Event::RefundRefused { .. }
            | Event::RefundTold { .. } => seen.done_by(Principal::Activity),
            Event::Cancelled { by: By::Deadline } => seen.done_by(Principal::Deadline),
            // The deadline, or an outcome that came after it.
            Event::TimedOut { .. } if seen.principal == Principal::Activity => {}
            Event::TimedOut { .. } => seen.done_by(Principal::Deadline),
            Event::Presented { .. }
            | Event::Available { .. }
            | Event::Received { .. }
            | Event::Settled { .. }
            | Event::Cancelled { .. }
            | Event::RefundOrdered { .. }
            | Event::HandedOver { .. } => {}
        }
    }

    /// The outcome of what was given up, or a second one, is none.
    fn number(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let attempt = match event {
            Event::Permitted { attempt, .. }
            | Event::Offered { attempt, .. }
            | Event::ContentsNamed { attempt, .. }
            | Event::ContentHeld { attempt, .. }
            | Event::Noticed { attempt }
            | Event::Refused { attempt, .. }
            | Event::TimedOut { attempt, .. }
            | Event::Released { attempt, .. }
            | Event::Refunded { attempt, .. }
            | Event::RefundRefused { attempt, .. }
            | Event::RefundTold { attempt, .. } => *attempt,
            Event::Presented { .. }
            | Event::Available { .. }
            | Event::Received { .. }
            | Event::Settled { .. }
            | Event::Cancelled { .. }
            | Event::RefundOrdered { .. }
            | Event::HandedOver { .. } => return,
        };
        if attempt <= self.attempt {
            seen.breach(Rule::Attempt, format!("the outcome of number {attempt} came after that of {}", self.attempt));
        }
        self.attempt = attempt;
    }

    fn permitted(&mut self, permit: Permit, currency: Currency, seen: &mut Seen<'_>) {
        if self.phase != Phase::Open || self.permit.is_some() {
            seen.breach(Rule::PermitOnce, format!("settlements/{} was {:?} and was permitted", seen.id, self.phase));
        }
        if let Some(terms) = &self.terms {
            if seen.time >= terms.wait_until {
                seen.breach(
                    Rule::Wait,
                    format!("permitted at {}, but waited for until {}", seen.time, terms.wait_until),
                );
            }
            if permit.amount < terms.total || currency != terms.currency {
                let Permit { amount, .. } = permit;
                seen.breach(
                    Rule::Amount,
                    format!("{amount} {currency} permitted for {} {}", terms.total, terms.currency),
                );
            }
        }
        self.permit = Some(permit);
    }

    fn received(&mut self, contents: &[u32], seen: &mut Seen<'_>) {
        let may = self.phase == Phase::Settled || (self.phase == Phase::Open && self.available.is_some());
        let Some(delivery) = self.delivery.as_mut().filter(|_| may) else {
            return seen.breach(Rule::Received, "received what nobody could fetch");
        };
        for n in contents {
            if !delivery.contents.contains(n) || delivery.received.contains(n) {
                seen.breach(Rule::Received, format!("content {n} was received, which is none or was received before"));
            }
            delivery.received.push(*n);
        }
    }

    fn settle(&mut self, approval: EntityId, amount: u64, currency: Currency, seen: &mut Seen<'_>) {
        self.is_held("is settled", seen);
        self.step(&[Phase::Open], Phase::Settled, Rule::SettleOnce, seen);
        self.settled = amount;
        let (Some(permit), Some(terms)) = (&self.permit, &self.terms) else {
            return seen.breach(Rule::Permission, "settled without a permission");
        };
        if approval != permit.approval {
            seen.breach(Rule::Permission, format!("approvals/{approval} is not the one that was permitted"));
        }
        let delivered = self.delivery.as_ref().map_or(0, |delivery| delivery.amount);
        if amount != delivered || amount > permit.amount || amount > terms.total || currency != terms.currency {
            let of = permit.amount;
            seen.breach(Rule::Amount, format!("{amount} {currency} settled, {delivered} delivered, {of} permitted"));
        }
        let is_direct = self.delivery.as_ref().is_some_and(|delivery| delivery.direct);
        if terms.order == Order::DeliverFirst && !is_direct && self.available.is_none() {
            seen.breach(Rule::Order, "settled before it could be fetched, where delivery comes first");
        }
    }

    /// Everything that is to be held here is.
    fn is_held(&self, what: &str, seen: &mut Seen<'_>) {
        let held = self.delivery.as_ref().is_some_and(|it| it.direct || it.held == it.contents.len());
        if !held {
            seen.breach(Rule::Held, format!("{what}, and the contents are not held"));
        }
    }

    fn refund_ordered(&mut self, amount: u64, seen: &mut Seen<'_>) {
        let within = self.refunded.checked_add(amount).is_some_and(|sum| sum <= self.settled);
        if self.phase != Phase::Settled || self.refund.is_some() || !within {
            let (settled, refunded) = (self.settled, self.refunded);
            seen.breach(Rule::Refund, format!("{amount} is to be given back of {settled}, {refunded} was before"));
        }
        self.refund = Some(amount);
    }

    fn refund_ends(&mut self, amount: Minor, seen: &mut Seen<'_>) {
        if self.refund.take() != Some(amount.units()) || !self.is_noticed {
            seen.breach(Rule::Refund, format!("{amount} given back, which was not to be"));
        }
    }

    fn not_before(&self, until: Option<Time>, seen: &mut Seen<'_>) {
        if let Some(until) = until.filter(|until| seen.time < *until) {
            seen.breach(Rule::Expiry, format!("given up at {}, but waited for until {until}", seen.time));
        }
    }

    fn step(&mut self, from: &[Phase], to: Phase, rule: Rule, seen: &mut Seen<'_>) {
        if !from.contains(&self.phase) {
            seen.breach(rule, format!("settlements/{} was {:?} and became {to:?}", seen.id, self.phase));
        }
        self.phase = to;
    }
}
