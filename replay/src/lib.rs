//! What can be told from history alone. Everything here reads: it takes a [`kippu_events::log::ReadLog`], which has no
//! way to append, and keeps nothing but what it returns.

pub mod checkpoint;
mod named_blobs;
mod rules;
pub mod verify;

pub use checkpoint::Checkpoint;
pub use named_blobs::{NamedBlobs, Names, NotRead, blobs_of};
pub use verify::{Options, Report, verify};
