//! Area of main and partner sites: contracts, access logs, and the fees that are computed from both.

pub mod access;
pub mod access_batches;
pub mod collections;
pub mod contracts;
pub mod fee_reports;
pub mod fee_statements;
pub mod fees;
pub mod kits;
pub mod member_actions;
pub mod member_visits;
pub mod members;
pub mod page_deliveries;
pub mod page_requests;
pub mod pages;
pub mod stocks;
