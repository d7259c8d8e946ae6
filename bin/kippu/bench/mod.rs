//! Measure the product beside the limits of this machine.

use crate::exit::Exit;
use crate::output::Output;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Measure the product beside the limits of this machine.
pub(crate) fn run(_args: &Args, output: &Output) -> Exit {
    output.failed(Exit::CouldNotRun, "not built yet")
}
