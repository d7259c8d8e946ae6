//! The command line, as clap reads it. Each subcommand's own arguments live in its file.

use clap::{Parser, Subcommand};

use crate::terminal::{approve, buy, hand_over, init, list, qr, take};

const EXITS: &str = "Exit codes: 0 done, 1 one of the parties said no, 2 usage, 3 could not run, or not to its end.
Every command may be given again after a 3 or a kill: it goes on with what it had begun.";

/// What the users of services have in their hands.
#[derive(Parser)]
#[command(name = "kippu-user", version, propagate_version = true, after_help = EXITS)]
pub(crate) struct Cli {
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// A buyer's terminal.
    #[command(subcommand)]
    Terminal(Terminal),
}

/// `kippu-user terminal …`
#[derive(Subcommand)]
pub(crate) enum Terminal {
    /// Make a terminal's directory, or change what is set there.
    Init(init::Args),
    /// Buy: offer, confirmation, approval, settlement, and the files.
    Buy(buy::Args),
    /// Get an approval, and keep it until it is handed over.
    Approve(approve::Args),
    /// Hand an approval to the settlement server, and fetch what was bought.
    HandOver(hand_over::Args),
    /// Write an approval, and where it is to be presented, as a QR code.
    Qr(qr::Args),
    /// Take over an approval from the text of its QR code.
    Take(take::Args),
    /// List purchases.
    List(list::Args),
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
