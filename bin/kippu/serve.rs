//! `kippu serve`: runs a node until SIGTERM or SIGINT, then drains it. A second signal ends it at once: nothing that
//! was answered is lost by that either.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kippu_client::RootsError;
use kippu_events::log::rocks::{EXIT_POISONED, end_process};
use kippu_projections::Queries;
use kippu_projections::queries::ViewDigest;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Flags};
use crate::exit::Exit;
use crate::limits::{self, Need};
use crate::node::{self, Node, NodeError, write_whole};
use crate::output::Output;
use crate::server::{Over, Tls, TlsError};
use crate::{remote, server, telemetry};

/// Connections that the kernel keeps for us while all workers are busy.
const BACKLOG: u32 = 2048;
/// What the kernel keeps for one connection that does not take its answers; it doubles this. By itself it would keep
/// megabytes, of as many connections as somebody cares to open.
const SEND_BUFFER_BYTES: u32 = 64 << 10;

/// How long a start waits for the views, which are a moment behind where they were not deleted.
const VIEWS_WAIT: Duration = Duration::from_secs(5);

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the address that is listened on to this file, once the node serves; behind https:// where it speaks TLS.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Serve although the history's last record lies in the future of this machine's clock.
    #[arg(long)]
    accept_clock: bool,
    /// Fill every view anew next to the one that answers, whose place it takes once its rows were found to be the same. The trace
    /// tells of each.
    #[arg(long)]
    rebuild_views: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Why the node did not run to an orderly end.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("cannot listen on {address}: {source}{}; --listen chooses another address", reason(source))]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the server failed: {0}")]
    Server(std::io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(
        "{} is not what this node opened any more: it was moved, deleted or hidden by another file system. What was not \
         answered is not done; put it back, or restore a backup, and start again", .0.display()
    )]
    Lost(PathBuf),
    #[error("this node is out of the group of the log's nodes: {0}")]
    Expelled(String),
    #[error(transparent)]
    ReadyFile(#[from] node::DataDirError),
}

/// Runs the node.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let config = match Config::load(args.config.as_deref(), &args.flags) {
        Ok(config) => config,
        Err(error) => return output.failed(error.exit(), error),
    };
    let need = node::need(&config, usize::from(config.http.workers));
    if let Err(too_low) = limits::check(&need) {
        return output.failed(Exit::CouldNotRun, too_low);
    }
    telemetry::start(&config.trace);
    for warning in limits::warnings() {
        tracing::warn!("{warning}");
    }
    for variable in Flags::unknown_variables(std::env::vars_os()) {
        tracing::warn!(variable, "an environment variable looks like a setting, but is none");
    }
    let served = node::on_a_system(serve(config, args, &need));
    telemetry::end();
    match served {
        Ok(()) => Exit::Sound,
        Err(error @ ServeError::Lost(_)) => {
            let code = output.failed(error.exit(), error).code();
            // What is open would write to where nobody finds it.
            end_process(i32::from(code))
        }
        Err(error) => output.failed(error.exit(), error),
    }
}

impl ServeError {
    /// What a supervisor is told: whether starting the node again is all that there is to do.
    const fn exit(&self) -> Exit {
        match self {
            Self::Node(NodeError::NoDir | NodeError::NoUrl(_)) => Exit::Usage,
            Self::Node(error) if error.is_passing() => Exit::Unavailable,
            Self::Expelled(_) => Exit::Unavailable,
            Self::Node(_)
            | Self::Listen { .. }
            | Self::Server(_)
            | Self::Tls(_)
            | Self::Roots(_)
            | Self::Lost(_)
            | Self::ReadyFile(_) => Exit::CouldNotRun,
        }
    }
}

async fn serve(mut config: Config, args: &Args, need: &Need) -> Result<(), ServeError> {
    // From here on signals are ours, so that an opening node can be ended too.
    let mut signals = Signals::new().map_err(ServeError::Server)?;
    if config.data.is_none() {
        return Err(NodeError::NoDir.into());
    }
    let tls = config.http.tls.files().map(Tls::open).transpose()?;
    for concern in tls.iter().flat_map(|tls| tls.concerns(config.node.url.as_deref())) {
        tracing::warn!("{concern}");
    }
    let roots = remote::trusted(config.tls.roots.as_deref())?;
    let address = config.http.listen;
    let listener = listen(address).map_err(|source| ServeError::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { address, source })?;
    let (scheme, ready) = match tls {
        Some(_) => ("https", format!("https://{address}")),
        None => ("http", address.to_string()),
    };
    let url = config.node.url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
    let node = tokio::select! {
        node = Node::open(&config, &url, args.accept_clock) => node?,
        name = signals.next() => {
            tracing::info!(signal = name, "ended while opening");
            return Ok(());
        }
    };
    // Views that are being filled anew may take long, and hold up nothing but what is asked of them.
    if let Err(error) = node.queries.caught_up(VIEWS_WAIT).await {
        tracing::warn!(%error, "views are behind; queries wait for them");
    }
    if args.rebuild_views {
        tokio::spawn(rebuild(node.queries.clone()));
    }
    let connections = u32::try_from(limits::connections_for(need)).unwrap_or(u32::MAX);
    config.http.most_connections = config.http.most_connections.min(connections);
    tracing::debug!(connections = config.http.most_connections, "what this process may open");
    let presence = node.dir.presence(node.kafka.is_none())?;
    let mut server = server::Server::start(node, &config, listener, tls, &roots).await.map_err(ServeError::Server)?;
    tracing::info!(%address, scheme, node = config.node.name, version = env!("CARGO_PKG_VERSION"), "serving");
    if let Some(path) = &args.ready_file
        && let Err(error) = write_whole(path, ready.as_bytes(), 0o644)
    {
        // Whoever waits for the file would wait for ever.
        server.stop().await.map_err(ServeError::Server)?;
        return Err(error.into());
    }
    let expelled = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "draining");
            None
        }
        over = server.over() => match over {
            Over::Expelled(reason) => {
                tracing::error!(%reason, "the other nodes of the log do not want this one: draining");
                Some(reason)
            }
            Over::Failed(error) => return Err(ServeError::Server(error)),
            Over::Blind(reason) => {
                tracing::error!(%reason, "the views could not be written, so this node ends: start it again");
                telemetry::end();
                end_process(EXIT_POISONED);
            }
        },
        path = presence.lost() => {
            // Whoever is answered from here on would be told of what nobody finds again.
            std::mem::forget(server);
            return Err(ServeError::Lost(path));
        }
    };
    tokio::select! {
        done = server.stop() => done.map_err(ServeError::Server)?,
        name = signals.next() => {
            tracing::warn!(signal = name, "ended without draining");
            telemetry::end();
            end_process(i32::from(Exit::CouldNotRun.code()));
        }
        path = presence.lost() => {
            tracing::error!("{}", ServeError::Lost(path));
            telemetry::end();
            end_process(i32::from(Exit::CouldNotRun.code()));
        }
    }
    tracing::info!("stopped");
    expelled.map_or(Ok(()), |reason| Err(ServeError::Expelled(reason)))
}

/// Fills every view anew, while queries go on.
async fn rebuild(queries: Queries) {
    for view in queries.views().iter().map(|view| view.name()) {
        match queries.rebuild(view).await {
            Ok(ViewDigest { cut, rows, digest }) => {
                tracing::info!(view, %cut, rows, %digest, "rebuilt: the rows are the same")
            }
            Err(error) => tracing::error!(view, %error, "not rebuilt: the view answers from the rows that it had"),
        }
    }
}

/// What is special about an address that cannot be listened on.
fn reason(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => ", since another process listens there already",
        ErrorKind::PermissionDenied => {
            ", since a port of this number wants a right that this process does not have (CAP_NET_BIND_SERVICE)"
        }
        ErrorKind::AddrNotAvailable => ", since no interface of this machine has this address",
        // What the system says of a kind of address that it does not have has no kind of its own.
        _ if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            ", since this machine does not have this kind of address, as where IPv6 is turned off"
        }
        _ => "",
    }
}

/// A listener that can follow another on the same port at once. MUST be called on a tokio runtime.
fn listen(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::log::ReadError;
    use kippu_events::log::kafka::OpenError;
    use kippu_events::secrets::{SecretsError, SharedError};

    use super::*;
    use crate::node::LocationError;

    /// Shows F33.
    #[test]
    fn what_passes_by_itself_is_told_apart_from_what_wants_a_person() {
        let down = || "nobody answers".to_owned();
        let damaged = || ReadError::Medium { partition: 1, offset: 2, reason: down() };
        let on_kafka = |error| ServeError::Node(NodeError::Log(LocationError::Kafka(error)));
        let keys = |error| ServeError::Node(NodeError::Secrets(SecretsError::Shared(error)));
        for passing in [
            on_kafka(OpenError::Client(down())),
            on_kafka(OpenError::Read(damaged())),
            ServeError::Node(NodeError::Read(damaged()).on_kafka()),
            keys(SharedError::Unavailable(down())),
            ServeError::Expelled(down()),
        ] {
            assert_eq!(passing.exit(), Exit::Unavailable, "{passing}");
        }
        for lasting in [
            on_kafka(OpenError::NoTopic("kippu".to_owned())),
            ServeError::Node(NodeError::Read(damaged())),
            keys(SharedError::Damaged { place: down(), reason: down() }),
        ] {
            assert_eq!(lasting.exit(), Exit::CouldNotRun, "{lasting}");
        }
    }
}
