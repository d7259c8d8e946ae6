//! Traces to standard error. Spans and events carry ids, names and numbers; never bodies, keys, tokens or PINs.

use tracing_subscriber::EnvFilter;

use crate::config::{Format, Log};

/// Starts writing traces. Called once, by commands that run for long; a second call changes nothing.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    let _already_started = match log.format {
        Format::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colours).try_init()
        }
        Format::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    };
}
