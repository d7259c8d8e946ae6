//! A user's account as it would have been, and what each approval holds of it. In minor units.

use kippu_events::access::users::{Charging, Policy};
use kippu_events::money::Minor;

/// See the module.
pub(super) struct Account {
    pub(super) charging: Charging,
    pub(super) policy: Policy,
    limit: u64,
    reserved: u64,
    charged: u64,
    /// How many periods have begun.
    period: u32,
}

/// What an approval that was permitted holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Share {
    reserved: u64,
    charged: u64,
    /// In which it was charged.
    period: u32,
}

impl Account {
    pub(super) const fn new(charging: Charging, policy: Policy, limit: Minor) -> Self {
        let limit = limit.units();
        Self { charging, policy, limit, reserved: 0, charged: 0, period: 0 }
    }

    /// Whether `amount` is within the limit, next to what is held.
    pub(super) const fn fits(&self, amount: Minor) -> bool {
        self.reserved.saturating_add(self.charged).saturating_add(amount.units()) <= self.limit
    }

    pub(super) const fn begin_period(&mut self) {
        self.charged = 0;
        self.period = self.period.wrapping_add(1);
    }

    pub(super) const fn reserve(&mut self, amount: Minor) -> Share {
        let amount = amount.units();
        self.reserved = self.reserved.saturating_add(amount);
        Share { reserved: amount, charged: 0, period: self.period }
    }

    /// `share` is charged with `amount`, and with nothing else.
    pub(super) const fn charge(&mut self, share: Share, amount: u64) -> Share {
        // What was charged in an earlier period stays there, and only a smaller price gives some of it back.
        let earlier = share.charged > 0 && share.period != self.period;
        self.free(share);
        if !earlier {
            self.charged = self.charged.saturating_add(amount);
        }
        Share { reserved: 0, charged: amount, period: if earlier { share.period } else { self.period } }
    }

    /// Nothing is held any more.
    pub(super) const fn free(&mut self, share: Share) {
        self.reserved = self.reserved.saturating_sub(share.reserved);
        if share.period == self.period {
            self.charged = self.charged.saturating_sub(share.charged);
        }
    }
}

impl Share {
    /// What is left once so much is given back.
    pub(super) const fn less(self, amount: u64) -> u64 {
        self.charged.saturating_sub(amount)
    }
}
