//! The command line, as clap reads it. Each subcommand's own arguments live in its file.

use clap::{Parser, Subcommand};

use crate::log::{copy, export, import as log_import, inspect};
use crate::{
    activities, bench, client, completions, config_check, doctor, events, import, init, peer, serve, shop, users,
    verify,
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
    /// What a running node owes to others.
    #[command(subcommand)]
    Activities(Activities),
    /// Follow the events of a running node.
    Events(events::Args),
    /// Run commands from a file of JSON lines.
    Import(import::Args),
    /// What a shop sells.
    #[command(subcommand)]
    Shop(Shop),
    /// Subscribers.
    #[command(subcommand)]
    Users(Users),
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

/// `kippu activities …`
#[derive(Subcommand)]
pub(crate) enum Activities {
    /// Show what is owed, to whom, since when, and why the last try came to nothing.
    List(activities::Args),
    /// Try at once what waits for its time.
    Retry(activities::Args),
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
    Verify(verify::Args),
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
