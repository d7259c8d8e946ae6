//! A node: log, key store, runtime and views over one data directory.

pub(crate) mod blobs;
mod calendar;
mod data_dir;
mod error;
mod forgetting;
mod group_commits;
mod key_store;
mod location;
mod moving;
mod need;
mod persons;
mod presence;
mod rights;
mod share;
mod system_names;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kippu_events::access::Caller;

use kippu_actors::actor::{Answer, Call};
use kippu_actors::runtime::clock::SystemClock;
use kippu_actors::runtime::{Outcome, Runtime, RuntimeConfig, Serves};
use kippu_actors::{Commands, Problem};
use kippu_events::blobs::BlobStore;
use kippu_events::log::kafka::KafkaLog;
use kippu_events::log::lock::Lock;
use kippu_events::log::rocks::RocksLog;
use kippu_events::log::{Log, LogId};
use kippu_events::secrets::{Secrets, SecretsError};
use kippu_events::{EntityId, Family, Time};
use kippu_projections::queries::Moment;
use kippu_projections::{Projections, Queries, QueryError};

pub(crate) use data_dir::{DataDir, DataDirError, Found, Label, write_whole};
pub(crate) use error::NodeError;
pub(crate) use forgetting::{go_on as forget_on, receipt, replace as replace_wrapping_key};
pub(crate) use group_commits::{GroupCommits, seconds};
pub(crate) use kippu_events::log::rocks::free_bytes;
use location::Opened;
pub(crate) use location::{LocationError, LogLocation, ReadOnlyLog};
pub(crate) use need::need;
pub(crate) use persons::reach as reach_persons;
pub(crate) use persons::{are_missing as persons_are_missing, named_in};
use share::Share;

use crate::config::Config;
use crate::limits;
use crate::parties::Identity;

/// The idempotency key that opens the first operator: fixed, so that an initialisation that is done again finds the same
/// client and API key.
const FIRST_OPERATOR: &str = "kippu-init-first-operator";
/// How long a command about a client waits until authentication knows of it. A view that needs longer does not go on.
pub(crate) const CLIENTS_WAIT: Duration = Duration::from_secs(10);

/// Everything that runs over one data directory. Dropping it stops the views and closes the log.
pub(crate) struct Node {
    /// Takes commands.
    pub(crate) commands: Commands,
    /// Answers queries. Declared before the views, which end when they are dropped.
    pub(crate) queries: Queries,
    /// Makes and checks tokens.
    pub(crate) secrets: Arc<Secrets>,
    /// The partitions.
    pub(crate) runtime: Runtime,
    /// Who it is to other parties.
    pub(crate) identity: Arc<Identity>,
    /// The history.
    pub(crate) log: Arc<dyn Log>,
    /// The same, where it lies on Kafka.
    pub(crate) kafka: Option<Arc<KafkaLog>>,
    /// Where it lies.
    pub(crate) location: LogLocation,
    /// Where the node answers, as its claims say.
    pub(crate) url: String,
    /// What the log has written.
    pub(crate) commits: GroupCommits,
    /// The blobs that its events name.
    pub(crate) blobs: BlobStore,
    /// What the place of these is known by, where several nodes are to have the same.
    pub(crate) blobs_at: Option<String>,
    /// Where it all lies.
    pub(crate) dir: DataDir,
    /// Where several nodes share the partitions. Left first of all.
    share: Option<Share>,
    _projections: Projections,
    lock: Option<Lock>,
}

impl Node {
    /// The node in the configured directory, which is made where there is none and the log lies in it. Runs on an actix
    /// system.
    ///
    /// # Errors
    /// [`NodeError`]; nothing that could lose history is opened.
    pub(crate) async fn open(config: &Config, url: &str, accept_clock: bool) -> Result<Self, NodeError> {
        let dir = DataDir::new(config.data.as_deref().ok_or(NodeError::NoDir)?);
        let found = dir.look()?;
        let location = LogLocation::of(config, &dir, &found)?;
        match (&found, &location) {
            (Found::Unfinished, LogLocation::Kafka(_)) => {
                Err(NodeError::NotInitialised { dir: dir.path().display().to_string(), location: location.to_string() })
            }
            (Found::Unfinished, LogLocation::Embedded(_)) => {
                calendar::check(Time::now(), accept_clock)?;
                Self::make(config, dir, location, url).await
            }
            (Found::Whole(label), LogLocation::Embedded(_)) => {
                let runtime = RuntimeConfig { accept_clock, ..runtime(config, &dir, url) };
                Self::start_in(config, dir, location, Some(label), runtime).await
            }
            (Found::Whole(label), LogLocation::Kafka(_)) => {
                let listen = config.http.listen;
                if config.node.url.is_none() && listen.ip().is_unspecified() {
                    return Err(NodeError::NoUrl(listen));
                }
                let serves = Serves::Assigned;
                let runtime = RuntimeConfig { accept_clock, serves, ..runtime(config, &dir, url) };
                Self::start_in(config, dir, location, Some(label), runtime).await.map_err(NodeError::on_kafka)
            }
        }
    }

    /// The stopped node in the configured directory. Where other nodes may serve the history there is none.
    ///
    /// # Errors
    /// [`NodeError`], `OnKafka` and `NoNode` among them.
    pub(crate) async fn open_stopped(config: &Config) -> Result<Self, NodeError> {
        let dir = DataDir::new(config.data.as_deref().ok_or(NodeError::NoDir)?);
        limits::check(&need(config, 0))?;
        let found = dir.look()?;
        if found == Found::Unfinished {
            let path = dir.path().display().to_string();
            return Err(if dir.lacks_its_history() { NodeError::HistoryLost(path) } else { NodeError::NoNode(path) });
        }
        match LogLocation::of(config, &dir, &found)? {
            LogLocation::Embedded(_) => Self::open(config, "", false).await,
            LogLocation::Kafka(_) => Err(NodeError::OnKafka(dir.path().display().to_string())),
        }
    }

    /// The node in a directory that has none yet.
    ///
    /// # Errors
    /// [`NodeError`], `Exists` among them.
    pub(crate) async fn init(config: &Config, accept_clock: bool) -> Result<Self, NodeError> {
        let dir = DataDir::new(config.data.as_deref().ok_or(NodeError::NoDir)?);
        limits::check(&need(config, 0))?;
        let found = dir.look()?;
        match found {
            Found::Whole(_) => Err(NodeError::Exists(dir.path().display().to_string())),
            Found::Unfinished => {
                let location = LogLocation::of(config, &dir, &found)?;
                calendar::check(Time::now(), accept_clock)?;
                Self::make(config, dir, location, "").await
            }
        }
    }

    /// Makes the directory of one more node of a log, whose other nodes have the keyring in `keyring`. Starts nothing. Where
    /// all persons' keys are gone, only if that is accepted.
    ///
    /// # Errors
    /// [`NodeError`]; without a log on Kafka there are no other nodes.
    pub(crate) fn join(config: &Config, keyring: &Path, without_keys: bool) -> Result<(LogId, u16), NodeError> {
        let dir = DataDir::new(config.data.as_deref().ok_or(NodeError::NoDir)?);
        let found = dir.look()?;
        let location = LogLocation::of(config, &dir, &found)?;
        if let Found::Whole(_) = found {
            return Err(NodeError::Exists(dir.path().display().to_string()));
        }
        dir.make()?;
        let _lock = dir.lock()?;
        location.begin(&dir)?;
        let location = location.pin(config)?;
        let reader = location.open_read_only(config)?.fit_to_serve()?;
        let log = reader.log();
        let keys = location.keys(config, log.id())?.ok_or(NodeError::NotShared)?;
        if !without_keys && persons::are_missing(log, &*keys)? {
            return Err(NodeError::PersonsLost(keys.name().to_owned()));
        }
        match Secrets::open_shared(&dir.keys(), log.id(), Arc::clone(&keys)) {
            // An earlier attempt came this far.
            Ok(_) => {}
            Err(SecretsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                drop(Secrets::join(&dir.keys(), log.id(), keyring, keys)?);
            }
            Err(error) => return Err(error.into()),
        }
        dir.finish(&location.label(log.id()))?;
        Ok((log.id(), log.partitions()))
    }

    /// Makes what the directory lacks, the first operator last, and labels it.
    async fn make(config: &Config, dir: DataDir, location: LogLocation, url: &str) -> Result<Self, NodeError> {
        dir.make()?;
        if matches!(location, LogLocation::Kafka(_)) && RocksLog::is_in(&dir.log()) {
            return Err(NodeError::BegunHere { dir: dir.path().display().to_string(), location: location.to_string() });
        }
        location.begin(&dir)?;
        let location = location.pin(config)?;
        if dir.keys().exists() && !location.is_made(config)? {
            return Err(NodeError::HistoryLost(dir.path().display().to_string()));
        }
        location.create(dir.plan()?, config)?;
        let runtime = runtime(config, &dir, url);
        let node = Self::start_in(config, dir, location, None, runtime).await?;
        node.open_first_operator().await?;
        Ok(node)
    }

    /// Opens what the directory has, and starts runtime and views over it.
    async fn start_in(
        config: &Config,
        dir: DataDir,
        location: LogLocation,
        label: Option<&Label>,
        runtime: RuntimeConfig,
    ) -> Result<Self, NodeError> {
        let lock = dir.lock()?;
        dir.keep_to_the_owner()?;
        let commits = GroupCommits::default();
        let (location, before) = match label {
            Some(label) => location.after(label, &dir, config)?,
            None => (location, None),
        };
        let Opened { log, kafka } = location.open(config, &commits)?;
        let keys = location.keys(config, log.id())?;
        if let Some(label) = label
            && label.log != log.id()
        {
            let dir = dir.path().display().to_string();
            return Err(NodeError::OtherLog { dir, label: label.log, found: log.id() });
        }
        let secrets = match (before, keys) {
            (Some(before), Some(keys)) => {
                moving::check(&before, &location, &*log, config)?;
                let secrets = Secrets::go_over(&dir.keys(), log.id(), keys)?;
                dir.finish(&location.label(log.id()))?;
                secrets
            }
            (_, keys) => key_store::open(&dir, label.is_none(), &*log, keys)?,
        };
        let secrets = Arc::new(secrets);
        let (serves, name) = (runtime.serves, runtime.node.clone());
        let blobs = blobs::open_for(config, &dir, log.id(), kafka.is_some())?;
        let mut node = Self::start(log, commits, secrets, dir, blobs, runtime).await?;
        (node.location, node.lock) = (location, Some(lock));
        if let (Some(kafka), Serves::Assigned) = (&kafka, serves) {
            node.blobs_at = blobs::at(&node.blobs).await;
            let kafka = Arc::clone(kafka);
            let join = move |owner| kafka.join(&name, owner);
            node.share = Some(Share::once_keys_are_known(node.queries.clone(), &node.runtime, join));
        }
        node.kafka = kafka;
        Ok(node)
    }

    /// Starts runtime and views over `log`.
    pub(crate) async fn start(
        log: Arc<dyn Log>,
        commits: GroupCommits,
        secrets: Arc<Secrets>,
        dir: DataDir,
        blobs: BlobStore,
        config: RuntimeConfig,
    ) -> Result<Self, NodeError> {
        let read = Arc::clone(&log).as_read();
        // Each reads its own store again after a crash: at the same time, not one after the other.
        let views = {
            let (dir, secrets) = (dir.views(), Arc::clone(&secrets));
            tokio::task::spawn_blocking(move || Projections::start(read, &dir, Some(secrets)))
        };
        let (clock, url) = (Arc::new(SystemClock), config.url.clone());
        let runtime = Runtime::start(config, Arc::clone(&log), Arc::clone(&secrets), clock).await;
        let projections = views.await.map_err(|_| NodeError::Defect)??;
        let runtime = runtime?;
        let identity = Arc::new(Identity::new(Arc::clone(&secrets), runtime.clone()));
        Ok(Self {
            commands: Commands::new(runtime.clone(), Arc::clone(&secrets)).with_blobs(blobs.clone()),
            queries: projections.queries(),
            secrets,
            runtime,
            identity,
            log,
            kafka: None,
            location: LogLocation::Embedded(dir.log()),
            url,
            commits,
            blobs,
            blobs_at: None,
            dir,
            share: None,
            _projections: projections,
            lock: None,
        })
    }

    /// Why nothing is written to a log on Kafka now, or read, although brokers answer; for everybody to know.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.kafka.as_ref()?.trouble()
    }

    /// Waits until the other nodes do not want this one any more; gives the reason.
    pub(crate) async fn expelled(&self) -> String {
        match &self.share {
            Some(share) => share.expelled().await,
            None => std::future::pending().await,
        }
    }

    /// Why the other nodes do not let this one in, where there are any and they do not.
    pub(crate) fn troubled(&self) -> Option<String> {
        self.share.as_ref()?.troubled()
    }

    /// Lets other nodes take over what this one serves, where there are any. Nothing is refused meanwhile.
    pub(crate) async fn hand_over(&self) {
        if let Some(share) = &self.share {
            share.leave().await;
        }
    }

    /// Runs a command as somebody with the data folder in hand.
    ///
    /// # Errors
    /// As [`Commands::run`].
    pub(crate) async fn command(
        &self,
        family: Family,
        name: &str,
        id: Option<EntityId>,
        key: &str,
        body: &serde_json::Value,
    ) -> Result<Outcome, Problem> {
        let call = Call { caller: Caller::OPERATOR, key: key.to_owned(), id, if_match: None };
        Ok(self.commands.run(family, name, call, body.to_string().as_bytes()).await?)
    }

    /// Waits until what `outcome` did to a client is known to authentication.
    ///
    /// # Errors
    /// Where the view does not go on.
    pub(crate) async fn known(&self, outcome: &Outcome) -> Result<(), QueryError> {
        self.queries.reach("clients", &Moment::Position(outcome.position), CLIENTS_WAIT).await
    }

    /// Answers what is under way and stops every partition.
    pub(crate) async fn stop(&self) {
        self.runtime.stop().await;
    }

    async fn open_first_operator(&self) -> Result<(), NodeError> {
        let body = serde_json::json!({ "role": "operator", "name": "first operator" });
        let outcome = self
            .command(Family::Clients, "open", None, FIRST_OPERATOR, &body)
            .await
            .map_err(|problem| NodeError::FirstOperator(problem.to_string()))?;
        let key = key_of(&outcome.answer).ok_or_else(|| NodeError::FirstOperator("it got no key".to_owned()))?;
        self.dir.write_operator_key(&key)?;
        tracing::info!(file = %self.dir.operator_key().display(), "the first operator's API key is there");
        self.dir.finish(&self.location.label(self.log.id()))?;
        Ok(())
    }
}

/// The API key in the answer to the opening of a client.
pub(crate) fn key_of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Done { body, .. } => {
            let reply: serde_json::Value = serde_json::from_slice(body).ok()?;
            Some(reply.get("key")?.as_str()?.to_owned())
        }
        Answer::Refused(_) => None,
    }
}

/// A runtime of every partition.
fn runtime(config: &Config, dir: &DataDir, url: &str) -> RuntimeConfig {
    let (node, url) = (config.node.name.clone(), url.to_owned());
    RuntimeConfig { node, url, ..RuntimeConfig::new(dir.entities()) }
}

/// Runs `work` on an actix system of its own.
pub(crate) fn on_a_system<T>(work: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(work)
}
