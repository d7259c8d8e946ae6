//! Traces to standard error. Spans and events hold ids, names and numbers; never bodies, keys, tokens or PINs.
//!
//! They are written by a thread of their own: where nobody reads them, lines are lost and counted, and the node goes on.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{Format, Trace};

/// Lines that wait to be written: some megabytes.
const MOST_WAITING: usize = 16_384;

static WRITER: Mutex<Option<WorkerGuard>> = Mutex::new(None);
static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Lines that could not be written so far.
pub(crate) fn lost() -> usize {
    LOST.get().map_or(0, ErrorCounter::dropped_lines)
}

/// Writes what waits, if it can be written soon. MUST be called before a process that has called [`start`] ends.
pub(crate) fn end() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Starts writing traces, panics among them. Called once, by commands that run for long.
pub(crate) fn start(trace: &Trace) {
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(MOST_WAITING).finish(std::io::stderr());
    let _only_once = LOST.set(writer.error_counter());
    *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    let filter = EnvFilter::try_new(&trace.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(true);
    let _already_started = match trace.format {
        Format::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colours).try_init()
        }
        Format::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    };
    std::panic::set_hook(Box::new(report));
}

/// Says where a panic was. A literal message is ours and is said too; one that was put together may quote what
/// somebody sent, and is not.
fn report(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(withheld: it may quote input)");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let current = std::thread::current();
    tracing::error!(place, message, thread = current.name().unwrap_or_default(), "a defect was met: panic");
}
