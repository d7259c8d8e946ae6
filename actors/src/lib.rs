//! What may happen next: commands, the decisions that turn them into events or refusals, deadlines, and the actix
//! runtime that gives every partition one writer.

pub mod actor;
pub mod approvals;
pub mod catalogue;
pub mod clients;
pub mod commands;
pub mod erased;
#[cfg(test)]
mod given;
pub mod http;
pub mod placements;
pub mod problem;
pub mod runtime;
pub mod search;
pub mod text;
pub mod users;
#[cfg(test)]
mod world;

pub use actor::{Actor, Answer, Call, Caller, CommandSpec, Context, Decision, Near, Target};
pub use commands::{Commands, NotRun};
pub use problem::{Problem, ProblemType};
