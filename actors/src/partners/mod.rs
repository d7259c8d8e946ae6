//! Area of main and partner sites: contracts, access logs, and pages.

pub mod access_batches;
pub mod contracts;
pub mod fee_reports;
pub mod member_actions;
pub mod member_visits;
pub mod members;
pub mod page_deliveries;
pub mod pages;
