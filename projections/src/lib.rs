//! Views: folds over all partitions of the log into rows that answer one question. A runner keeps them up to date, a
//! store keeps them on disk, and [`Queries`] answers from them.
//!
//! Everything here is a cache. The store can be deleted at any time: it comes back from the log, byte for byte.

pub mod catalogue;
mod cursor;
pub mod digest;
mod error;
pub mod fold;
pub mod http;
mod locate;
mod pages;
pub mod queries;
mod reader;
pub mod rows;
pub mod runner;
mod running;
mod store;
pub mod view;
pub mod views;

#[cfg(test)]
mod tests;

pub use digest::Digest;
pub use error::{NotARow, NotOpened, QueryError};
pub use queries::{Found, Listed, Moment, Queries, Status};
pub use runner::OpenError;
pub use running::Projections;
pub use view::{Ask, Filter, Filters, Unseal, View, Viewer};
pub use views::clients::ClientRow;
