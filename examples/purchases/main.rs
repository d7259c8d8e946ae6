//! The documented API client: plays every purchase of a file over HTTP – operator, shop, terminals and two settlers –
//! and compares what the node says in the end with plain arithmetic over the file.
//!
//! ```sh
//! cargo run --release --example purchases -- --file examples/data/purchases-sample.txt --limit 100.00 --kill-at 0.5
//! cargo run --release --example purchases -- --file examples/data/purchases-sample.txt --limit 100.00 \
//!     --log kafka://127.0.0.1:9092/history --accept-single-copy --nodes 3 --kill-every 10
//! ```
//!
//! Each customer's purchases are played in file order, customers side by side. Every command holds a key that follows
//! from file and line, and is repeated with that key until it is answered; so the node may be lost at any moment, and
//! this client too: start it again and it goes on. Exit codes: 0 equal, 1 different, 2 usage, 3 could not run.

mod api;
mod file;
mod node;
mod report;
mod roles;

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::api::{Api, Line};
use crate::file::Purchases;
use crate::node::{Nodes, Settings};
use crate::report::{Killed, Played, Report};
use crate::roles::{Market, Parties};

/// Plays the purchases of a file and compares the node's sums with the file's.
#[derive(Parser)]
struct Args {
    /// Purchases in the CDNOW layout: customer, yyyymmdd, quantity, amount.
    #[arg(long)]
    file: PathBuf,
    /// What each customer may spend, as 100.00.
    #[arg(long, value_parser = |text: &str| file::minor_units(text).ok_or("an amount has at most two decimals"))]
    limit: u64,
    /// The currency of limit and file; one with two decimals.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// Connections at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// The URL of a running node, or several of nodes that share a history; without it, nodes are started.
    #[arg(long, requires = "operator_key", value_delimiter = ',')]
    node: Vec<String>,
    /// A file with an operator's API key for that node.
    #[arg(long)]
    operator_key: Option<PathBuf>,
    /// The data directory of the node that is started; without it, one that is deleted in the end. More nodes work in
    /// folders next to it.
    #[arg(long, conflicts_with = "node")]
    data: Option<PathBuf>,
    /// The topic that the nodes that are started share, as kafka://HOST:PORT/TOPIC; without it, there is one node, with a
    /// history of its own.
    #[arg(long, conflicts_with = "node")]
    log: Option<String>,
    /// Lets the topic do with one copy, as a broker alone has it.
    #[arg(long, requires = "log")]
    accept_single_copy: bool,
    /// How many nodes are started.
    #[arg(long, conflicts_with = "node", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    nodes: u8,
    /// The program of the node that is started; without it, that of the same build.
    #[arg(long, conflicts_with = "node")]
    kippu: Option<PathBuf>,
    /// Kill the node that is started with SIGKILL after this part of the purchases, and start it again.
    #[arg(long, conflicts_with_all = ["node", "kill_every"], value_parser = part)]
    kill_at: Option<f64>,
    /// Kill one node after the other with SIGKILL, one in so many seconds and the first sooner. Of several, it is started again before the
    /// next is killed.
    #[arg(long, conflicts_with = "node", value_parser = clap::value_parser!(u64).range(1..=3600))]
    kill_every: Option<u64>,
    /// How long a command is tried again, in seconds.
    #[arg(long, default_value_t = 60)]
    patience_secs: u64,
}

fn part(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|part| (0.0..1.0).contains(part)).ok_or("a part is at least 0 and less than 1, as 0.5")
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(said) if said.use_stderr() => said.exit(),
        Err(help) => return printed(help.render(), 0),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let report = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(&args)));
    match report {
        Ok(report) => printed(format_args!("{report}\n"), u8::from(!report.is_equal())),
        Err(error) => could_not(format_args!("{error:#}")),
    }
}

/// Prints what was asked for, and ends with `code`. A reader that goes away is no error; a disk that is full is.
fn printed(text: impl Display, code: u8) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            could_not(format_args!("the result could not be written to standard output: {error}"))
        }
        Ok(()) | Err(_) => ExitCode::from(code),
    }
}

fn could_not(reason: impl Display) -> ExitCode {
    // Where nobody is told, the exit code tells.
    let _closed = writeln!(std::io::stderr().lock(), "purchases: {reason}");
    ExitCode::from(3)
}

async fn run(args: &Args) -> anyhow::Result<Report> {
    let text = file::read(&args.file)?;
    let purchases = Purchases::parse(&text).with_context(|| args.file.display().to_string())?;

    // The folder outlives the node that works in it.
    let scratch = tempfile::Builder::new().prefix("purchases-").tempdir()?;
    let mut own: Option<Nodes> = None;
    let (urls, operator) = match &args.operator_key {
        Some(file) if !args.node.is_empty() => (args.node.clone(), file::read(file)?.trim().to_owned()),
        _ => {
            ensure!(args.nodes == 1 || args.log.is_some(), "several nodes share a topic: name it with --log");
            let data = args.data.clone().unwrap_or_else(|| scratch.path().join("data"));
            let nodes = own.insert(Nodes::start(&args.settings()?, &data, usize::from(args.nodes))?);
            (nodes.urls(), nodes.operator_key()?)
        }
    };
    let connections = usize::from(args.connections);
    let api = Api::new(&urls, Duration::from_secs(args.patience_secs))?;
    let market = Market {
        // Another limit makes other commands, so it needs other keys.
        run: format!("{}-{}", purchases.digest, args.limit),
        operator,
        limit: args.limit,
        currency: args.currency.clone(),
    };
    let stage = Arc::new(Stage::new(purchases, market, api, args));

    let started = Instant::now();
    let kill = own.map(|nodes| tokio::spawn(Arc::clone(&stage).kill(nodes)));
    let played = Arc::clone(&stage).play(connections).await;
    let elapsed = started.elapsed();
    stage.over.notify_one();
    let (_nodes, killed) = match kill {
        Some(kill) => kill.await?.map(|(nodes, killed)| (Some(nodes), killed))?,
        None => (None, Vec::new()),
    };
    stage.bar.finish_and_clear();

    Report::gather(&stage, played?, connections, elapsed, killed).await
}

impl Args {
    /// What own nodes are started with.
    fn settings(&self) -> anyhow::Result<Settings> {
        let program = self.kippu.clone().map_or_else(node::program, Ok)?;
        Ok(Settings { program, log: self.log.clone(), accept_single_copy: self.accept_single_copy })
    }
}

/// What all connections share while the purchases are played.
pub(crate) struct Stage {
    pub(crate) purchases: Purchases,
    pub(crate) market: Market,
    pub(crate) api: Api,
    /// The next customer that no connection has taken.
    next: AtomicUsize,
    done: AtomicU64,
    played: Mutex<Played>,
    /// When so many purchases are done, a node is killed.
    kill_at: Option<u64>,
    /// A node is killed so often.
    kill_every: Option<Duration>,
    kill: Notify,
    over: Notify,
    bar: ProgressBar,
}

impl Stage {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // a part of a count
    fn new(purchases: Purchases, market: Market, api: Api, args: &Args) -> Self {
        let count = purchases.len() as u64;
        // Drawn on a terminal only.
        let bar = ProgressBar::new(count);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} purchases, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        let played = Mutex::new(Played::new(purchases.customers.len()));
        let kill_at = args.kill_at.map(|part| (count as f64 * part) as u64).map(|at| at.max(1));
        let kill_every = args.kill_every.map(Duration::from_secs);
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        let (kill, over) = (Notify::new(), Notify::new());
        Self { purchases, market, api, next, done, played, kill_at, kill_every, kill, over, bar }
    }

    /// Plays all purchases over `connections`, each of which takes one customer after the other.
    async fn play(self: Arc<Self>, connections: usize) -> anyhow::Result<Played> {
        let parties = Arc::new(self.market.open_parties(&mut Line::new(&self.api)).await?);
        let mut lines = JoinSet::new();
        for _ in 0..connections {
            lines.spawn(Arc::clone(&self).line(Arc::clone(&parties)));
        }
        while let Some(ended) = lines.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.played()))
    }

    async fn line(self: Arc<Self>, parties: Arc<Parties>) -> anyhow::Result<()> {
        let mut line = Line::new(&self.api);
        loop {
            let nth = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(customer) = self.purchases.customers.get(nth) else { break };
            let subscriber = self.market.register(&mut line, &parties, customer, nth).await?;
            let mut position = None;
            let mut permitted = Vec::with_capacity(customer.purchases.len());
            for purchase in &customer.purchases {
                let bought = self.market.buy(&mut line, &parties, &subscriber, purchase).await;
                let bought = bought.with_context(|| format!("line {}", purchase.line))?;
                permitted.push(bought.permitted);
                position = bought.position;
                self.purchase_done();
            }
            self.played().customer(nth, subscriber.user, position, permitted);
        }
        self.played().repeated += line.repeated;
        Ok(())
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        // What is in it is whole even where a connection panicked: it is only ever added to.
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn purchase_done(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if Some(done) == self.kill_at {
            self.kill.notify_one();
        }
        self.bar.inc(1);
    }

    /// Keeps `nodes`. Kills them when their time has come, and says after how many purchases.
    async fn kill(self: Arc<Self>, mut nodes: Nodes) -> anyhow::Result<(Nodes, Vec<Killed>)> {
        let mut killed = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.over.notified() => return Ok((nodes, killed)),
                () = self.kill_is_due(killed.is_empty()) => {}
            }
            let after = self.done.load(Ordering::Relaxed);
            let started = Instant::now();
            let (kept, is_back) =
                tokio::task::spawn_blocking(move || nodes.kill_next().map(|is_back| (nodes, is_back))).await??;
            nodes = kept;
            killed.push(Killed { after, away: is_back.then(|| started.elapsed()) });
        }
    }

    /// The first after a fifth of the time, so that short plays see one too.
    async fn kill_is_due(&self, first: bool) {
        match self.kill_every {
            Some(every) => tokio::time::sleep(if first { every / 5 } else { every }).await,
            None => self.kill.notified().await,
        }
    }
}
