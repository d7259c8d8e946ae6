//! `kippu serve`: runs a node.

use std::path::PathBuf;

use crate::config::Flags;
use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Runs the node.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let _seam = (&args.config, &args.flags);
    output.failed(Exit::CouldNotRun, "not built yet")
}
