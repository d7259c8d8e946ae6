//! How often one caller may call: a token bucket per API client.

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use kippu_actors::problem::{self, Problem};
use kippu_events::EntityId;

use crate::config;

/// Counts calls by client. Only clients whose key is genuine are counted, so there are at most as many buckets as
/// clients.
pub(crate) struct Rates(Option<DefaultKeyedRateLimiter<EntityId>>);

impl Rates {
    /// Buckets as `rate` says; none where it says 0.
    pub(crate) fn new(rate: &config::Rate) -> Self {
        let quota = NonZeroU32::new(rate.per_second).map(|per_second| {
            let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
            Quota::per_second(per_second).allow_burst(burst)
        });
        Self(quota.map(RateLimiter::keyed))
    }

    /// Counts a call of `client`.
    ///
    /// # Errors
    /// When the client should call again.
    pub(crate) fn count(&self, client: EntityId) -> Result<(), Problem> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(&client).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Problem {
                retry_after_secs: Some(seconds),
                ..Problem::new(&problem::RATE_LIMITED, "this client calls too often")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EntityId = EntityId::from_bytes([1; 15]);
    const B: EntityId = EntityId::from_bytes([2; 15]);

    /// Shows F31.
    #[test]
    fn a_caller_over_its_rate_is_told_when_to_come_back_and_others_are_not_touched() {
        let rates = Rates::new(&config::Rate { per_second: 1, burst: 2 });
        assert!(rates.count(A).is_ok() && rates.count(A).is_ok());
        let problem = rates.count(A).unwrap_err();
        assert_eq!((problem.kind.status, problem.retry_after_secs), (429, Some(1)));
        assert!(rates.count(B).is_ok());
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let rates = Rates::new(&config::Rate { per_second: 0, burst: 1 });
        assert!((0..1000).all(|_| rates.count(A).is_ok()));
    }
}
