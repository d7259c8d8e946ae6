//! The product from outside: the real binary, over HTTP, the command line and the files that it leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests fail by panicking

mod fixture;
mod http;

mod crash;
mod race;
mod tidy;
mod visible;
