//! The product from outside: the real binary, over HTTP, the command line and the files that it leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests fail by panicking

mod fixture;
mod http;
mod load;
mod market;
mod script;
mod stores;
mod truth;

mod answers;
mod bench;
mod blobs;
mod books;
mod check;
mod cluster;
mod command;
mod connections;
mod crash;
mod damage;
mod environment;
mod evidence;
mod feed;
mod files;
mod forgetting;
mod import;
mod input;
mod kafka;
mod limits;
mod lines;
mod moving;
mod output;
mod pages;
mod parties;
mod partners;
mod past;
mod pictures;
mod places;
mod purchases;
mod purchases_between_parties;
mod race;
mod ready;
mod records;
mod secrets;
mod sessions;
mod signatures;
mod strangers;
mod tables;
mod terminal;
mod tidy;
mod tls;
mod topics;
mod visible;
mod webhooks;
mod what_if;
mod wire;
