//! Traces to standard error. Spans and events carry ids, names and numbers; never bodies, keys, tokens or PINs.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

use crate::config::{Format, Trace};

/// Starts writing traces, panics among them. Called once, by commands that run for long.
pub(crate) fn start(trace: &Trace) {
    let filter = EnvFilter::try_new(&trace.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
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
