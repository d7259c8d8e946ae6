//! Area of main and partner sites: contracts, access logs, and pages.

pub mod access_batches;
pub mod contracts;
pub mod fee_reports;
pub mod kits;
pub mod page_deliveries;
pub mod pages;
