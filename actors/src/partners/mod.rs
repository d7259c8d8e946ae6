//! Area of main and partner sites: contracts, and access logs.

pub mod access_batches;
pub mod contracts;
pub mod fee_reports;
