//! Views of the area of main and partner sites.

pub mod access_batches;
pub mod collections;
pub mod contracts;
pub mod counting;
pub mod fee_reports;
pub mod fee_statements;
pub mod kits;
pub mod management;
pub mod member_actions;
pub mod member_visits;
pub mod members;
pub mod page_amounts;
pub mod page_deliveries;
pub mod page_requests;
pub mod pages;
pub mod statement;
pub mod stocks;
