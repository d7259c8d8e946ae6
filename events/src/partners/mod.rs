//! Area of main and partner sites: contracts, access logs, and the fees that are computed from both.

pub mod access;
pub mod access_batches;
pub mod contracts;
pub mod fee_reports;
pub mod fees;
pub mod kits;
pub mod page_deliveries;
pub mod pages;
