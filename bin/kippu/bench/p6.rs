//! P6: memory per live entity, compared with its own state. Measured as the growth of a process of its own – log, runtime, no
//! views – between a quarter of the entities and all of them, when caches and memtables have long been full.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use kippu_actors::Commands;
use kippu_actors::runtime::clock::SystemClock;
use kippu_actors::runtime::{Runtime, RuntimeConfig};
use kippu_events::approvals::Approval;
use kippu_events::log::LogId;
use kippu_events::log::rocks::RocksLog;
use kippu_events::secrets::Secrets;
use serde::{Deserialize, Serialize};

use super::figure::{BenchError, Figure, Goal, round};
use super::load::{Until, closed};
use super::{Effort, machine, scene};
use crate::node::NodeError;

const IN_FLIGHT: usize = 1024;
/// ReadOnlyLog an entity's own state.
const MOST_BYTES: f64 = 400.0;

/// What the child process saw.
#[derive(Serialize, Deserialize)]
pub(super) struct Sizes {
    entities: u64,
    /// Bytes in memory with a quarter of them.
    quarter: u64,
    /// Bytes in memory with all.
    all: u64,
}

pub(super) fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let child = Command::new(std::env::current_exe()?)
        .args(["--json", "bench", "--entities", &effort.entities.to_string(), "--child-p6"])
        .arg(dir)
        .output()?;
    let sizes: Sizes = serde_json::from_slice(&child.stdout)
        .map_err(|_| BenchError::Load(String::from_utf8_lossy(&child.stderr).into_owned()))?;
    #[allow(clippy::cast_precision_loss)] // bytes of memory are far below 2^52
    let as_float = |bytes: u64| bytes as f64;
    let grown = as_float(sizes.all.saturating_sub(sizes.quarter));
    let each = grown / as_float(sizes.entities - sizes.entities / 4);
    let own = as_float(size_of::<Approval>() as u64);
    Ok(Figure::new(each - own, MOST_BYTES, "bytes/entity", Goal::AtMost(1.0, "ours ≤ 400 bytes"))
        .with("own_state_bytes", own)
        .with("with_own_state_bytes", round(each))
        .with("entities", sizes.entities)
        .with("memory_bytes_with_all", sizes.all))
}

/// In a process of its own.
pub(super) async fn child(dir: &Path, effort: Effort) -> Result<Sizes, BenchError> {
    let id = LogId([6; 16]);
    RocksLog::create(&dir.join("log"), id, crate::config::Config::default().node.partitions)?;
    let log = RocksLog::open(&dir.join("log"))?;
    let secrets = Arc::new(Secrets::create(&dir.join("keys"), id).map_err(NodeError::from)?);
    let entities = effort.entities;
    // Every entity stays: this is about what they take, not about letting go of them.
    let most_loaded = usize::try_from(entities).unwrap_or(usize::MAX).saturating_mul(2);
    let config = RuntimeConfig { most_loaded, ..RuntimeConfig::new(dir.join("entities")) };
    let runtime =
        Runtime::start(config, log, Arc::clone(&secrets), Arc::new(SystemClock)).await.map_err(NodeError::from)?;
    let commands = Commands::new(runtime.clone(), secrets);
    let cast = scene::cast(&commands, effort.users).await?;
    closed(&commands, &cast, IN_FLIGHT, Until::Triples(entities / 4), true).await?;
    let quarter = machine::memory_bytes("self")?;
    closed(&commands, &cast, IN_FLIGHT, Until::Triples(entities - entities / 4), true).await?;
    let all = machine::memory_bytes("self")?;
    runtime.stop().await;
    Ok(Sizes { entities, quarter, all })
}
