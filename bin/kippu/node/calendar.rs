//! Whether the machine's clock can be right at all. A history that begins in 1970, as on a machine that has just come up
//! without a clock of its own, would be followed by one whose clock has jumped.

use kippu_events::Time;

use super::NodeError;

/// 2026-01-01T00:00:00Z, before this program was written.
const EARLIEST: Time = Time::from_micros(1_767_225_600_000_000);

/// Refuses to begin a history at `now` where that cannot be the time, unless that is accepted.
pub(super) fn check(now: Time, accepted: bool) -> Result<(), NodeError> {
    if now < EARLIEST && !accepted { Err(NodeError::Clock { now }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_history_begins_in_1970_unless_that_is_accepted() {
        let error = check(Time::from_micros(7), false).unwrap_err().to_string();
        assert!(error.contains("1970-01-01") && error.contains("--accept-clock"), "{error}");
        check(Time::from_micros(7), true).unwrap();
        check(EARLIEST, false).unwrap();
        assert_eq!(EARLIEST.to_string(), "2026-01-01T00:00:00.000000Z");
    }
}
