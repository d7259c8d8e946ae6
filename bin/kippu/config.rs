//! Configuration: a TOML file, then the environment, then flags; the later wins. One struct holds what is in force,
//! one validates it, and every complaint about a file names line and column.

mod blobs;
mod flags;
mod place;
mod properties;
mod tls;
mod url;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kippu_events::log::kafka::Address;
use kippu_events::text_file;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

pub(crate) use blobs::{Blobs, KeyFile, S3};
pub(crate) use flags::{Flags, Source};
pub(crate) use place::Complaint;
pub(crate) use properties::Properties;
pub(crate) use tls::{ClientTls, Files, Plain, ServerTls};

/// Everything that can be set.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The data directory.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(crate) data: Option<PathBuf>,
    /// The log, where it does not lie in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,
    /// Who this node is.
    pub(crate) node: Node,
    /// How it is called.
    pub(crate) http: Http,
    /// Whom it trusts where it calls others.
    #[serde(skip_serializing_if = "ClientTls::is_empty")]
    pub(crate) tls: ClientTls,
    /// How often it may be called.
    pub(crate) rate: Rate,
    /// When it calls itself ready.
    pub(crate) ready: Ready,
    /// Where blobs are kept, and how many.
    pub(crate) blobs: Blobs,
    /// How long it sends to webhooks that do not take it.
    pub(crate) webhooks: Webhooks,
    /// How a log on Kafka is made and opened.
    pub(crate) kafka: Kafka,
    /// What it writes to standard error.
    pub(crate) trace: Trace,
}

/// Who this node is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Node {
    /// Its name in claims.
    pub(crate) name: String,
    /// Where others reach it, as scheme, host and port; by default the address that it listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// Partitions of a log that is being made; an existing log keeps its own.
    pub(crate) partitions: u16,
}

impl Default for Node {
    fn default() -> Self {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = if name.trim().is_empty() { "kippu" } else { name.trim() };
        Self { name: name.to_owned(), url: None, partitions: 16 }
    }
}

/// How the node is called.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// Address and port; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Where it answers without TLS.
    pub(crate) plain: Plain,
    /// Threads that read requests.
    pub(crate) workers: u16,
    /// The largest request body. Commands are small: a record has at most 256 KiB, and holds its command's fields.
    pub(crate) most_body_bytes: u32,
    /// Connections at once over all workers; more wait in the kernel's queue.
    pub(crate) most_connections: u32,
    /// How long an idle connection is kept, which answers tell. Longer than any common client or proxy keeps one by itself
    /// (nginx 60 s, Go 90 s, OkHttp 300 s, load balancers up to 600 s), so that these close first: what is sent on a
    /// connection that is just being closed here has no answer.
    pub(crate) keep_alive_secs: u32,
    /// How long the head of a request, and then its body, may take to arrive.
    pub(crate) request_timeout_secs: u32,
    /// How long requests under way may take to end after SIGTERM.
    pub(crate) drain_secs: u32,
    /// A folder of evidence that is served to everybody.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub(crate) evidence_dir: Option<PathBuf>,
    /// With a certificate it speaks TLS, and nothing else.
    #[serde(skip_serializing_if = "ServerTls::is_empty")]
    pub(crate) tls: ServerTls,
}

impl Default for Http {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, |n| u16::try_from(n.get()).unwrap_or(64));
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7701)),
            plain: Plain::default(),
            workers: workers.min(64),
            most_body_bytes: 64 * 1024,
            most_connections: 20_000,
            keep_alive_secs: 620,
            request_timeout_secs: 10,
            drain_secs: 30,
            evidence_dir: None,
            tls: ServerTls::default(),
        }
    }
}

/// How often one caller may call.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rate {
    /// Requests a second and client, in the long run; 0 for no limit. The default stops a runaway loop, not a shop.
    pub(crate) per_second: u32,
    /// Requests at once.
    pub(crate) burst: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: 20_000, burst: 40_000 }
    }
}

/// When the node calls itself ready.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ready {
    /// Records that views may lag behind the log, per partition.
    pub(crate) most_lag: u64,
    /// Free bytes that the data directory's file system should have. Well above the log's own limit for writing.
    pub(crate) least_free_bytes: u64,
}

impl Default for Ready {
    fn default() -> Self {
        Self { most_lag: 10_000, least_free_bytes: 2 << 30 }
    }
}

/// How long events are sent to webhooks that do not take them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhooks {
    /// After so many seconds an event becomes a dead letter: by default after those of the schedule of Standard Webhooks.
    pub(crate) give_up_secs: u32,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { give_up_secs: 3 * 24 * 60 * 60 }
    }
}

/// How a log on Kafka is made and opened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Kafka {
    /// Take a topic of which one broker could take answered records with it: for trying out.
    pub(crate) accept_single_copy: bool,
    /// Copies of each partition of a topic that is being made.
    pub(crate) replicas: u16,
    /// Seconds between two looks at the topics: soon enough that little is written to one that was made unsafe, seldom
    /// enough that brokers do not feel it.
    pub(crate) check_secs: u32,
    /// For every client of the brokers. In the file alone: their names are librdkafka's, and a password on a command
    /// line is everybody's on the machine.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub(crate) properties: Properties,
}

impl Default for Kafka {
    fn default() -> Self {
        Self { accept_single_copy: false, replicas: 3, check_secs: 20, properties: Properties::default() }
    }
}

/// What is written to standard error.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Trace {
    /// Levels by module, as `info` or `warn,kippu=debug`.
    pub(crate) filter: String,
    /// For people or for machines.
    pub(crate) format: Format,
}

impl Default for Trace {
    fn default() -> Self {
        // The server of actix tells of every worker at `info`.
        Self { filter: "info,actix_server=warn,actix_http=off".to_owned(), format: Format::Text }
    }
}

/// How lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Settings are wrong.
    #[error("{}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong {
        /// All that was found.
        complaints: Vec<Complaint>,
    },
}

impl ConfigError {
    /// How a command ends without its configuration.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::CouldNotRun,
            Self::Wrong { .. } => Exit::Usage,
        }
    }
}

/// A path as it is shown: not every one is text.
fn shown<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.display().to_string()).serialize(serializer)
}

impl Config {
    /// What is in force: the file, where one is named, under `flags`, which hold the environment too.
    ///
    /// # Errors
    /// An unreadable file, or every wrong setting.
    pub(crate) fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_with(file, flags, |_| Vec::new())
    }

    /// The same, where `look` finds more that is wrong, by setting.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn load_with(
        file: Option<&Path>,
        flags: &Flags,
        look: impl FnOnce(&Self) -> Vec<(String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => text_file::read(path).map_err(|error| match text_file::not_text(&error) {
                Some(wrong) => ConfigError::Wrong { complaints: vec![Complaint::of_bytes(path, wrong)] },
                None => ConfigError::Io { path: path.to_owned(), source: error },
            })?,
            None => String::new(),
        };
        // TOML knows no CR alone, so wherever one stands an end of a line is meant.
        Self::from_text(file, &text.replace("\r\n", "\n").replace('\r', "\n"), flags, look)
    }

    fn from_text(
        file: Option<&Path>,
        text: &str,
        flags: &Flags,
        look: impl FnOnce(&Self) -> Vec<(String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| {
            let complaint = Complaint::in_file(file, text, error.span(), String::new(), error.message());
            ConfigError::Wrong { complaints: vec![complaint] }
        })?;
        flags.apply(&mut config);
        let mut wrong = config.wrong();
        if let Some(url) = &mut config.node.url {
            match url::base(url) {
                Ok(base) if base.starts_with("http://") && config.http.tls.files().is_some() => {
                    let reason = "this node speaks TLS alone: others reach it at https://";
                    wrong.push(("node.url".to_owned(), reason.to_owned()));
                }
                Ok(base) => *url = base,
                Err(reason) => wrong.push(("node.url".to_owned(), reason)),
            }
        }
        if wrong.is_empty() {
            wrong = look(&config);
        }
        if wrong.is_empty() {
            return Ok(config);
        }
        let complaint = |(setting, reason): (String, String)| {
            Complaint::of_setting(file, text, flags.source(&setting), &setting, &reason)
        };
        Err(ConfigError::Wrong { complaints: wrong.into_iter().map(complaint).collect() })
    }

    /// Settings that have the right type and make no sense.
    fn wrong(&self) -> Vec<(String, String)> {
        let mut wrong = self.kafka.properties.wrong();
        wrong.extend(self.blobs.wrong());
        let mut say = |setting: &str, reason: String| wrong.push((setting.to_owned(), reason));
        let mut between = |setting, value: u64, least: u64, most: u64| {
            if value < least || value > most {
                say(setting, format!("{value} is not between {least} and {most}"));
            }
        };
        between("node.partitions", self.node.partitions.into(), 1, 1024);
        between("kafka.replicas", self.kafka.replicas.into(), 1, 15);
        between("kafka.check_secs", self.kafka.check_secs.into(), 1, 3600);
        between("http.workers", self.http.workers.into(), 1, 64);
        between("http.most_body_bytes", self.http.most_body_bytes.into(), 1024, 256 * 1024);
        between("http.most_connections", self.http.most_connections.into(), 1, 1_000_000);
        between("http.keep_alive_secs", self.http.keep_alive_secs.into(), 1, 3600);
        between("http.request_timeout_secs", self.http.request_timeout_secs.into(), 1, 600);
        between("http.drain_secs", self.http.drain_secs.into(), 1, 600);
        between("blobs.most_bytes", self.blobs.most_bytes, 1, blobs::MOST_BYTES);
        between("blobs.keep_secs", self.blobs.keep_secs.into(), 1, 31_622_400);
        between("blobs.sweep_secs", self.blobs.sweep_secs.into(), 1, 31_622_400);
        between("webhooks.give_up_secs", self.webhooks.give_up_secs.into(), 1, 31_622_400);
        between("rate.per_second", self.rate.per_second.into(), 0, 10_000_000);
        between("rate.burst", self.rate.burst.into(), 1, 10_000_000);
        let name = &self.node.name;
        if name.is_empty() || name.len() > 100 || name.bytes().any(|b| b.is_ascii_control()) {
            say("node.name", "a name has 1 to 100 printable characters".to_owned());
        }
        if let Some((setting, reason)) = self.http.wrongly_encrypted() {
            say(setting, reason);
        }
        if let Some(Err(error)) = self.log.as_deref().map(str::parse::<Address>) {
            say("log", error.to_string());
        }
        if let Err(error) = self.trace.filter.parse::<tracing_subscriber::EnvFilter>() {
            say("trace.filter", error.to_string());
        }
        wrong
    }
}

#[cfg(test)]
mod tests;
