//! Views: folds over all partitions of the log into rows that answer one question. A runner keeps them up to date, a
//! store keeps them on disk, and [`Queries`] answers from them.
//!
//! Everything here is a cache. The store can be deleted at any time: it comes back from the log, byte for byte.

pub mod access;
pub mod approvals;
pub mod catalogue;
mod cursor;
pub mod digest;
pub mod entity_table;
mod error;
pub mod feed;
pub mod fold;
pub mod grants;
pub mod history;
pub mod http;
mod json;
mod locate;
mod pages;
pub mod partners;
pub mod past;
pub mod placement;
pub mod queries;
mod row;
pub mod rows;
pub mod runner;
mod running;
pub mod stored;
pub mod view;
mod view_store;

#[cfg(test)]
mod tests;

pub use access::clients::ClientRow;
pub use digest::Digest;
pub use error::{NotARow, NotOpened, QueryError};
pub use json::Json;
pub use queries::{Found, Listed, Moment, Queries, Status};
pub use runner::OpenError;
pub use running::Projections;
pub use view::{Ask, Decrypt, Filter, Filters, View};
pub use view_store::StoreError;
