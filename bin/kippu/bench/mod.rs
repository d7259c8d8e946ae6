//! `kippu bench`: measures the product compared with what this machine can do at most, both in one run and in alternation, and prints
//! ratios. The clients that make the load share the cores with what is measured. `kippu bench parties` does the same for several
//! parties, each with a node of its own, `kippu bench replay` for what reads a history, and `kippu bench access` for access logs.

mod access;
mod broker;
mod child;
mod figure;
mod load;
mod machine;
mod p1;
mod p2;
mod p3;
mod p5;
mod p6;
mod p8;
mod p9;
mod parties;
mod replay;
mod scene;
mod sharing;
mod takeover;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kippu_events::log::kafka::Address;

use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use broker::Broker;
use figure::{BenchError, Figure, Figures};

/// Events of the history that `replay` measures on, where nobody says: enough for a second of verify.
const REPLAY_EVENTS: u64 = 200_000;
/// The same of a short run.
const QUICK_EVENTS: u64 = 10_000;

/// Lines of the log that `access` measures on, where nobody says, and in a short run.
const ACCESS_LINES: u64 = 1_000_000;
const QUICK_LINES: u64 = 5_000;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure instead of one node.
    #[arg(value_enum, value_name = "GROUP", conflicts_with = "log")]
    group: Option<Group>,
    /// An empty directory on the disk to be measured; by default a temporary one.
    #[arg(long, env = "KIPPU_BENCH_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Measure on Kafka, at kafka://HOST:PORT/TOPIC: topics whose names begin with TOPIC are made, and stay.
    #[arg(long, value_name = "KAFKA")]
    log: Option<Address>,
    /// Brokers may be few, and topics have one copy.
    #[arg(long, requires = "log")]
    accept_single_copy: bool,
    /// Only these figures, as `P1,P9`.
    #[arg(long, value_delimiter = ',', value_name = "FIGURE…")]
    only: Vec<Which>,
    /// Short runs on little data: shows that everything works, and no figures to quote.
    #[arg(long)]
    quick: bool,
    /// Events in the log for P5, and for `replay`.
    #[arg(long, env = "KIPPU_BENCH_EVENTS", value_name = "N")]
    events: Option<u64>,
    /// Lines of the log for `access`.
    #[arg(long, env = "KIPPU_BENCH_LINES", value_name = "N")]
    lines: Option<u64>,
    /// Live entities for P6.
    #[arg(long, env = "KIPPU_BENCH_ENTITIES", value_name = "N")]
    entities: Option<u64>,
    /// The part of P6 that runs in a process of its own.
    #[arg(long, hide = true, value_name = "DIR")]
    child_p6: Option<PathBuf>,
}

/// What else is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Group {
    /// Several parties, each with a node of its own: purchases between them, and what they owe each other.
    Parties,
    /// What reads a history at rest: verify, as-of, trees and proofs, rebuild.
    Replay,
    /// What takes in access logs, and computes a fee from them.
    Access,
}

/// The figures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum, serde::Serialize)]
#[value(rename_all = "UPPER")]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Which {
    /// Durable commands a second, in process.
    P1,
    /// The same over HTTP.
    P2,
    /// Events a second, verified.
    P3,
    /// Lines of access logs a second, durable, classified and hashed, compared with GoAccess.
    P4,
    /// From the start after a SIGKILL to the first answer.
    P5,
    /// Bytes per live entity.
    P6,
    /// Durable commands a second on Kafka, in process.
    P7,
    /// Latency at half load.
    P8,
    /// The same on Kafka.
    P8K,
    /// The defaults, plainly, compared with what another event store reached.
    P9,
    /// From the SIGKILL of one node to the first answer of another, on Kafka.
    Takeover,
    /// Two nodes compared with one, on Kafka.
    Sharing,
    /// Whole purchases a second through five parties, compared with what one node does alone.
    Purchases,
    /// Activities a second for one party, compared with signed calls that do nothing.
    Activities,
    /// To sign a request and to check it, compared with signing as many bytes.
    Signatures,
    /// What others notice of what is owed to a party that is down.
    Owed,
    /// Events a second, verified, compared with a bare scan that hashes.
    Verify,
    /// The same on two threads, compared with one.
    Threads,
    /// What one entity was, with the node's views compared with a scan of its partition.
    AsOf,
    /// Records a second, put into tiles and signed.
    Tiles,
    /// A bundle of an entity with its inclusion proofs, compared with reading the same records.
    Proof,
    /// A view folded anew and compared, compared with verify.
    Rebuild,
    /// The most memory of verify, compared with the history.
    Memory,
    /// Lines a second from which a fee is computed, compared with taking them in.
    Fee,
    /// Bytes of the log for each line, compared with the line.
    LineBytes,
}

impl Which {
    const EMBEDDED: &[Self] = &[Self::P1, Self::P2, Self::P3, Self::P5, Self::P6, Self::P8, Self::P9];
    const ON_KAFKA: &[Self] = &[Self::P7, Self::P8K, Self::Takeover, Self::Sharing];
    const OF_PARTIES: &[Self] = &[Self::Purchases, Self::Activities, Self::Signatures, Self::Owed];

    const OF_REPLAY: &[Self] =
        &[Self::Verify, Self::Threads, Self::AsOf, Self::Tiles, Self::Proof, Self::Rebuild, Self::Memory];

    const OF_ACCESS: &[Self] = &[Self::P4, Self::Fee, Self::LineBytes];

    /// How to have it measured.
    fn place(self) -> &'static str {
        if Self::ON_KAFKA.contains(&self) {
            "on Kafka: name it with --log"
        } else if Self::OF_PARTIES.contains(&self) {
            "with the parties: kippu bench parties"
        } else if Self::OF_REPLAY.contains(&self) {
            "on a history at rest: kippu bench replay"
        } else if Self::OF_ACCESS.contains(&self) {
            "on an access log: kippu bench access"
        } else {
            "on the embedded log of one node: leave --log and the group out"
        }
    }
}

impl Args {
    fn measurable(&self) -> &'static [Which] {
        match self.group {
            Some(Group::Parties) => Which::OF_PARTIES,
            Some(Group::Replay) => Which::OF_REPLAY,
            Some(Group::Access) => Which::OF_ACCESS,
            None if self.log.is_some() => Which::ON_KAFKA,
            None => Which::EMBEDDED,
        }
    }
}

/// How long and how much.
#[derive(Clone, Copy)]
struct Effort {
    /// Before anything is counted.
    warm: Duration,
    /// Of one round.
    span: Duration,
    /// Rounds of ours and the limit's.
    rounds: usize,
    users: usize,
    /// For P3.
    triples: u64,
    /// For P5.
    events: u64,
    /// For P6.
    entities: u64,
    /// Purchases under way at once.
    buyers: usize,
    /// Activities in one round.
    activities: u64,
    /// Requests that are signed and checked in one round.
    signatures: u64,
    /// Activities that are owed to a party that is down.
    owed: u64,
}

impl Effort {
    fn new(args: &Args) -> Self {
        let effort = if args.quick {
            let (warm, span) = (Duration::from_millis(200), Duration::from_millis(500));
            Self {
                warm,
                span,
                rounds: 1,
                users: 50,
                triples: 2_000,
                events: 10_000,
                entities: 5_000,
                buyers: 4,
                activities: 100,
                signatures: 20,
                owed: 500,
            }
        } else {
            let (warm, span) = (Duration::from_secs(2), Duration::from_secs(5));
            Self {
                warm,
                span,
                rounds: 3,
                users: 1_000,
                triples: 250_000,
                events: 2_000_000,
                entities: 1_000_000,
                buyers: 32,
                activities: 10_000,
                signatures: 20_000,
                owed: 100_000,
            }
        };
        Self {
            events: args.events.unwrap_or(effort.events),
            entities: args.entities.unwrap_or(effort.entities),
            ..effort
        }
    }
}

/// Measures.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    let effort = Effort::new(args);
    if let Some(which) = args.only.iter().find(|which| !args.measurable().contains(which)) {
        return output.failed(Exit::Usage, format_args!("{which:?} is measured {}", which.place()));
    }
    if let Some(dir) = &args.child_p6 {
        return match node::on_a_system(p6::child(dir, effort)) {
            Ok(sizes) => {
                output.result(&sizes, "");
                Exit::Sound
            }
            Err(error) => output.failed(Exit::CouldNotRun, error),
        };
    }
    match measure(args, effort, output) {
        Ok(figures) => {
            output.result(&figures, &figures);
            Exit::Sound
        }
        Err(error) => output.failed(Exit::CouldNotRun, error),
    }
}

fn measure(args: &Args, effort: Effort, output: &Output) -> Result<Figures, BenchError> {
    let scratch = match &args.data {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            tempfile::Builder::new().prefix("kippu-bench-").tempdir_in(dir)?
        }
        None => tempfile::Builder::new().prefix("kippu-bench-").tempdir()?,
    };
    let broker = args.log.clone().map(|address| Broker::new(address, args.accept_single_copy));
    let wanted = |which: &&Which| args.only.is_empty() || args.only.contains(which);
    if args.group == Some(Group::Replay) {
        let events = args.events.unwrap_or(if args.quick { QUICK_EVENTS } else { REPLAY_EVENTS });
        let wanted: Vec<Which> = Which::OF_REPLAY.iter().filter(wanted).copied().collect();
        let figures = replay::measure(scratch.path(), events, effort, &wanted)?;
        return Ok(Figures { figures, quick: args.quick });
    }
    if args.group == Some(Group::Access) {
        let lines = args.lines.unwrap_or(if args.quick { QUICK_LINES } else { ACCESS_LINES });
        let wanted: Vec<Which> = Which::OF_ACCESS.iter().filter(wanted).copied().collect();
        let figures = access::measure(scratch.path(), lines.max(1), &wanted)?;
        return Ok(Figures { figures, quick: args.quick });
    }
    let mut figures = BTreeMap::new();
    for &which in args.measurable().iter().filter(wanted) {
        output.note(format_args!("measuring {which:?} …"));
        let dir = scratch.path().join(format!("{which:?}"));
        std::fs::create_dir_all(&dir)?;
        figures.insert(which, one(which, &dir, broker.as_ref(), effort)?);
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(Figures { figures, quick: args.quick })
}

fn one(which: Which, dir: &Path, broker: Option<&Broker>, effort: Effort) -> Result<Figure, BenchError> {
    let broker = || broker.ok_or(BenchError::NoBroker);
    match which {
        Which::P1 => node::on_a_system(p1::embedded(dir, effort)),
        Which::P2 => node::on_a_system(p2::measure(dir, effort)),
        Which::P3 => node::on_a_system(p3::measure(dir, effort)),
        Which::P5 => node::on_a_system(p5::measure(dir, effort)),
        Which::P6 => p6::measure(dir, effort),
        Which::P7 => node::on_a_system(p1::on_kafka(dir, broker()?, effort)),
        Which::P8 => node::on_a_system(p8::embedded(dir, effort)),
        Which::P8K => node::on_a_system(p8::on_kafka(dir, broker()?, effort)),
        Which::P9 => node::on_a_system(p9::measure(dir, effort)),
        Which::Takeover => node::on_a_system(takeover::measure(dir, broker()?, effort)),
        Which::Sharing => node::on_a_system(sharing::measure(dir, broker()?, effort)),
        Which::Purchases => node::on_a_system(parties::purchases(dir, effort)),
        Which::Activities => node::on_a_system(parties::activities(dir, effort)),
        Which::Signatures => node::on_a_system(parties::signatures(dir, effort)),
        Which::Owed => node::on_a_system(parties::owed(dir, effort)),
        Which::Verify
        | Which::Threads
        | Which::AsOf
        | Which::Tiles
        | Which::Proof
        | Which::Rebuild
        | Which::Memory
        | Which::P4
        | Which::Fee
        | Which::LineBytes => Err(BenchError::Load(format!("{which:?} is measured {}", which.place()))),
    }
}
