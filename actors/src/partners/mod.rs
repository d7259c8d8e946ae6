//! Area of main and partner sites: contracts, access logs, pages, and requests to them.

pub mod access_batches;
pub mod collections;
pub mod contracts;
pub mod fee_reports;
pub mod fee_statements;
pub mod kits;
pub mod member_actions;
pub mod member_visits;
pub mod members;
pub mod page_deliveries;
pub mod page_requests;
pub mod pages;
mod signed;
#[cfg(test)]
mod sites;
pub mod stocks;
