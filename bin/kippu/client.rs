//! `kippu client add|list|revoke`.

use crate::exit::Exit;
use crate::output::Output;

/// Arguments of `add`.
#[derive(clap::Args)]
pub(crate) struct AddArgs {}
/// Arguments of `list`.
#[derive(clap::Args)]
pub(crate) struct ListArgs {}
/// Arguments of `revoke`.
#[derive(clap::Args)]
pub(crate) struct RevokeArgs {}

/// Opens a client.
pub(crate) fn add(_args: &AddArgs, output: &Output) -> Exit {
    output.failed(Exit::CouldNotRun, "not built yet")
}
/// Lists clients.
pub(crate) fn list(_args: &ListArgs, output: &Output) -> Exit {
    output.failed(Exit::CouldNotRun, "not built yet")
}
/// Revokes a client.
pub(crate) fn revoke(_args: &RevokeArgs, output: &Output) -> Exit {
    output.failed(Exit::CouldNotRun, "not built yet")
}
