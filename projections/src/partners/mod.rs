//! Views of the area of main and partner sites.

pub mod access_batches;
pub mod contracts;
pub mod counting;
pub mod fee_reports;
pub mod kits;
pub mod page_amounts;
pub mod page_deliveries;
pub mod pages;
pub mod statement;
