//! The thread that looks at the topic again while the log is open: what was found safe may be changed, deleted or made
//! anew by somebody. What it sees then halts every partition; brokers that do not answer halt nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use super::check;
use super::topic::{self, Identity};
use super::{OpenError, Settings, Shared};

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
    let mut halted: Option<String> = None;
    loop {
        match wake.recv_timeout(settings.check_every) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        match look_twice(shared, settings) {
            Ok(()) => {}
            Err(error) if error.is_verdict() => {
                let reason = error.to_string();
                if halted.as_ref() != Some(&reason) {
                    if error.is_foreign() {
                        shared.fetch.close(&reason);
                    }
                    shared.halt(&reason);
                    halted = Some(reason);
                }
            }
            Err(error) => tracing::warn!(%error, "the topic could not be checked"),
        }
    }
}

/// A broker that has just started may not know yet what the others know: nothing is held against the topic that is not
/// seen twice.
fn look_twice(shared: &Shared, settings: &Settings) -> Result<(), OpenError> {
    match look(shared, settings) {
        Err(error) if error.is_verdict() => look(shared, settings),
        seen => seen,
    }
}

fn look(shared: &Shared, settings: &Settings) -> Result<(), OpenError> {
    topic::identify(&shared.fetch, settings)?;
    check::check(&shared.fetch, settings)
}
