//! Check every record of every partition.

use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Check every record of every partition.
pub(crate) fn run(_args: &Args, output: &Output) -> Exit {
    output.failed(Exit::CouldNotRun, "not built yet")
}
