//! Activities: what an entity owes the world outside its log, such as a signed command to another party. It is a part of the
//! entity's state until its outcome is an event. An activity is done at least once, under a key that is the same at every try,
//! so that it takes effect once; its outcome is a command with a fixed key, so that it is recorded once.
//!
//! ```text
//! event ─▶ owed ─▶ durable ─▶ lane of whom it is owed to ─▶ try ─┬─▶ outcome ─▶ command ─▶ event
//!            ▲                      ▲  (so many at once)          │
//!            └ index in the store   └──── pause, circuit ◀────────┘ no answer
//! ```

mod lane;
mod scheduler;
#[cfg(test)]
mod tests;

pub use self::scheduler::{Activities, Listed, Settings};
