//! `/metrics`: figures for Prometheus. Counters live here; readings are taken when somebody asks.

pub(crate) mod kafka;

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use kippu_actors::http::{IDEMPOTENT_REPLAYED, KIPPU_POSITION};
use kippu_actors::{CommandSpec, catalogue};
use kippu_events::Family as EntityFamily;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::forward::KIPPU_FORWARDED;
use crate::node::{GroupCommits, seconds};

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Command {
    family: &'static str,
    command: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CommandOutcome {
    family: &'static str,
    command: &'static str,
    outcome: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// The counters of this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Status, Counter>,
    commands: Family<CommandOutcome, Counter>,
    command_seconds: Family<Command, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// All at nought, but for what the log has counted.
    pub(crate) fn new(commits: &GroupCommits) -> Self {
        let mut registry = Registry::with_prefix("kippu");
        let requests = Family::default();
        let commands = Family::default();
        let command_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What is running", build);
        registry.register("http_requests", "HTTP requests by status", requests.clone());
        registry.register("commands", "Commands by what became of them", commands.clone());
        registry.register(
            "command_seconds",
            "From the head of a command to its durable answer",
            command_seconds.clone(),
        );
        let GroupCommits { seconds, records } = commits.clone();
        registry.register("log_commit_seconds", "How long each group commit took, sync included", seconds);
        registry.register("log_commit_records", "Records that each group commit made durable", records);
        Self { registry, requests, commands, command_seconds }
    }

    /// Counts an answer to a request of which nothing else is known.
    pub(crate) fn count(&self, status: StatusCode) {
        self.requests.get_or_create(&Status { status: status.as_u16() }).inc();
    }

    /// Counts one answer. A command is counted by the node that its caller asked.
    pub(crate) fn observe(&self, method: &Method, response: &ServiceResponse<BoxBody>, took: Duration) {
        self.count(response.status());
        let path = response.request().match_info();
        let Some(family) = path.get("family").and_then(EntityFamily::from_name) else { return };
        if method != Method::POST || response.request().headers().contains_key(KIPPU_FORWARDED) {
            return;
        }
        let Some(spec) = spec_of(family, path.get("command").unwrap_or("open")) else { return };
        let (family, command) = (family.name(), spec.name);
        let headers = response.headers();
        let outcome = match response.status().as_u16() {
            200..=299 if headers.contains_key(IDEMPOTENT_REPLAYED) => "repeated",
            200..=299 => "done",
            400..=499 if headers.contains_key(KIPPU_POSITION) => "refused",
            400..=499 => "rejected",
            _failed => "failed",
        };
        self.commands.get_or_create(&CommandOutcome { family, command, outcome }).inc();
        self.command_seconds.get_or_create(&Command { family, command }).observe(took.as_secs_f64());
    }

    /// Everything as text, with `readings` behind it.
    pub(crate) fn text(&self, readings: &Readings) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _infallible = encode_registry(&mut text, &self.registry);
        text.push_str(&readings.0);
        let _infallible = encode_eof(&mut text);
        text
    }
}

/// The command that the last part of a path names.
fn spec_of(family: EntityFamily, command: &str) -> Option<&'static CommandSpec> {
    let same = |spec: &&CommandSpec| {
        spec.name.len() == command.len()
            && spec.name.bytes().zip(command.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
    };
    catalogue::actor(family).commands().iter().find(same)
}

/// What a figure is to Prometheus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, until it begins anew.
    Counter,
}

/// Figures that are read when somebody asks, in the text format.
#[derive(Default)]
pub(crate) struct Readings(String);

impl Readings {
    /// One figure with a value for each of its labels' values.
    pub(crate) fn add<const N: usize>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([String; N], f64)>,
    ) {
        let (kind, ending) = match kind {
            Kind::Gauge => ("gauge", ""),
            Kind::Counter => ("counter", "_total"),
        };
        // Writing into a String cannot fail.
        let _infallible = write!(self.0, "# HELP kippu_{name} {help}.\n# TYPE kippu_{name} {kind}\n");
        for (keys, value) in values {
            let pairs: Vec<String> = labels.iter().zip(keys).map(|(label, key)| format!("{label}=\"{key}\"")).collect();
            let labels = if N == 0 { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            let _infallible = writeln!(self.0, "kippu_{name}{ending}{labels} {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_stand_between_the_counters_and_the_end() {
        let mut readings = Readings::default();
        readings.add(Kind::Gauge, "lag", "Records behind", ["partition"], [(["3".to_owned()], 7.0)]);
        let text = Metrics::new(&GroupCommits::default()).text(&readings);
        assert!(text.contains("kippu_build_info{version="));
        assert!(text.ends_with("# TYPE kippu_lag gauge\nkippu_lag{partition=\"3\"} 7\n# EOF\n"), "{text}");
        assert_eq!(text.matches("# EOF").count(), 1);
    }

    #[test]
    fn a_command_is_found_by_its_name_in_paths() {
        assert_eq!(spec_of(EntityFamily::Clients, "roll-key").map(|spec| spec.name), Some("roll_key"));
        assert!(spec_of(EntityFamily::Clients, "nonsense").is_none());
    }
}
