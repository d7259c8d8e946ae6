//! Nodes of this client's own, which it can kill and start again on the same data.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// How long a node may take to say that it is ready.
const START: Duration = Duration::from_secs(60);

/// Warnings, but not of each request that is answered with "later" while nodes are away.
const TRACED: &str = "warn,kippu::access=error,kippu::server::forward=error";

/// What a node is started with.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The program.
    pub(crate) program: PathBuf,
    /// The topic that nodes share, as kafka://HOST:PORT/TOPIC; without it, the one node keeps its history in its data.
    pub(crate) log: Option<String>,
    /// Whether the topic may do with one copy, as a broker alone has it.
    pub(crate) accept_single_copy: bool,
}

/// Nodes that share a history, or one that has its own.
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    /// The one that was killed last, where others serve what it did.
    dead: Option<usize>,
    /// The next to be killed.
    next: usize,
}

impl Nodes {
    /// Starts `count` nodes, at any free ports. The first works on `data`, the others on folders next to it.
    pub(crate) fn start(settings: &Settings, data: &Path, count: usize) -> anyhow::Result<Self> {
        let mut nodes: Vec<Node> = Vec::with_capacity(count);
        for nth in 0..count {
            let folder = if nth == 0 { data.to_owned() } else { sibling(data, nth) };
            let keyring = (nth > 0).then(|| data.join("keys/keyring.json"));
            settings.init(&folder, keyring.as_deref())?;
            nodes.push(Node::start(settings.clone(), folder, nth)?);
        }
        Ok(Self { nodes, dead: None, next: 0 })
    }

    /// Where they answer.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("http://{}", node.address)).collect()
    }

    /// The operator key that the first node wrote when it initialised its data.
    pub(crate) fn operator_key(&self) -> anyhow::Result<String> {
        let path = self.nodes[0].data.join("operator.key");
        Ok(crate::file::read(&path)?.trim().to_owned())
    }

    /// SIGKILL for the next of them. One that is alone is started again at once, at the same address. Of several, it is
    /// started again before the next is killed, so that the others have to take over. Says whether it is back.
    pub(crate) fn kill_next(&mut self) -> anyhow::Result<bool> {
        if let Some(dead) = self.dead.take() {
            self.nodes[dead].start_again()?;
        }
        self.nodes[self.next].kill()?;
        let is_alone = self.nodes.len() == 1;
        if is_alone {
            self.nodes[self.next].start_again()?;
        } else {
            self.dead = Some(self.next);
        }
        self.next = (self.next + 1) % self.nodes.len();
        Ok(is_alone)
    }
}

impl Settings {
    /// Makes the folder of a node that shares a topic: the first makes the topic too, the others are given its keyring.
    /// One that has its own history needs no more than to be started.
    fn init(&self, data: &Path, keyring: Option<&Path>) -> anyhow::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        if data.join("kippu.json").exists() {
            return Ok(());
        }
        let mut init = self.command("init", data);
        init.args(["--log", log]);
        if self.accept_single_copy {
            init.args(["--replicas", "1"]);
        }
        if let Some(keyring) = keyring {
            init.arg("--keyring").arg(keyring);
        }
        let output = init.output().with_context(|| format!("cannot start {}", self.program.display()))?;
        ensure!(output.status.success(), "kippu init: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    fn command(&self, name: &str, data: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(name).arg("--data").arg(data).stdin(Stdio::null());
        if self.accept_single_copy {
            command.arg("--accept-single-copy");
        }
        command
    }
}

fn sibling(data: &Path, nth: usize) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{nth}"));
    data.with_file_name(name)
}

/// A running `kippu serve`; killed when dropped.
struct Node {
    settings: Settings,
    data: PathBuf,
    name: String,
    address: SocketAddr,
    child: Child,
}

impl Node {
    fn start(settings: Settings, data: PathBuf, nth: usize) -> anyhow::Result<Self> {
        let name = format!("node-{nth}");
        let (child, address) = spawn(&settings, &data, &name, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { settings, data, name, address, child })
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The same program on the same data at the same address.
    fn start_again(&mut self) -> anyhow::Result<()> {
        (self.child, _) = spawn(&self.settings, &self.data, &self.name, self.address)?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // An error here says that it has ended already, which is what is wanted.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn spawn(settings: &Settings, data: &Path, name: &str, listen: SocketAddr) -> anyhow::Result<(Child, SocketAddr)> {
    let ready = data.with_extension("ready");
    if ready.exists() {
        std::fs::remove_file(&ready)?;
    }
    let mut child = settings
        .command("serve", data)
        .args(["--name", name, "--listen", &listen.to_string(), "--trace-filter", TRACED])
        .arg("--ready-file")
        .arg(&ready)
        .spawn()
        .with_context(|| format!("cannot start {}", settings.program.display()))?;
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
