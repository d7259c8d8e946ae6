//! What verify finds, in histories that a seeded generator writes and a forger changes.

mod blobs;
mod breaches;
mod damage;
mod sample;
mod scene;
mod settlements;
mod shared;
