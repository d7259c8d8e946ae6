//! Brokers of a test's own, which it may kill; and doors in front of them, which it may close.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A cluster of brokers. It ends with the test.
pub(crate) struct Brokers {
    folder: TempDir,
    count: usize,
    doors: Vec<Door>,
}

/// The way of one node to all brokers.
struct Door {
    /// Bootstrap servers behind it.
    brokers: String,
    open: Arc<watch::Sender<bool>>,
}

impl Brokers {
    /// So many brokers, with a door for each of so many nodes. MUST be called on a tokio runtime.
    pub(super) fn start(count: usize, doors: usize) -> Self {
        Self::start_with(count, doors, "")
    }

    /// The same, each with these properties too.
    pub(crate) fn start_with(count: usize, doors: usize, properties: &str) -> Self {
        let folder = TempDir::with_prefix("kippu-brokers-").expect("a temporary folder");
        let mut brokers = Self { folder, count, doors: Vec::new() };
        let start = ["start", &brokers.path(), &count.to_string()];
        script(&start, &[("KIPPU_KAFKA_DOORS", &doors.to_string()), ("KIPPU_KAFKA_PROPERTIES", properties)]);
        for door in 0..doors {
            let open = Arc::new(watch::Sender::new(true));
            let mut addresses = Vec::new();
            for broker in 0..count {
                let text = std::fs::read_to_string(brokers.of(broker, "doors")).expect("the script names the doors");
                let line = text.lines().nth(door).expect("there are as many doors as nodes");
                let (inside, outside) = line.split_once(' ').expect("two ports");
                let (inside, outside) = (inside.parse().expect("a port"), outside.parse().expect("a port"));
                tokio::spawn(keep(outside, inside, Arc::clone(&open)));
                addresses.push(format!("127.0.0.1:{outside}"));
            }
            brokers.doors.push(Door { brokers: addresses.join(","), open });
        }
        brokers
    }

    fn path(&self) -> String {
        self.folder.path().to_str().expect("temporary folders have names in UTF-8").to_owned()
    }

    /// Bootstrap servers for the node behind `door`.
    pub(super) fn behind(&self, door: usize) -> &str {
        &self.doors[door].brokers
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Lets nothing through `door` any more, in either direction, and keeps what is on its way.
    pub(super) fn shut(&self, door: usize) {
        self.doors[door].open.send_replace(false);
    }

    /// Lets everything through again, what was kept first.
    pub(super) fn open(&self, door: usize) {
        self.doors[door].open.send_replace(true);
    }

    /// SIGKILL, and the start after it.
    pub(super) fn crash(&self, broker: usize) {
        self.signal(broker, "KILL");
        self.start_again(broker);
    }

    /// Sends `signal` by its name.
    pub(super) fn signal(&self, broker: usize, signal: &str) {
        let pid = std::fs::read_to_string(self.of(broker, "pid")).expect("a running broker has a process");
        let sent = Command::new("kill").args(["-s", signal, pid.trim()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Starts a broker that was killed.
    pub(super) fn start_again(&self, broker: usize) {
        script(&["start-broker", &self.path(), &broker.to_string()], &[]);
    }

    /// Where a broker listens, without a door.
    pub(crate) fn address(&self, broker: usize) -> String {
        std::fs::read_to_string(self.of(broker, "address")).expect("the script names it").trim().to_owned()
    }

    /// Changes who may do what, where there is an authorizer.
    pub(crate) fn acl(&self, arguments: &[&str]) {
        script(&[&["acl", &self.address(0)], arguments].concat(), &[]);
    }

    fn of(&self, broker: usize, name: &str) -> PathBuf {
        self.folder.path().join(broker.to_string()).join(name)
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        script(&["stop", &self.path()], &[]);
    }
}

fn script(arguments: &[&str], environment: &[(&str, &str)]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/kafka.sh");
    let mut command = Command::new("sh");
    command.arg(script).args(arguments).envs(environment.iter().copied());
    let output = command.stdin(std::process::Stdio::null()).output().expect("sh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Listens before a broker for as long as the test runs.
async fn keep(outside: u16, inside: u16, open: Arc<watch::Sender<bool>>) {
    let listener = TcpListener::bind(("127.0.0.1", outside)).await.expect("the port that the script found is free");
    while let Ok((client, _)) = listener.accept().await {
        let open = open.subscribe();
        tokio::spawn(async move {
            let mut wait = open.clone();
            if wait.wait_for(|open| *open).await.is_err() {
                return;
            }
            let Ok(broker) = TcpStream::connect(("127.0.0.1", inside)).await else { return };
            let ((client_in, client_out), (broker_in, broker_out)) = (client.into_split(), broker.into_split());
            tokio::select! {
                () = pass(client_in, broker_out, open.clone()) => {}
                () = pass(broker_in, client_out, open) => {}
            }
        });
    }
}

/// Passes bytes one way. What comes while the door is shut waits until it is open.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else { return };
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
