//! What verify finds, in histories that a seeded generator writes and a forger changes.

mod accounts;
mod blobs;
mod breaches;
mod damage;
mod every_rule;
mod offers;
pub(crate) mod partners;
mod refusals;
mod sales;
pub(crate) mod sample;
mod scene;
mod settlements;
mod shared;
mod shop_offers;
