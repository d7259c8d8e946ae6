//! Brokers that are killed, restarted and held up under load. Each test has brokers of its own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::history::History;
use super::*;

/// Brokers take their time to start where machines are small, and to elect another leader.
const RECOVERY: Duration = Duration::from_secs(90);
const OURS: LogId = LogId([3; 16]);
/// Bursts that are answered before and after each fault.
const BURSTS: usize = 10;

/// For how long brokers are struck. By default it is done once.
fn duration() -> Duration {
    let secs = std::env::var("KIPPU_FAULT_SECS").ok().and_then(|secs| secs.parse().ok());
    Duration::from_secs(secs.unwrap_or(0))
}

/// Brokers in a folder of their own, stopped when this is dropped.
struct Cluster {
    dir: TempDir,
    brokers: String,
}

impl Cluster {
    fn start(brokers: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let brokers = kafka(&["start", dir.path().to_str().unwrap(), &brokers.to_string()]);
        Self { dir, brokers }
    }

    /// A log with one partition, with a copy on every broker.
    fn log(&self, replicas: u16, settings: &Settings) -> Arc<KafkaLog> {
        let new = NewTopic { partitions: 1, replicas };
        KafkaLog::create(&self.address(), settings, OURS, &new).unwrap();
        KafkaLog::open(&self.address(), settings).unwrap()
    }

    fn address(&self) -> Address {
        Address { brokers: self.brokers.clone(), topic: "faults".to_owned() }
    }

    fn signal(&self, broker: i32, signal: Signal) {
        let pid = std::fs::read_to_string(self.dir.path().join(format!("{broker}/pid"))).unwrap();
        kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), signal).unwrap();
    }

    fn restart(&self, broker: i32) {
        kafka(&["start-broker", self.dir.path().to_str().unwrap(), &broker.to_string()]);
    }

    /// The broker that leads the partition, once there is one.
    fn leader(&self, log: &KafkaLog) -> i32 {
        let until = Instant::now() + RECOVERY;
        loop {
            let metadata = log.shared.fetch.ask(|reader| reader.fetch_metadata(Some("faults"), PATIENCE));
            match metadata.map(|metadata| metadata.topics()[0].partitions().first().map(|only| only.leader())) {
                Ok(Some(leader)) if leader >= 0 => return leader,
                other => assert!(Instant::now() < until, "{other:?}"),
            }
        }
    }
}

impl Drop for Cluster {
    /// Nobody needs what they hold, so they need not end in order.
    fn drop(&mut self) {
        for broker in 0.. {
            let Ok(pid) = std::fs::read_to_string(self.dir.path().join(format!("{broker}/pid"))) else { break };
            kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::KILL).ok();
        }
        kafka(&["stop", self.dir.path().to_str().unwrap()]);
    }
}

/// Runs the script that starts and stops brokers; what it prints.
fn kafka(arguments: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/kafka/kafka.sh");
    let done = Command::new("sh").arg(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "kafka.sh {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A writer that never writes the same body twice.
struct Load {
    log: Arc<KafkaLog>,
    bodies: u64,
    answered: Vec<(u64, Vec<u8>)>,
}

impl Load {
    const fn new(log: Arc<KafkaLog>) -> Self {
        Self { log, bodies: 0, answered: Vec::new() }
    }

    /// Writes bursts under one claim until `stop`, or until the claim has ended.
    fn write(&mut self, stop: &AtomicBool, burst: &Sender<()>) -> Result<(), AppendError> {
        let mut writer = TestWriter::try_claim(&self.log, 0)?;
        while !stop.load(Ordering::Acquire) {
            let mut sent = Vec::new();
            for _ in 0..8 {
                let body = format!("[{{\"id\":\"{:012}\"}}]", self.bodies).into_bytes();
                sent.push((writer.append(&body)?, body));
                self.bodies += 1;
            }
            while writer.durable < writer.head.number {
                if let Progress::Ended(error) = writer.hear() {
                    self.answered.extend(sent.into_iter().filter(|(number, _)| *number <= writer.durable));
                    return Err(error);
                }
            }
            self.answered.append(&mut sent);
            // Whoever has seen enough hangs up.
            burst.send(()).ok();
        }
        Ok(())
    }
}

/// What a log under load tells.
struct Watched {
    bursts: Receiver<()>,
    ends: Receiver<AppendError>,
}

impl Watched {
    /// Waits until some more was answered.
    fn goes_on(&self) {
        while self.bursts.try_recv().is_ok() {}
        (0..BURSTS).for_each(|_| self.bursts.recv_timeout(RECOVERY).unwrap());
    }

    /// Waits until a writer has ended, or a claim was refused.
    fn ends(&self) -> AppendError {
        while self.ends.try_recv().is_ok() {}
        self.ends.recv_timeout(RECOVERY).unwrap()
    }
}

/// Keeps a log under load while `strike` strikes, and looks at what is left of it.
fn under_load(log: &Arc<KafkaLog>, address: &Address, settings: &Settings, strike: impl Fn(&Watched)) {
    let stop = Arc::new(AtomicBool::new(false));
    let ((burst, bursts), (end, ends)) = (channel(), channel());
    let (mut load, stopped) = (Load::new(Arc::clone(log)), Arc::clone(&stop));
    let writing = std::thread::spawn(move || {
        let mut ended = 0;
        while !stopped.load(Ordering::Acquire) {
            // The next claim shows what became of the records under way.
            if let Err(error) = load.write(&stopped, &burst) {
                ended += 1;
                end.send(error).ok();
            }
        }
        (load.answered, ended)
    });
    let (watched, begun, mut strikes) = (Watched { bursts, ends }, Instant::now(), 0);
    watched.goes_on();
    while strikes == 0 || begun.elapsed() < duration() {
        strike(&watched);
        strikes += 1;
    }
    stop.store(true, Ordering::Release);
    let (answered, ended) = writing.join().unwrap();

    let history = History::of(&KafkaLog::open(address, settings).unwrap(), 0);
    for (number, body) in &answered {
        assert_eq!(history.body(*number).as_ref(), Some(body), "record {number} was answered with another body");
    }
    let bodies = history.bodies();
    assert!(bodies.is_sorted(), "records lie in the order in which they were handed over");
    assert_eq!(bodies.iter().collect::<BTreeSet<_>>().len(), bodies.len(), "nothing is there twice");
    println!("faults: {strikes} strikes, {ended} writers ended or refused, {} answered, {history}", answered.len());
}

/// Shows F9.
/// Keeps L1, L2, L4.
#[test]
fn a_broker_that_is_killed_and_restarted_takes_nothing_with_it_that_was_answered() {
    let cluster = Cluster::start(1);
    let log = cluster.log(1, &trying_out());
    under_load(&log, &cluster.address(), &trying_out(), |watched| {
        cluster.signal(0, Signal::KILL);
        cluster.restart(0);
        watched.goes_on();
    });
}

/// Shows F9.
/// Keeps L1, L2, L4.
#[test]
fn a_leader_that_is_killed_is_followed_by_another_that_has_everything_that_was_answered() {
    let cluster = Cluster::start(3);
    let log = cluster.log(3, &Settings::default());
    under_load(&log, &cluster.address(), &Settings::default(), |watched| {
        let leader = cluster.leader(&log);
        cluster.signal(leader, Signal::KILL);
        watched.goes_on();
        cluster.restart(leader);
        watched.goes_on();
    });
}

/// Shows F9.
/// Keeps L1, L2, L4.
#[test]
fn a_broker_that_hangs_ends_the_writer_and_halts_nothing() {
    let cluster = Cluster::start(1);
    let settings = Settings { check_every: Duration::from_millis(200), ..trying_out() };
    let log = cluster.log(1, &settings);
    under_load(&log, &cluster.address(), &settings, |watched| {
        cluster.signal(0, Signal::STOP);
        let error = watched.ends();
        assert!(matches!(error, AppendError::Unknown(_)), "perhaps written: {error}");
        cluster.signal(0, Signal::CONT);
        watched.goes_on();
        assert_eq!(log.shared.places[0].state().halt, None);
    });
}
