//! What keeps a node from serving as it should: what `/readyz` goes by, and what the other nodes of a log ask of this one.
//!
//! Whatever makes this node refuse a command MUST show here before the refusal leaves. What has a cause that can be looked at
//! is looked at; [`Refusals`](super::refusals::Refusals) has the rest.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kippu_actors::runtime::{Figures, Phase};
use kippu_projections::queries::{PartitionStatus, StalledAt};

use super::Shared;
use crate::node::free_bytes;

/// A log that has not answered for so long does not do so in a moment. Shorter than a writer waits for it.
const MOST_OWED: Duration = Duration::from_secs(2);

/// Something that keeps the node from serving as it should.
pub(super) struct Lack {
    pub(super) what: String,
    /// May tell of what is in the log, on the disk and at other nodes.
    pub(super) why: Option<String>,
}

impl Lack {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), why: None }
    }

    fn for_reason(what: impl Into<String>, why: impl ToString) -> Self {
        Self { what: what.into(), why: Some(why.to_string()) }
    }
}

/// What this node serves itself, whatever other nodes do.
pub(super) struct Own {
    /// What keeps it from taking any command.
    pub(super) lacks: Vec<Lack>,
    /// The partitions whose commands it decides, where nothing else is in the way.
    pub(super) serves: Vec<u16>,
    /// For how long the log has owed an answer, by partition, where that is long.
    owed: Vec<(u16, Duration)>,
}

impl Own {
    pub(super) async fn of(shared: &Shared) -> Self {
        let node = &shared.node;
        let figures = node.runtime.figures().await;
        let mut lacks = Vec::new();
        if figures.iter().flatten().any(|figures| figures.clock_jumped) {
            lacks.push(Lack::new("the clock jumped: no command is decided until the node is started again"));
        }
        if let Some(why) = node.queries.status().failed {
            lacks.push(Lack::for_reason("views do not go on", why));
        } else if let Err(why) = node.queries.may_go_by("clients") {
            lacks.push(Lack::for_reason("API keys cannot be checked", why));
        } else if !node.queries.has_caught_up("clients") {
            lacks.push(Lack::new("API keys are not known yet"));
        }
        if let Some(why) = node.log.refuses() {
            lacks.push(Lack::for_reason("the log takes no commands", why));
        }
        if let Some(why) = node.secrets.away() {
            lacks.push(Lack::for_reason("the last attempt to reach persons' keys failed", why));
        }
        let owed =
            (0..).zip(&figures).filter_map(|(partition, figures)| Some((partition, long_owed(figures.as_ref()?)?)));
        let owed: Vec<(u16, Duration)> = owed.collect();
        let serves = (0..).zip(node.runtime.phases()).filter(|(partition, phase)| {
            matches!(phase, Phase::Serving { .. }) && owed.iter().all(|(owing, _)| owing != partition)
        });
        Self { lacks, serves: serves.map(|(partition, _)| partition).collect(), owed }
    }
}

fn long_owed(figures: &Figures) -> Option<Duration> {
    (figures.owed >= MOST_OWED).then_some(figures.owed)
}

/// Everything that the node lacks.
pub(super) async fn all(shared: &Shared) -> Vec<Lack> {
    let Own { mut lacks, owed, .. } = Own::of(shared).await;
    if shared.draining.load(Ordering::SeqCst) {
        lacks.push(Lack::new("the node is stopping"));
    }
    lacks.extend(shared.node.trouble().map(Lack::new));
    if let Some(why) = shared.node.troubled() {
        lacks.push(Lack::for_reason("the other nodes of the log do not let this one in", why));
    }
    lacks.extend(owed.into_iter().map(|(partition, owed)| {
        Lack::new(format!("partition {partition}: the log has not answered for {:.1} s", owed.as_secs_f64()))
    }));
    partitions(shared, &mut lacks);
    views(shared, &mut lacks);
    match free_bytes(shared.node.dir.path()) {
        Ok(free) if free < shared.config.ready.least_free_bytes => {
            let least = shared.config.ready.least_free_bytes;
            lacks.push(Lack::new(format!("{free} bytes are free for the data directory, and not {least}")));
        }
        Ok(_enough) => {}
        Err(error) => lacks.push(Lack::for_reason("the free space is not known", error)),
    }
    // Last: what was refused while the rest was looked at counts too.
    if let Some((slug, detail)) = shared.refusals.latest() {
        lacks.push(Lack::for_reason(format!("a command was refused a moment ago ({slug})"), detail));
    }
    lacks
}

fn partitions(shared: &Shared, lacks: &mut Vec<Lack>) {
    let mut moved = BTreeMap::<String, usize>::new();
    let phases = shared.node.runtime.phases();
    let all = phases.len();
    let others = |partition| shared.owners.as_ref().map(|owners| owners.lack(partition));
    for (partition, phase) in (0..).zip(phases) {
        match phase {
            Phase::Serving { .. } => {}
            Phase::Warming => lacks.push(Lack::new(format!("partition {partition} is being read"))),
            Phase::Standby { .. } => match others(partition) {
                Some(None) => {}
                Some(Some(why)) => {
                    lacks.push(Lack::for_reason(format!("partition {partition} is served by nobody"), why))
                }
                None => lacks.push(Lack::new(format!("partition {partition} is served by nobody"))),
            },
            // Commands wait for it, as they did while another node served it.
            Phase::Opening if matches!(others(partition), Some(None)) => {}
            Phase::Opening => lacks.push(Lack::new(format!("partition {partition} is opening"))),
            Phase::Moved { next } => *moved.entry(next).or_default() += 1,
            Phase::Halted(why) => lacks.push(Lack::for_reason(format!("partition {partition} is halted"), why)),
        }
    }
    let moved = moved.into_iter();
    lacks.extend(moved.map(|(next, count)| Lack::for_reason(format!("{count} of {all} partitions have moved"), next)));
}

fn views(shared: &Shared, lacks: &mut Vec<Lack>) {
    let status = shared.node.queries.status();
    if status.failed.is_none() && !status.caught_up {
        lacks.push(Lack::new("views have not caught up yet"));
    }
    for view in &status.views {
        for partition in &view.partitions {
            let (name, number) = (&view.name, partition.partition);
            if let Some(StalledAt { event, reason, .. }) = &partition.stalled_at {
                let why = format!("event {event}: {reason}");
                lacks.push(Lack::for_reason(format!("{name} is stalled in partition {number}"), why));
            } else if let Some(why) = &partition.halted {
                lacks.push(Lack::for_reason(format!("{name} halts in partition {number}"), why));
            } else if let Some(lag) = lag(partition).filter(|lag| *lag > shared.config.ready.most_lag) {
                lacks.push(Lack::new(format!("{name} lags {lag} records behind in partition {number}")));
            }
        }
    }
}

fn lag(partition: &PartitionStatus) -> Option<u64> {
    partition.end.map(|end| end.saturating_sub(partition.offset))
}
