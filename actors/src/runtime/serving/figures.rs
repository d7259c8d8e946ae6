//! What operators are told of a partition that is being served.

use std::time::Duration;

use super::Serving;
use crate::runtime::clock::Drift;

/// Figures of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Figures {
    /// The last record that was handed over.
    pub head: u64,
    /// The epoch of the claim.
    pub epoch: u64,
    /// The last durable record.
    pub durable: u64,
    /// Answers under way.
    pub waiting: usize,
    /// Entities in memory.
    pub loaded: usize,
    /// Entities that the store lags behind.
    pub lagging: usize,
    /// Entities set aside after a panic.
    pub quarantined: usize,
    /// Whether commands stand still because the wall clock jumped.
    pub clock_jumped: bool,
    /// How far the wall clock has drifted from the monotonic one, in microseconds.
    pub clock_drift_micros: i64,
    /// For how long the log has owed its oldest answer.
    pub owed: Duration,
    /// How long it took to read what the store lacked when the partition was opened.
    pub tail_read: Duration,
}

impl Serving {
    /// How far the clock has drifted, for the next claim.
    pub const fn drift(&self) -> Drift {
        self.keeper.drift()
    }

    /// Figures for operators.
    pub fn figures(&self) -> Figures {
        Figures {
            head: self.chain.head().number,
            epoch: self.chain.head().epoch,
            durable: self.chain.durable(),
            waiting: self.release.len(),
            loaded: self.entities.len(),
            lagging: self.entities.dirty(),
            quarantined: self.quarantined.len(),
            clock_jumped: self.keeper.jumped(),
            clock_drift_micros: self.keeper.drifted_micros(),
            owed: self.release.owed(),
            tail_read: self.tail_read,
        }
    }
}
