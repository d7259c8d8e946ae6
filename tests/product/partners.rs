//! A main site and its partner sites, each a node of its own: contracts, access logs, and fees that both can compute.

mod closing;
mod collecting;
mod contracts;
mod crashes;
mod fees;
mod kits;
mod lines;
mod logs;
mod made;
mod members;
mod pages;
mod race;
mod requests;
mod shopping;
mod sites;
mod ways;

pub(crate) use self::sites::Sites;
