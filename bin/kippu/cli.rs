//! The command line, as clap reads it. Each subcommand's own arguments live in its file.

use clap::{Parser, Subcommand};

use crate::log::{copy, export, import as log_import, inspect};
use crate::{
    access, activities, bench, client, completions, config_check, doctor, events, fees, import, init, keys, kit, peer,
    replay, serve, shop, users, webhook,
};

/// An event-sourced actor system for tickets, approvals and settlements.
#[derive(Parser)]
#[command(name = "kippu", version, propagate_version = true, after_help = EXITS)]
pub(crate) struct Cli {
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXITS: &str =
    "Exit codes: 0 sound, 1 found something, 2 usage, 3 could not run; 69 other processes kept a node from running,
70 a write to the log failed: start it again after these two.
Settings come from the file named by --config, then the environment (KIPPU_…), then flags; the later wins.";

/// The subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a data directory: log, key store, first operator key.
    Init(init::Args),
    /// Run a node.
    Serve(serve::Args),
    /// API clients and their keys.
    #[command(subcommand)]
    Client(Client),
    /// Other parties, each with a node of its own.
    #[command(subcommand)]
    Peer(Peer),
    /// Endpoints to which events are sent.
    #[command(subcommand)]
    Webhook(Webhook),
    /// What a running node owes to others.
    #[command(subcommand)]
    Activities(Activities),
    /// Follow the events of a running node.
    Events(events::Args),
    /// Run commands from a file of JSON lines.
    Import(import::Args),
    /// Access logs of main and partner sites.
    #[command(subcommand)]
    Access(Access),
    /// What partner sites owe their main sites.
    #[command(subcommand)]
    Fees(Fees),
    /// Kits, by which new partner sites begin.
    #[command(subcommand)]
    Kit(Kit),
    /// What a shop sells.
    #[command(subcommand)]
    Shop(Shop),
    /// Subscribers.
    #[command(subcommand)]
    Users(Users),
    /// The key store.
    #[command(subcommand)]
    Keys(Keys),
    /// Records: look at them, export and import them, copy a history to another location.
    #[command(subcommand)]
    Log(Log),
    /// Read the history: it cannot be changed from here.
    #[command(subcommand)]
    Replay(Replay),
    /// Measure the product next to the limits of this machine.
    Bench(bench::Args),
    /// Look for trouble with a data directory and the node on it.
    Doctor(doctor::Args),
    /// Configuration files.
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell.
    Completions(completions::Args),
}

/// `kippu client …`
#[derive(Subcommand)]
pub(crate) enum Client {
    /// Open a client and print its key, once.
    Add(client::AddArgs),
    /// List clients, without their keys.
    List(client::ListArgs),
    /// End a client's key. When this returns, the key is refused.
    Revoke(client::RevokeArgs),
}

/// `kippu peer …`
#[derive(Subcommand)]
pub(crate) enum Peer {
    /// Print what another party needs to register the party of a running node.
    Card(peer::CardArgs),
    /// Register another party by its card.
    Add(peer::AddArgs),
    /// List the parties that a node knows.
    List(peer::ListArgs),
    /// Bring the keys of a peer to what its card says today.
    Rotate(peer::RotateArgs),
    /// End a peer for ever.
    Revoke(peer::RevokeArgs),
}

/// `kippu webhook …`
#[derive(Subcommand)]
pub(crate) enum Webhook {
    /// Add an endpoint for an API client and print its secret, once.
    Add(webhook::AddArgs),
    /// List endpoints, without their secrets.
    List(webhook::ListArgs),
    /// Give an endpoint another secret and print it, once; the one before signs too for 24 hours.
    Roll(webhook::RollArgs),
    /// End an endpoint for ever.
    Remove(webhook::RemoveArgs),
}

/// `kippu activities …`
#[derive(Subcommand)]
pub(crate) enum Activities {
    /// Show what is owed, to whom, since when, and why the last try came to nothing.
    List(activities::Args),
    /// Try at once what waits for its time.
    Retry(activities::Args),
}

/// `kippu access …`
#[derive(Subcommand)]
pub(crate) enum Access {
    /// Certify the lines of logs, and hand them to the other party of a contract. A second import changes nothing.
    Import(access::Args),
    /// Compare a log, line by line, with the lines of it that a node has on record.
    Verify(access::verify::Args),
}

/// `kippu fees …`
#[derive(Subcommand)]
pub(crate) enum Fees {
    /// Compute what a partner site owes for a month, with everything that it follows from.
    Compute(fees::ComputeArgs),
    /// Compare the other party's statement with what a node computes from its own log.
    Verify(fees::VerifyArgs),
    /// Sign the statement of a month that is over, as the main site's node computes it, and ask the partner site to sign the same.
    Close(fees::CloseArgs),
    /// Sign what the main site has signed, if the partner site's node computes the same: the month is closed then.
    Cosign(fees::CosignArgs),
    /// Tell the main site where the partner site's node computes something else than the main site has signed.
    Dispute(fees::DisputeArgs),
    /// Report by how much a closed month comes to be more or less, as a line of a later month.
    Adjust(fees::AdjustArgs),
}

/// `kippu kit …`
#[derive(Subcommand)]
pub(crate) enum Kit {
    /// Make a kit for a new partner site, signed by the main site of a running node.
    Make(kit::MakeArgs),
    /// Let the running node of a partner site join the main site that has made a kit.
    Join(kit::JoinArgs),
}

/// `kippu shop …`
#[derive(Subcommand)]
pub(crate) enum Shop {
    /// List the products of a catalogue, and bring those that are listed up to date. A second import changes nothing.
    Import(shop::Args),
}

/// `kippu users …`
#[derive(Subcommand)]
pub(crate) enum Users {
    /// Register the subscribers of a file. Who is registered already is left alone, so a second import changes nothing.
    Import(users::Args),
    /// Forget a person for ever: the key of what is encrypted is destroyed. Prints the receipt, also of who was forgotten before.
    Forget(users::forget::Args),
}

/// `kippu keys …`
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Wrap persons' keys under a new key, and destroy the one before: who was forgotten is so for good then.
    Rotate(keys::RotateArgs),
}

/// `kippu log …`
#[derive(Subcommand)]
pub(crate) enum Log {
    /// Show records as they lie in the log.
    Inspect(inspect::Args),
    /// Write a history into plain segment files.
    Export(export::Args),
    /// Make a log from exported segment files.
    Import(log_import::Args),
    /// Copy a history to another location, and let it go on there.
    Copy(copy::Args),
}

/// `kippu replay …`
#[derive(Subcommand)]
pub(crate) enum Replay {
    /// Check every record of every partition.
    Verify(replay::verify::Args),
    /// Hold audit rules against what happened: nothing used twice, no limit exceeded, every charge with its approval.
    Check(replay::check::Args),
    /// Take the decisions of the history again, under other limits.
    WhatIf(replay::what_if::Args),
    /// Tell what has happened to an entity.
    History(replay::history::Args),
    /// Tell what an entity, a row or a view was at some moment.
    AsOf(replay::as_of::Args),
    /// Tell why a value is what it is: the event, the command, the caller, and what led to it.
    Why(replay::why::Args),
    /// Tell what changed between two moments.
    Diff(replay::diff::Args),
    /// Write events and rows of views as tables for other programs.
    Export(replay::export::Args),
    /// Fold a view anew, and compare it with the rows that a node keeps.
    Rebuild(replay::rebuild::Args),
    /// Tell whether this version makes of an old history what an earlier one made of it.
    Gate(replay::gate::Args),
    /// List who was shown whose personal fields, when, and by which query.
    AccessLog(replay::access_log::Args),
    /// Sign how much history there is and what it hashes to, with trees in tiles for whoever checks that.
    Checkpoint(replay::checkpoint::Args),
    /// Tell whether one checkpoint goes on from another.
    Consistency(replay::consistency::Args),
    /// Cosign a checkpoint of another log, if it goes on from the one before.
    Witness(replay::witness::Args),
    /// What was in the history, for somebody who does not trust whoever keeps it.
    #[command(subcommand)]
    Evidence(Evidence),
}

/// `kippu replay evidence …`
#[derive(Subcommand)]
pub(crate) enum Evidence {
    /// Write a bundle: records, proofs, checkpoint and keys.
    Export(Box<replay::evidence::ExportArgs>),
    /// Check a bundle. No history is needed.
    Verify(replay::evidence::VerifyArgs),
}

/// `kippu config …`
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Check a configuration file together with the environment, and print what would be in force.
    Check(config_check::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
