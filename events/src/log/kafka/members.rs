//! Who should own which partition: the nodes of a log are members of one consumer group over a topic that nobody writes
//! to, with as many partitions as the log. The brokers notice which members are gone and share the partitions out.
//!
//! This is for liveness alone. Who does own a partition is what the claims in the log say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;

use super::OpenError;
use super::client::{Access, Traced};
use super::fetch::is_passing;
use crate::log::LogId;

/// A member that is not heard of for so long is taken for gone. The least that brokers allow by default.
pub const SESSION: Duration = Duration::from_secs(6);
/// A member is heard of so often, and as often hears that partitions are to be shared out again.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How often the thread looks whether it is to end.
const POLL: Duration = Duration::from_millis(100);

/// Is told what a member should own. Called on the group's own thread, one call at a time.
pub trait Owner: Send + Sync {
    /// These partitions are to be served here from now on. MUST return at once.
    fn assigned(&self, partitions: &[u16]);
    /// These are not. They go to other members when this returns, so it MUST wait for what is under way, but not for
    /// long.
    fn revoked(&self, partitions: &[u16]);
    /// The group does not let this member take part now, for this reason; it is tried again. Nothing, once it does.
    fn troubled(&self, reason: Option<&str>);
    /// This member is out of the group for good, for this reason. Nothing is told any more.
    fn expelled(&self, reason: &str);
}

/// Membership in the group of a log's nodes. Ends when dropped.
pub struct Membership {
    leaving: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Rebalanced(Arc<dyn Owner>);

/// Calls `tell` with the log's partitions that `list` stands for, if there are any.
fn each(list: &TopicPartitionList, tell: impl FnOnce(&[u16])) {
    let elements = list.elements();
    let partitions: Vec<u16> = elements.iter().filter_map(|element| u16::try_from(element.partition()).ok()).collect();
    if !partitions.is_empty() {
        tell(&partitions);
    }
}

impl ClientContext for Rebalanced {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Traced::default().log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Traced::default().error(error, reason);
    }
}

impl ConsumerContext for Rebalanced {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                self.0.troubled(None);
                each(list, |partitions| self.0.assigned(partitions));
            }
            Rebalance::Revoke(list) => each(list, |partitions| self.0.revoked(partitions)),
            Rebalance::Error(error) => tracing::warn!(%error, "the partitions could not be shared out"),
        }
    }
}

impl Membership {
    /// Joins the nodes of the log `id` of `access`. People are told of the node as `member`.
    pub(super) fn join(access: &Access, id: LogId, member: &str, owner: Arc<dyn Owner>) -> Result<Self, OpenError> {
        let mut config = access.consumer();
        config
            .set("group.id", format!("kippu-{id}"))
            // What Kafka's own tools show of a member. It is no static one, whose partitions would wait for it until its
            // session is over when it leaves in good order: nodes are replaced more often than they crash.
            .set("client.id", member)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION.as_millis().to_string())
            .set("heartbeat.interval.ms", HEARTBEAT.as_millis().to_string())
            .set("auto.offset.reset", "latest");
        let told = Arc::clone(&owner);
        let consumer: BaseConsumer<Rebalanced> =
            config.create_with_context(Rebalanced(owner)).map_err(OpenError::client)?;
        consumer.subscribe(&[&access.address.owners().topic]).map_err(OpenError::client)?;
        let (leaving, stop) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (leaves, ended) = (Arc::clone(&leaving), Arc::clone(&stop));
        let run = move || run(&consumer, &*told, &leaves, &ended);
        let thread = std::thread::Builder::new().name("kafka-members".to_owned()).spawn(run);
        let thread = thread.map_err(|error| OpenError::Thread(error.to_string()))?;
        Ok(Self { leaving, stop, thread: Some(thread) })
    }

    /// Hands the partitions over to the other members. [`Owner::revoked`] is told of all of them.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }
}

fn run(consumer: &BaseConsumer<Rebalanced>, told: &dyn Owner, leaves: &AtomicBool, ended: &AtomicBool) {
    let mut has_left = false;
    while !ended.load(Ordering::Acquire) {
        if !has_left && leaves.load(Ordering::Acquire) {
            has_left = true;
            consumer.unsubscribe();
        }
        match consumer.poll(POLL) {
            None => {}
            // It is of no use and does no harm.
            Some(Ok(_)) => tracing::warn!("a message in the topic of the owners, which nobody writes to"),
            Some(Err(error)) if is_passing(&error) => tracing::debug!(%error, "the group does not answer"),
            Some(Err(error)) => {
                if let Some((_, reason)) = consumer.client().fatal_error() {
                    return told.expelled(&reason);
                }
                tracing::warn!(%error, "the group of the log's nodes");
                // What is wrong with single partitions of a topic that holds nothing keeps nobody from taking part.
                if consumer.assignment().is_ok_and(|assigned| assigned.count() == 0) {
                    told.troubled(Some(&error.to_string()));
                }
            }
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the group panicked");
        }
    }
}
