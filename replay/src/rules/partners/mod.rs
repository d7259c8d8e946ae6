//! Area `partners`: rules for contracts, certified lines, reports and statements of fees, and for what main and partner sites sell.

pub(in crate::rules) mod access_batches;
pub(in crate::rules) mod collections;
pub(in crate::rules) mod contracts;
pub(in crate::rules) mod fee_reports;
pub(in crate::rules) mod fee_statements;
pub(in crate::rules) mod members;
pub(in crate::rules) mod stocks;
