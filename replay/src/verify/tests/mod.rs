//! What verify finds, in histories that a seeded generator writes and a forger changes.

mod breaches;
mod damage;
mod offers;
mod sample;
mod scene;
mod shared;
