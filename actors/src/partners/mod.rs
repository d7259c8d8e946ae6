//! Area of main and partner sites: contracts, access logs, and pages.

pub mod access_batches;
pub mod contracts;
pub mod fee_reports;
pub mod fee_statements;
pub mod page_deliveries;
pub mod pages;
mod signed;
#[cfg(test)]
mod sites;
