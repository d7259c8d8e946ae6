//! What a node with a configuration needs of the machine, as far as can be told before anything is opened.

use kippu_events::log::rocks::RocksLog;

use super::{DataDir, Found};
use crate::config::Config;
use crate::limits::Need;

/// With so many threads for requests.
pub(crate) fn need(config: &Config, workers: usize) -> Need {
    let mut partitions = config.node.partitions;
    let mut is_on_kafka = config.log.is_some();
    if let Some(data) = &config.data {
        let dir = DataDir::new(data);
        partitions = RocksLog::partitions_in(&dir.log()).unwrap_or(partitions);
        is_on_kafka |= match dir.look() {
            Ok(Found::Whole(label)) => label.location.is_some(),
            Ok(Found::Unfinished) | Err(_) => false,
        };
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Need::node(threads.clamp(1, usize::from(partitions.max(1))), workers, is_on_kafka)
}
