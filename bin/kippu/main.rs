//! `kippu`: the node and the operator's command. One file per subcommand; this one only hands over.

mod access;
mod activities;
mod bench;
mod certificate;
mod cli;
mod client;
mod closed;
mod completions;
mod config;
mod config_check;
mod doctor;
mod events;
mod exit;
mod fees;
mod import;
mod init;
mod keys;
mod kit;
mod limits;
mod log;
mod node;
mod not_done;
mod output;
mod parties;
mod peer;
mod remote;
mod replay;
mod serve;
mod server;
mod shop;
mod table;
mod telemetry;
mod users;
mod webhook;
mod which;

use std::io::IsTerminal as _;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::{
    Access, Activities, Cli, Client, Command, Config, Evidence, Fees, Keys, Kit, Log, Peer, Replay, Shop, Users,
    Webhook,
};
use crate::exit::Exit;
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// All that is written from here on is its owner's alone, whoever makes the files and wherever they are copied to.
fn keep_to_the_owner() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// A core dump would hold the keys of every token and person, and the machine may send it to another one.
fn leave_no_core() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    // A limit may always be lowered.
    let _lowered = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}

fn main() -> std::process::ExitCode {
    keep_to_the_owner();
    leave_no_core();
    let may = limits::settle().and_then(|()| limits::check(&limits::Need::command()));
    if let Err(too_low) = may {
        let is_json = std::env::args_os().any(|argument| argument == "--json");
        return Output::new(is_json).failed(Exit::CouldNotRun, too_low).into();
    }
    asked().into()
}

/// What was asked for. Not part of the above: what all commands together put on the stack may be more than there is.
#[inline(never)]
fn asked() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return not_run(&said),
    };
    let output = Output::new(cli.json);
    let exit = run(cli.command, &output);
    output.end(exit)
}

/// What clap itself has to say: help and version as results, and what is wrong with the command line.
fn not_run(said: &clap::Error) -> Exit {
    if said.use_stderr() {
        // Without standard error, the exit code tells it alone.
        let _closed = said.print();
        return Exit::Usage;
    }
    let output = Output::new(false);
    if std::io::stdout().is_terminal() {
        output.print(said.render().ansi());
    } else {
        output.print(said.render());
    }
    output.end(Exit::Sound)
}

fn run(command: Command, output: &Output) -> Exit {
    match command {
        Command::Init(args) => init::run(&args, output),
        Command::Serve(args) => serve::run(&args, output),
        Command::Client(Client::Add(args)) => client::add(&args, output),
        Command::Client(Client::List(args)) => client::list(&args, output),
        Command::Client(Client::Revoke(args)) => client::revoke(&args, output),
        Command::Peer(Peer::Card(args)) => peer::card(&args, output),
        Command::Peer(Peer::Add(args)) => peer::add(&args, output),
        Command::Peer(Peer::List(args)) => peer::list(&args, output),
        Command::Peer(Peer::Rotate(args)) => peer::rotate(&args, output),
        Command::Peer(Peer::Revoke(args)) => peer::revoke(&args, output),
        Command::Webhook(Webhook::Add(args)) => webhook::add(&args, output),
        Command::Webhook(Webhook::List(args)) => webhook::list(&args, output),
        Command::Webhook(Webhook::Roll(args)) => webhook::roll(&args, output),
        Command::Webhook(Webhook::Remove(args)) => webhook::remove(&args, output),
        Command::Activities(Activities::List(args)) => activities::list(&args, output),
        Command::Activities(Activities::Retry(args)) => activities::retry(&args, output),
        Command::Events(args) => events::run(&args, output),
        Command::Import(args) => import::run(&args, output),
        Command::Access(Access::Import(args)) => access::run(&args, output),
        Command::Access(Access::Verify(args)) => access::verify::run(&args, output),
        Command::Fees(Fees::Compute(args)) => fees::compute(&args, output),
        Command::Fees(Fees::Verify(args)) => fees::verify(&args, output),
        Command::Fees(Fees::Close(args)) => fees::close(&args, output),
        Command::Fees(Fees::Cosign(args)) => fees::cosign(&args, output),
        Command::Fees(Fees::Dispute(args)) => fees::dispute(&args, output),
        Command::Fees(Fees::Adjust(args)) => fees::adjust(&args, output),
        Command::Kit(Kit::Make(args)) => kit::make(&args, output),
        Command::Kit(Kit::Join(args)) => kit::join(&args, output),
        Command::Shop(Shop::Import(args)) => shop::run(&args, output),
        Command::Users(Users::Import(args)) => users::run(&args, output),
        Command::Users(Users::Forget(args)) => users::forget::run(&args, output),
        Command::Keys(Keys::Rotate(args)) => keys::rotate(&args, output),
        Command::Log(Log::Inspect(args)) => log::inspect::run(&args, output),
        Command::Log(Log::Export(args)) => log::export::run(&args, output),
        Command::Log(Log::Import(args)) => log::import::run(&args, output),
        Command::Log(Log::Copy(args)) => log::copy::run(&args, output),
        Command::Replay(Replay::Verify(args)) => replay::verify::run(&args, output),
        Command::Replay(Replay::AccessLog(args)) => replay::access_log::run(&args, output),
        Command::Replay(Replay::Check(args)) => replay::check::run(&args, output),
        Command::Replay(Replay::WhatIf(args)) => replay::what_if::run(&args, output),
        Command::Replay(Replay::History(args)) => replay::history::run(&args, output),
        Command::Replay(Replay::AsOf(args)) => replay::as_of::run(&args, output),
        Command::Replay(Replay::Why(args)) => replay::why::run(&args, output),
        Command::Replay(Replay::Diff(args)) => replay::diff::run(&args, output),
        Command::Replay(Replay::Export(args)) => replay::export::run(&args, output),
        Command::Replay(Replay::Rebuild(args)) => replay::rebuild::run(&args, output),
        Command::Replay(Replay::Gate(args)) => replay::gate::run(&args, output),
        Command::Replay(Replay::Checkpoint(args)) => replay::checkpoint::run(&args, output),
        Command::Replay(Replay::Consistency(args)) => replay::consistency::run(&args, output),
        Command::Replay(Replay::Witness(args)) => replay::witness::run(&args, output),
        Command::Replay(Replay::Evidence(Evidence::Export(args))) => replay::evidence::export(&args, output),
        Command::Replay(Replay::Evidence(Evidence::Verify(args))) => replay::evidence::verify(&args, output),
        Command::Bench(args) => bench::run(&args, output),
        Command::Doctor(args) => doctor::run(&args, output),
        Command::Config(Config::Check(args)) => config_check::run(&args, output),
        Command::Completions(args) => completions::run(&args, Cli::command(), output),
    }
}
