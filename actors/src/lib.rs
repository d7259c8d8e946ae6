//! What may happen next: commands, the decisions that turn them into events or refusals, deadlines, and the actix
//! runtime that gives every partition one writer.

#[macro_use]
mod declare;

pub mod access;
pub mod activities;
pub mod activity;
pub mod actor;
pub mod approvals;
pub mod catalogue;
pub mod commands;
pub mod erased;
#[cfg(test)]
mod given;
pub mod http;
pub mod partners;
pub mod placement;
pub mod problem;
pub mod reactions;
pub mod runtime;
pub mod search;
pub mod text;
#[cfg(test)]
mod world;

pub use kippu_events::access::Caller;

pub use actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing, Target};
pub use commands::{Commands, NotRun};
pub use problem::{Problem, ProblemType};
