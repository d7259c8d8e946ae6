//! The thread that looks at the three topics again while the log is open: what was found safe may be changed, deleted or
//! made anew by somebody. A topic that does not keep a history any more takes no writes until it does again; one that holds
//! something else halts every partition for good. Brokers that do not answer halt nothing. The topic of owners holds nothing,
//! so it is made anew where it is gone.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};

use super::fetch::Fetch;
use super::topic::{self, Identity, NewTopic};
use super::{OpenError, Settings, Shared, check, keys};

/// Starts it. `wake` makes it look at once, or see that the log is closed; nobody waits for it, for what it asks of the
/// brokers may take its time.
pub(super) fn start(
    shared: Arc<Shared>,
    identity: &Identity,
    settings: &Settings,
    wake: Receiver<()>,
) -> Result<(), OpenError> {
    let Identity { log, cluster, .. } = identity.clone();
    let settings = Settings { log: Some(log), cluster: Some(cluster), ..settings.clone() };
    std::thread::Builder::new()
        .name("kafka-inspector".to_owned())
        .spawn(move || run(&shared, &settings, &wake))
        .map(drop)
        .map_err(|error| OpenError::Thread(error.to_string()))
}

/// What it knows.
struct Inspector<'a> {
    shared: &'a Shared,
    settings: &'a Settings,
    partitions: u16,
    keys: Fetch,
    /// Entries that the topic of keys was seen to have.
    keys_end: u64,
    /// What it found wrong last, so that each is said once.
    said: Option<String>,
}

fn run(shared: &Shared, settings: &Settings, wake: &Receiver<()>) {
    let keys = Fetch::new(shared.fetch.access.keys());
    // A log's count is a u16.
    let partitions = u16::try_from(shared.places.len()).unwrap_or(u16::MAX);
    let keys_end = keys::inspect(&keys, settings).unwrap_or(0);
    let mut inspector = Inspector { shared, settings, partitions, keys, keys_end, said: None };
    loop {
        match wake.recv_timeout(settings.check_every) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        inspector.look();
    }
}

impl Inspector<'_> {
    fn look(&mut self) {
        let log = twice(|| look_at_log(&self.shared.fetch, self.settings));
        let is_lost = log.as_ref().is_err_and(OpenError::is_foreign);
        if let (true, Err(error)) = (is_lost, &log) {
            self.shared.fetch.close(&error.to_string());
        }
        if log.is_ok() {
            // A record was read just now.
            *self.shared.unread.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let kept = log.and_then(|()| self.look_at_keys());
        if kept.is_ok() {
            self.shared.resume();
        }
        match kept.and_then(|()| self.look_at_owners()) {
            Ok(()) => {
                if self.said.take().is_some() {
                    tracing::info!("the topics of the log are as they have to be");
                }
            }
            Err(error) => self.act(&error),
        }
        self.shared.checks.fetch_add(1, Ordering::AcqRel);
    }

    fn look_at_keys(&mut self) -> Result<(), OpenError> {
        let (keys, settings) = (&self.keys, self.settings);
        let before = self.keys_end;
        let end = twice(|| {
            let end = keys::inspect(keys, settings)?;
            keys::not_fewer(keys, before, end).map(|()| end)
        })?;
        self.keys_end = end;
        Ok(())
    }

    fn look_at_owners(&self) -> Result<(), OpenError> {
        let log = &self.shared.fetch;
        if !self.shared.joined.load(Ordering::Acquire) {
            return Ok(());
        }
        let owners = topic::owners(log, &NewTopic { partitions: self.partitions, replicas: check::replicas(log)? });
        // It is no part of the history: what is wrong with it keeps nobody from writing who owns a partition.
        owners.map_err(|error| OpenError::Client(error.to_string()))
    }

    /// Does what `error` asks for.
    fn act(&mut self, error: &OpenError) {
        let reason = error.to_string();
        let is_new = self.said.as_ref() != Some(&reason);
        match error {
            error if error.is_foreign() && is_new => self.shared.halt(&reason),
            error if error.is_verdict() => {
                if is_new {
                    tracing::error!(%error, "the log takes no writes");
                }
                self.shared.suspend(&reason);
            }
            _ if is_new => tracing::warn!(%error, "the topics of the log could not be checked"),
            _ => {}
        }
        self.said = Some(reason);
    }
}

/// A broker that has just started may not know yet what the others know: nothing is held against a topic that is not seen
/// twice.
fn twice<T>(look: impl Fn() -> Result<T, OpenError>) -> Result<T, OpenError> {
    match look() {
        Err(error) if error.is_verdict() => look(),
        seen => seen,
    }
}

fn look_at_log(log: &Fetch, settings: &Settings) -> Result<(), OpenError> {
    let identity = topic::identify(log, settings)?;
    if settings.accept_unsafe {
        return Ok(());
    }
    identity.check_size(log.topic())?;
    check::check(log, settings)
}
