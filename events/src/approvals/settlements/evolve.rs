//! What history means.

use super::{
    By, Delivery, Event, Notice, Open, Permit, Phase, Reason, Releasing, Settled, Settlement, Step, Terms, Wanted, Why,
};
use crate::money::Minor;
use crate::time::Time;

/// What `event` at `time` makes of `before`; one that means nothing to it leaves it.
pub(super) fn after(before: Settlement, event: &Event, time: Time) -> Settlement {
    match before {
        Settlement::Absent => presented(event, time),
        Settlement::Open(open) => after_open(open, event, time),
        Settlement::Releasing(releasing) => after_releasing(releasing, event),
        Settlement::Settled(settled) => Settlement::Settled(after_settled(settled, event, time)),
        Settlement::Over(reason) => Settlement::Over(reason),
    }
}

impl Step {
    /// Something else is owed from now on.
    const fn next(self, time: Time) -> Self {
        Self { attempt: self.attempt.saturating_add(1), since: time }
    }
}

fn presented(event: &Event, time: Time) -> Settlement {
    let Event::Presented {
        issuer,
        shop,
        shop_url,
        offer,
        items,
        total,
        currency,
        token,
        presenter,
        order,
        wait_until,
        shop_secs,
        deliver_secs,
        ..
    } = event
    else {
        return Settlement::Absent;
    };
    let wanted = items.iter().filter(|_| offer.is_none());
    let terms = Terms {
        issuer: *issuer,
        shop: *shop,
        shop_url: shop_url.clone(),
        offer: offer.clone(),
        wanted: wanted.map(|i| Wanted { product: i.product, quantity: i.quantity, price: i.price }).collect(),
        total: *total,
        currency: *currency,
        token: token.clone(),
        presenter: *presenter,
        order: *order,
        wait_until: *wait_until,
        shop_secs: *shop_secs,
        deliver_secs: *deliver_secs,
    };
    Settlement::Open(Open { terms, step: Step::default().next(time), phase: Phase::Presented })
}

fn after_open(Open { terms, step, phase }: Open, event: &Event, time: Time) -> Settlement {
    let open = |terms: Terms, phase| Settlement::Open(Open { terms, step: step.next(time), phase });
    match (phase, event) {
        (_, Event::Refused { by, reason, .. }) => {
            let reason = Reason { by: *by, why: Why::Refused(reason.clone()) };
            if *by == By::Issuer { Settlement::Over(reason) } else { releasing(terms, step, reason, time) }
        }
        (_, Event::TimedOut { by, .. }) => releasing(terms, step, Reason { by: *by, why: Why::TimedOut }, time),
        (_, Event::Cancelled { by }) => releasing(terms, step, Reason { by: *by, why: Why::Cancelled }, time),
        (Phase::Presented, Event::Permitted { approval, amount, shop_until, .. }) => {
            let permit = Permit { approval: *approval, amount: *amount };
            let offer = terms.offer.as_ref().map(|offer| offer.id);
            open(terms, Phase::Permitted { permit, offer, until: *shop_until })
        }
        (Phase::Permitted { permit, until, offer: None }, Event::Offered { offer, .. }) => {
            open(terms, Phase::Permitted { permit, offer: Some(*offer), until })
        }
        (
            Phase::Permitted { permit, until, offer: Some(offer) },
            Event::ContentsNamed { amount, names, quantity, contents, direct, capability, .. },
        ) => {
            let delivery = Delivery {
                offer,
                amount: *amount,
                names: names.clone(),
                quantity: *quantity,
                contents: contents.clone(),
                held: 0,
                received: Vec::new(),
                direct: *direct,
                capability: capability.clone(),
            };
            open(terms, Phase::Named { permit, delivery, until })
        }
        (Phase::Named { permit, mut delivery, until }, Event::ContentHeld { .. }) => {
            delivery.held = delivery.contents.len().min(delivery.held + 1);
            open(terms, Phase::Named { permit, delivery, until })
        }
        (Phase::Named { permit, delivery, .. }, Event::Available { until }) => {
            open(terms, Phase::Available { permit, delivery, until: *until })
        }
        (Phase::Available { permit, mut delivery, until }, Event::Received { contents }) => {
            delivery.received.extend(contents);
            Settlement::Open(Open { terms, step, phase: Phase::Available { permit, delivery, until } })
        }
        (
            Phase::Named { delivery, .. } | Phase::Available { delivery, .. },
            Event::Settled { approval, amount, currency, at, .. },
        ) => Settlement::Settled(Settled {
            issuer: terms.issuer,
            shop: terms.shop,
            shop_url: terms.shop_url,
            approval: *approval,
            amount: *amount,
            currency: *currency,
            at: *at,
            presenter: terms.presenter,
            step: step.next(time),
            delivery,
            notice: Notice::Owed,
            refunded: Minor::ZERO,
            told: Minor::ZERO,
            refund: None,
        }),
        (
            phase,
            Event::Presented { .. }
            | Event::Permitted { .. }
            | Event::Offered { .. }
            | Event::ContentsNamed { .. }
            | Event::ContentHeld { .. }
            | Event::Available { .. }
            | Event::Received { .. }
            | Event::Settled { .. }
            | Event::Noticed { .. }
            | Event::Released { .. }
            | Event::RefundOrdered { .. }
            | Event::Refunded { .. }
            | Event::RefundRefused { .. }
            | Event::RefundTold { .. }
            | Event::HandedOver { .. },
        ) => Settlement::Open(Open { terms, step, phase }),
    }
}

fn releasing(terms: Terms, step: Step, reason: Reason, time: Time) -> Settlement {
    Settlement::Releasing(Releasing { terms, step: step.next(time), reason })
}

fn after_releasing(releasing: Releasing, event: &Event) -> Settlement {
    match event {
        Event::Released { .. } => Settlement::Over(releasing.reason),
        Event::Presented { .. }
        | Event::Permitted { .. }
        | Event::Offered { .. }
        | Event::ContentsNamed { .. }
        | Event::ContentHeld { .. }
        | Event::Available { .. }
        | Event::Received { .. }
        | Event::Settled { .. }
        | Event::Noticed { .. }
        | Event::Refused { .. }
        | Event::TimedOut { .. }
        | Event::Cancelled { .. }
        | Event::RefundOrdered { .. }
        | Event::Refunded { .. }
        | Event::RefundRefused { .. }
        | Event::RefundTold { .. }
        | Event::HandedOver { .. } => Settlement::Releasing(releasing),
    }
}

fn after_settled(mut settled: Settled, event: &Event, time: Time) -> Settled {
    match (settled.notice, event) {
        (_, Event::Received { contents }) => settled.delivery.received.extend(contents),
        (Notice::Owed, Event::Noticed { .. }) => {
            settled.notice = Notice::Taken;
            settled.step = settled.step.next(time);
        }
        // What is owed before it keeps its number.
        (Notice::Owed, Event::RefundOrdered { amount }) => settled.refund = Some(*amount),
        (Notice::Taken, Event::RefundOrdered { amount }) => {
            settled.refund = Some(*amount);
            settled.step = settled.step.next(time);
        }
        (Notice::Taken, Event::Refunded { amount, .. }) => {
            settled.refunded = settled.refunded.plus(*amount).unwrap_or(settled.refunded);
            settled.refund = None;
            settled.step = settled.step.next(time);
        }
        (Notice::Taken, Event::RefundRefused { .. }) => {
            settled.refund = None;
            settled.step = settled.step.next(time);
        }
        (Notice::Taken, Event::RefundTold { total, .. }) => settled.told = settled.told.max(*total),
        (
            Notice::Owed | Notice::Taken,
            Event::Presented { .. }
            | Event::Permitted { .. }
            | Event::Offered { .. }
            | Event::ContentsNamed { .. }
            | Event::ContentHeld { .. }
            | Event::Available { .. }
            | Event::Settled { .. }
            | Event::Noticed { .. }
            | Event::Refused { .. }
            | Event::TimedOut { .. }
            | Event::Cancelled { .. }
            | Event::Released { .. }
            | Event::Refunded { .. }
            | Event::RefundRefused { .. }
            | Event::RefundTold { .. }
            | Event::HandedOver { .. },
        ) => {}
    }
    settled
}
