//! Area `partners`: rules for contracts, certified lines, reports, and statements of fees.

pub(in crate::rules) mod access_batches;
pub(in crate::rules) mod contracts;
pub(in crate::rules) mod fee_reports;
pub(in crate::rules) mod fee_statements;
