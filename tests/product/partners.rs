//! A main site and its partner sites, each a node of its own: contracts, access logs, and fees that both can compute.

mod contracts;
mod fees;
mod kits;
mod logs;
mod made;
mod pages;
mod sites;
mod ways;

pub(crate) use self::sites::Sites;
