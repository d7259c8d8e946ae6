//! The thread that looks at the topic, and at that of persons' keys, again while the log is open: what was found safe may be
//! changed, deleted or made anew by somebody. What it sees then halts every partition; brokers that do not answer halt
//! nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use super::fetch::Fetch;
use super::topic::{self, Identity};
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

fn run(shared: &Shared, settings: &Settings, wake: &Receiver<()>) {
    let keys = Fetch::new(shared.fetch.access.keys());
    let mut halted: Option<String> = None;
    loop {
        match wake.recv_timeout(settings.check_every) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        let of_log = twice(|| look(&shared.fetch, settings));
        if let Err(error) = &of_log
            && error.is_foreign()
        {
            shared.fetch.close(&error.to_string());
        }
        match of_log.and_then(|()| twice(|| keys::inspect(&keys, settings))) {
            Ok(()) => {}
            Err(error) if error.is_verdict() => {
                let reason = error.to_string();
                if halted.as_ref() != Some(&reason) {
                    shared.halt(&reason);
                    halted = Some(reason);
                }
            }
            Err(error) => tracing::warn!(%error, "the topics could not be checked"),
        }
    }
}

/// A broker that has just started may not know yet what the others know: nothing is held against a topic that is not seen
/// twice.
fn twice(look: impl Fn() -> Result<(), OpenError>) -> Result<(), OpenError> {
    match look() {
        Err(error) if error.is_verdict() => look(),
        seen => seen,
    }
}

fn look(log: &Fetch, settings: &Settings) -> Result<(), OpenError> {
    topic::identify(log, settings)?;
    check::check(log, settings)
}
