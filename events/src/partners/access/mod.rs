//! Access logs of web servers: what their lines say, and which of them count as accesses to which pages.
//!
//! ```text
//! bytes ─ Reader ─ Line ─ Classifier ─ Gather ─ Report
//!         lines,   borrowed, by itself    by the lines before it
//!         format
//! ```
//!
//! * The same logs and rules give the same numbers, in whatever parts and order they were read.
//! * Every line that is read counts or has one reason why not.
//! * Nothing here asks a clock, and no input makes it panic.

pub mod addresses;
pub mod agents;
mod balancer;
pub mod classify;
pub mod days;
mod detect;
mod draft;
pub mod format;
pub mod gather;
mod json;
pub mod line;
pub mod lines;
mod ncsa;
pub mod pages;
pub mod path;
pub mod reader;
mod request;
pub mod rules;
pub mod stamp;
pub mod tally;
pub mod template;
pub mod visits;
mod w3c;
pub(crate) mod words;

#[cfg(test)]
mod tests;

pub use classify::Classifier;
pub use format::{Format, Wanted};
pub use gather::Gather;
pub use line::{Access, Line};
pub use lines::End;
pub use reader::{Reader, State};
pub use rules::{Period, Rules};
pub use tally::{Report, Tally};
pub use w3c::Directives;
