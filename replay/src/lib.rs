//! What can be told from history alone. Everything here reads: it takes a [`kippu_events::log::ReadLog`], which has no
//! way to append, and keeps nothing but what it returns; the trees of [`evidence`] lie in a folder of their own, beside the
//! history.

pub mod access_log;
pub mod check;
pub mod evidence;
pub mod export;
pub mod gate;
pub mod history;
mod named_blobs;
mod partitions;
mod rules;
pub mod verify;
pub mod what_if;

pub use named_blobs::{NamedBlobs, Names, NotRead, blobs_of};
pub use verify::{Options, Report, verify};
