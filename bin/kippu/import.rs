//! Run commands from a file of JSON lines.

use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Run commands from a file of JSON lines.
pub(crate) fn run(_args: &Args, output: &Output) -> Exit {
    output.failed(Exit::CouldNotRun, "not built yet")
}
