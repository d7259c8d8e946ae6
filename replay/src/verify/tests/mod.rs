//! What verify finds, in histories that a seeded generator writes and a forger changes.

mod breaches;
mod damage;
mod scene;
mod scribe;
mod shared;
