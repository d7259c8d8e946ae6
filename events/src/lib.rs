//! What has happened and what it means: the vocabulary of events, the entities that are folds of them, and the log
//! that keeps them. Everything else in kippu decides what may be added to this, or only reads it.

#[macro_use]
mod families;

pub mod access;
pub mod approvals;
pub mod as_json;
pub mod blobs;
pub mod caseless;
mod catalogue;
pub mod decoding;
pub mod entity;
pub mod etag;
pub mod event;
pub mod fair_queue;
pub mod family;
pub mod files;
#[cfg(test)]
mod golden;
pub mod id;
pub mod log;
mod log_id;
pub mod money;
mod opaque;
pub mod partners;
pub mod placement;
pub mod principal;
pub mod problem;
pub mod secrets;
pub mod statement;
mod text;
pub mod text_file;
pub mod time;
pub mod whole;

pub use decoding::NotAnEvent;
pub use entity::{AnyEntity, Entity, EntityKey};
pub use event::Recorded;
pub use family::Family;
pub use id::{EntityId, Slot};
pub use principal::Principal;
pub use time::Time;
