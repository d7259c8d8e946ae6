//! A node in one line: `Node::start()` runs the real binary on a folder of its own, at a free port, and kills it in the
//! end. What the node writes to standard error is kept for the tests that look at it.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

mod waiting;

use self::waiting::pause;
pub(crate) use self::waiting::{first, until};
use crate::http::Caller;
use crate::market::Market;

/// How long a node may take to be ready, or to end, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The real binary.
pub(crate) fn kippu() -> Command {
    run_by::<&str>(&[])
}

/// The same, run by a program that changes its environment.
pub(crate) fn run_by<S: AsRef<OsStr>>(runner: &[S]) -> Command {
    let binary = env!("CARGO_BIN_EXE_kippu");
    let mut command = Command::new(runner.first().map_or(binary.as_ref(), S::as_ref));
    if let Some((_, arguments)) = runner.split_first() {
        command.args(arguments).arg(binary);
    }
    // What the machine at hand has set is not what is tested.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KIPPU_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// The same, and standard error behind it.
    pub(crate) said: String,
}

/// Runs the real binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    Ended::of(kippu().args(arguments))
}

impl Ended {
    /// Runs `command` to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("it can be run");
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self { code: output.status.code(), said: format!("{out}{err}"), out }
    }

    /// This, if it ended well; panics otherwise.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.said);
        self
    }

    /// This, if it ended with `code` and said why; panics otherwise.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, why: &str) -> Self {
        assert!(self.code == Some(code) && self.said.contains(why), "not {code} {why:?}: {self:?}");
        assert!(!self.said.contains("panicked"), "{}", self.said);
        self
    }

    /// What it printed, which is JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&self.out).into_iter().collect();
        read.unwrap_or_else(|error| panic!("{error}: {}", self.said))
    }
}

/// A path as an argument.
pub(crate) fn utf8(path: &Path) -> &str {
    path.to_str().expect("temporary folders have names in UTF-8")
}

/// The Kafka brokers for tests.
pub(crate) fn brokers() -> String {
    std::env::var("KAFKA_BROKERS").expect("KAFKA_BROKERS: `make test` starts a broker and sets it")
}

/// How a node is run.
#[derive(Default)]
struct Settings {
    flags: Vec<String>,
    /// A program that runs it, with its arguments; none runs it as it is.
    runner: Vec<String>,
    /// Where it listens; at any free port of the loopback address where that is not given.
    listen: Option<String>,
}

/// A node of the test's own.
pub(crate) struct Node {
    folder: TempDir,
    settings: Settings,
    child: Child,
    /// Who calls it without a key.
    nobody: Caller,
}

impl Node {
    /// A fresh node with the shipped settings.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A fresh node with `flags`.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        Self::run(Settings { flags: owned(flags), ..Settings::default() })
    }

    /// A fresh node whose files are limited to so many blocks of 512 bytes each; a write beyond fails.
    pub(crate) fn start_limited_to_blocks(most_blocks: u32) -> Self {
        // It is told of a write beyond the limit by an error, as of a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {most_blocks}; exec \"$0\" \"$@\"");
        Self::run(Settings { runner: owned(&["sh", "-c", &script]), ..Settings::default() })
    }

    /// A node that `runner` runs, on the `data` in `folder`; what is said where there comes to be none.
    pub(crate) fn try_start_under(folder: TempDir, runner: &[&str], flags: &[&str]) -> Result<Self, String> {
        let settings = Settings { runner: owned(runner), flags: owned(flags), listen: None };
        let (child, nobody) = spawn(folder.path(), &settings)?;
        Ok(Self { folder, settings, child, nobody })
    }

    /// Takes every limit away, from the next start on.
    pub(crate) fn unlimited(&mut self) {
        self.settings.runner.clear();
    }

    /// A node with `flags` on the `data` in `folder`, which somebody else has made.
    pub(crate) fn start_in(folder: TempDir, flags: Vec<String>) -> Self {
        Self::run_in(folder, Settings { flags, ..Settings::default() })
    }

    /// The same, at an address that is known before.
    pub(crate) fn start_at(folder: TempDir, flags: Vec<String>, listen: &str) -> Self {
        Self::run_in(folder, Settings { flags, listen: Some(listen.to_owned()), ..Settings::default() })
    }

    fn run(settings: Settings) -> Self {
        Self::run_in(TempDir::with_prefix("kippu-test-").expect("a temporary folder"), settings)
    }

    fn run_in(folder: TempDir, settings: Settings) -> Self {
        let (child, nobody) = spawn(folder.path(), &settings).unwrap_or_else(|ended| panic!("{ended}"));
        Self { folder, settings, child, nobody }
    }

    /// Everything that the node keeps.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The node's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process of ours can be killed");
        self.child.wait().expect("a process of ours ends");
    }

    /// Sends `signal` by its name.
    pub(crate) fn signal(&self, signal: &str) {
        // The shell's own: a bare machine has no other.
        let pid = self.pid().to_string();
        Ended::of(Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid])).ok();
    }

    /// How the node ended, which it MUST do by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a process of ours can be asked") {
                return status;
            }
            assert!(Instant::now() < deadline, "the node does not end: {}", self.log());
            pause();
        }
    }

    /// Starts the node again on the same data, after it has ended or was killed.
    pub(crate) fn start_again(&mut self) {
        self.try_start_again().unwrap_or_else(|ended| panic!("{ended}"));
    }

    /// The same, with one more flag.
    pub(crate) fn start_again_with(&mut self, flag: &str) {
        self.settings.flags.push(flag.to_owned());
        self.start_again();
    }

    /// The same, where the node may refuse; what it says then is the error.
    pub(crate) fn try_start_again(&mut self) -> Result<(), String> {
        (self.child, self.nobody) = spawn(self.folder.path(), &self.settings)?;
        Ok(())
    }

    /// From the next start on, it takes the clock for right although its log is ahead of it.
    pub(crate) fn accept_clock(&mut self) {
        self.settings.flags.push("--accept-clock".to_owned());
    }

    /// From the next start on, its clock is off by `offset`, as in `+10m`.
    pub(crate) fn clock_off_by(&mut self, offset: &str) {
        // Time that passes does so as it is; the wrapper `faketime` would be the process that is killed in its place.
        let script = "export LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1) FAKETIME=$0 DONT_FAKE_MONOTONIC=1; exec \"$@\"";
        self.settings.runner = owned(&["sh", "-c", script, offset]);
    }

    /// From the next start on, the history is that at `log`.
    pub(crate) fn serve_from(&mut self, log: &str) {
        self.settings.flags.extend(["--log", log, "--accept-single-copy"].map(str::to_owned));
    }

    /// SIGTERM, to which a node MUST end well.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "the node ended with {status}: {}", self.log());
    }

    /// SIGKILL and start.
    pub(crate) fn crash(&mut self) {
        self.kill();
        self.start_again();
    }

    /// What all starts of the node have written to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).expect("standard error is kept")
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> &str {
        &self.nobody.url
    }

    /// A caller with `key`.
    pub(crate) fn caller(&self, key: &str) -> Caller {
        self.nobody.with_key(key)
    }

    /// The operator whose key the node wrote when it was initialised.
    pub(crate) fn operator(&self) -> Caller {
        let key = std::fs::read_to_string(self.data().join("operator.key")).expect("the node wrote an operator's key");
        self.caller(key.trim())
    }

    /// The operator at each node, where this is the only one.
    pub(crate) fn operators(&self) -> Vec<Caller> {
        vec![self.operator()]
    }

    /// The log's end in each partition, as the node's status has it.
    pub(crate) async fn ends(&self) -> Vec<u64> {
        let status = self.operator().get("/v1/status").await.expect(200).json();
        let view = status["views"].as_array().and_then(|views| views.first()).expect("there are views");
        let partitions = view["partitions"].as_array().expect("a view has partitions");
        partitions.iter().map(|partition| partition["end"].as_u64().expect("a partition ends somewhere")).collect()
    }

    /// Runs `kippu replay verify` on the data.
    pub(crate) fn verify(&self) -> Ended {
        run(&["replay", "verify", "--data", utf8(&self.data())])
    }

    /// Panics where the history is not sound.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        self.verify().ok();
    }

    /// A market on this node; every user's limit is `limit` cents.
    pub(crate) fn market(&self, limit: u64) -> Market {
        Market { operator: self.operator(), limit }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // An error here says that it has ended already, which is what is wanted.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            eprintln!("the node wrote:\n{}", self.log());
        }
    }
}

/// Every file below `folder`, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of ours") {
            let path = entry.expect("a folder of ours").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Panics where the history in this topic is not sound; what was said of it.
#[track_caller]
pub(crate) fn assert_sound_at(log: &str) -> String {
    run(&["replay", "verify", "--log", log, "--accept-single-copy"]).ok().said
}

/// A topic that nobody has used.
pub(crate) fn topic(name: &str) -> String {
    format!("kafka://{}/{name}-{:016x}", brokers(), rand::random::<u64>())
}

fn spawn(folder: &Path, settings: &Settings) -> Result<(Child, Caller), String> {
    let ready = folder.join("ready");
    if ready.exists() {
        std::fs::remove_file(&ready).expect("a file of ours can be removed");
    }
    let stderr = File::options().create(true).append(true).open(folder.join("stderr")).expect("a file of ours");
    let mut child = run_by(&settings.runner)
        .args(["serve", "--listen", settings.listen.as_deref().unwrap_or("127.0.0.1:0"), "--data"])
        .arg(folder.join("data"))
        .arg("--ready-file")
        .arg(&ready)
        .args(&settings.flags)
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .expect("the binary starts");
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(address) = std::fs::read_to_string(&ready) {
            return Ok((child, Caller::nobody(address.trim(), PATIENCE)));
        }
        let said = || std::fs::read_to_string(folder.join("stderr")).unwrap_or_default();
        if let Some(status) = child.try_wait().expect("a process of ours can be asked") {
            return Err(format!("the node ended with {status} before it was ready:\n{}", said()));
        }
        if Instant::now() > deadline {
            child.kill().expect("a process of ours can be killed");
            return Err(format!("the node is not ready:\n{}", said()));
        }
        pause();
    }
}

/// Prints a line that is shown for tests that pass, too.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{line}").expect("standard output is open");
}

/// A generator of random numbers whose seed is printed, and can be given as `KIPPU_SEED`.
pub(crate) fn seeded(what: &str) -> rand::rngs::StdRng {
    use rand::SeedableRng as _;
    let given = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random::<u64>);
    say(&format!("{what}: KIPPU_SEED={seed}"));
    rand::rngs::StdRng::seed_from_u64(seed)
}
