//! A node of this client's own, which it can kill and start again on the same data.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// How long a node may take to say that it is ready.
const START: Duration = Duration::from_secs(60);

/// A running `kippu serve`; killed when dropped.
pub(crate) struct Node {
    program: PathBuf,
    data: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl Node {
    /// Starts a node on `data`, at any free port.
    pub(crate) fn start(program: PathBuf, data: PathBuf) -> anyhow::Result<Self> {
        let (child, address) = spawn(&program, &data, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { program, data, address, child })
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The operator key that the node wrote when it initialised its data.
    pub(crate) fn operator_key(&self) -> anyhow::Result<String> {
        let path = self.data.join("operator.key");
        Ok(std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?.trim().to_owned())
    }

    /// SIGKILL, then the same program on the same data at the same address.
    pub(crate) fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        (self.child, _) = spawn(&self.program, &self.data, self.address)?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // An error here says that it has ended already, which is what is wanted.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn spawn(program: &Path, data: &Path, listen: SocketAddr) -> anyhow::Result<(Child, SocketAddr)> {
    let ready = data.with_extension("ready");
    if ready.exists() {
        std::fs::remove_file(&ready)?;
    }
    let mut child = Command::new(program)
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args(["--listen", &listen.to_string(), "--trace-filter", "warn"])
        .arg("--ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let deadline = Instant::now() + START;
    loop {
        if let Some(address) = read_address(&ready) {
            return Ok((child, address));
        }
        if let Some(status) = child.try_wait()? {
            bail!("the node ended before it was ready: {status}");
        }
        ensure!(Instant::now() < deadline, "the node is not ready after {} s", START.as_secs());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read_address(ready: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(ready).ok()?;
    text.trim().trim_start_matches("http://").parse().ok()
}

/// The `kippu` program of the same build as this one. Under `cargo run`, cargo is asked to build it, which takes no time
/// where it has been built; it is built together with this example, so that nothing is compiled a second time.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let folder = me.parent().and_then(Path::parent).context("this example lies in no target folder")?;
    let program = folder.join("kippu");
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--bin", "kippu", "--example", "purchases"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        ensure!(build.status()?.success(), "cargo could not build kippu");
    }
    ensure!(program.exists(), "there is no {}; build it, or name a program with --kippu", program.display());
    Ok(program)
}
