//! A main site and its partner sites, each a node of its own: contracts, access logs, and fees that both can compute.

mod closing;
mod contracts;
mod fees;
mod lines;
mod logs;
mod pages;
mod sites;

pub(crate) use self::sites::Sites;
