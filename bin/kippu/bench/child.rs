//! This program as a node in a process of its own, which can be killed.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::figure::BenchError;
use super::scene::Cast;
use super::{machine, p2};
use crate::config::Config;

/// No node needs longer to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// Killed when dropped.
pub(super) struct Process {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Process {
    /// Starts a node as `config` has it, on a free port.
    pub(super) fn start(config: &Config) -> Result<Self, BenchError> {
        // Bound and let go, so that connecting can begin at once.
        Self::start_at(config, TcpListener::bind("127.0.0.1:0")?.local_addr()?)
    }

    /// The same, at an address that is known before.
    pub(super) fn start_at(config: &Config, address: SocketAddr) -> Result<Self, BenchError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--rate-per-second", "0", "--trace-filter", "error"]);
        command.args(["--listen", &address.to_string(), "--name", &config.node.name]);
        // It is called at this address alone, by programs that speak no TLS.
        for variable in ["KIPPU_HTTP_PLAIN", "KIPPU_HTTP_TLS_CERTIFICATE", "KIPPU_HTTP_TLS_KEY", "KIPPU_NODE_URL"] {
            command.env_remove(variable);
        }
        if config.kafka.accept_single_copy {
            command.arg("--accept-single-copy");
        }
        command.arg("--data").args(&config.data);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        Ok(Self { child, address })
    }

    /// Waits for the first durable answer.
    pub(super) async fn answers(&self, cast: &Cast, name: &str) -> Result<(), BenchError> {
        let begun = Instant::now();
        loop {
            match p2::first_answer(self.address, cast, name).await {
                Ok(()) => return Ok(()),
                // Not there yet, or there and not ready: the same key again.
                Err(BenchError::Lost(_) | BenchError::Load(_)) if begun.elapsed() < PATIENCE => {
                    actix_rt::time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes of it in memory, as the kernel counts them.
    pub(super) fn memory_bytes(&self) -> Result<u64, BenchError> {
        machine::memory_bytes(&self.child.id().to_string())
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error here says that it has ended already, which is what is wanted.
        let _ended = self.kill();
    }
}
