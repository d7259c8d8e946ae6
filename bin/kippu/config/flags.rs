//! Settings as flags, each with its environment variable: clap already lets a flag win over its variable.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Config, Format, Plain};

/// Where a setting's value came from, as complaints name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The file, or nobody.
    File,
    /// The flag of this name, or its environment variable.
    Flag {
        /// With its dashes.
        flag: &'static str,
        /// The variable.
        variable: &'static str,
    },
}

macro_rules! flags {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $flag:literal $variable:literal $setting:literal => $($path:ident).+ $(, $wrap:ident)?;)*) => {
        /// Settings that flags or the environment give; what is absent stays as the file has it.
        #[derive(clap::Args, Clone, Debug, Default)]
        pub(crate) struct Flags {
            $($(#[$doc])* #[arg(long = $flag, env = $variable, value_name = "VALUE", help_heading = "Settings")] pub(crate) $field: Option<$type>,)*
        }

        impl Flags {
            /// Puts what is given over `config`.
            pub(crate) fn apply(&self, config: &mut Config) {
                $(if let Some(value) = &self.$field { config.$($path).+ = flags!(@wrap value $($wrap)?); })*
            }

            /// Where the value of `setting` came from.
            pub(crate) fn source(&self, setting: &str) -> Source {
                match setting {
                    $($setting if self.$field.is_some() => Source::Flag { flag: concat!("--", $flag), variable: $variable },)*
                    _ => Source::File,
                }
            }

            /// Every setting with its flag and its variable.
            pub(crate) const ALL: &'static [(&'static str, &'static str, &'static str)] =
                &[$(($setting, concat!("--", $flag), $variable)),*];
        }
    };
    (@wrap $value:ident Some) => { Some($value.clone()) };
    (@wrap $value:ident) => { $value.clone() };
}

/// Variables that are read, but are no settings of a node.
const OTHERS: [&str; 4] = ["KIPPU_CONFIG", "KIPPU_SERVER", "KIPPU_KEY_FILE", "KIPPU_BENCH_DATA"];

impl Flags {
    /// Those of `variables` that look like settings and are none. What Kubernetes says of a service named kippu is not
    /// meant for it.
    pub(crate) fn unknown_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<String> {
        let names = variables.into_iter().filter_map(|(name, _)| name.into_string().ok());
        let known = |name: &str| OTHERS.contains(&name) || Self::ALL.iter().any(|(_, _, variable)| *variable == name);
        let of_kubernetes = |name: &str| name.starts_with("KIPPU_SERVICE_") || name.starts_with("KIPPU_PORT");
        names.filter(|name| name.starts_with("KIPPU_") && !known(name) && !of_kubernetes(name)).collect()
    }
}

flags! {
    /// The data directory.
    data: PathBuf = "data" "KIPPU_DATA" "data" => data, Some;
    /// The log, as kafka://HOST:PORT/TOPIC; by default it lies in the data directory.
    log: String = "log" "KIPPU_LOG" "log" => log, Some;
    /// The node's name in claims.
    name: String = "name" "KIPPU_NODE_NAME" "node.name" => node.name;
    /// Where others reach this node.
    url: String = "url" "KIPPU_NODE_URL" "node.url" => node.url, Some;
    /// Partitions of a log that is being made.
    partitions: u16 = "partitions" "KIPPU_NODE_PARTITIONS" "node.partitions" => node.partitions;
    /// What to listen on: an IP address and a port, as 127.0.0.1:7701; port 0 takes a free one.
    listen: SocketAddr = "listen" "KIPPU_HTTP_LISTEN" "http.listen" => http.listen;
    /// Where this node answers without a certificate: at any address (allow), on the loopback address alone, or nowhere (refuse).
    plain: Plain = "plain" "KIPPU_HTTP_PLAIN" "http.plain" => http.plain;
    /// The file with the certificate by which this node speaks TLS, and those between it and its authority, in PEM.
    tls_certificate: PathBuf = "tls-certificate" "KIPPU_HTTP_TLS_CERTIFICATE" "http.tls.certificate" => http.tls.certificate, Some;
    /// The file with its key, in PEM.
    tls_key: PathBuf = "tls-key" "KIPPU_HTTP_TLS_KEY" "http.tls.key" => http.tls.key, Some;
    /// A file with certificates of authorities that are trusted where this program calls others, besides those that browsers trust.
    tls_roots: PathBuf = "tls-roots" "KIPPU_TLS_ROOTS" "tls.roots" => tls.roots, Some;
    /// Threads that read requests.
    workers: u16 = "workers" "KIPPU_HTTP_WORKERS" "http.workers" => http.workers;
    /// The largest request body.
    most_body_bytes: u32 = "most-body-bytes" "KIPPU_HTTP_MOST_BODY_BYTES" "http.most_body_bytes" => http.most_body_bytes;
    /// Connections at once.
    most_connections: u32 = "most-connections" "KIPPU_HTTP_MOST_CONNECTIONS" "http.most_connections" => http.most_connections;
    /// How long an idle connection is kept.
    keep_alive_secs: u32 = "keep-alive-secs" "KIPPU_HTTP_KEEP_ALIVE_SECS" "http.keep_alive_secs" => http.keep_alive_secs;
    /// How long a request may take to arrive.
    request_timeout_secs: u32 = "request-timeout-secs" "KIPPU_HTTP_REQUEST_TIMEOUT_SECS" "http.request_timeout_secs" => http.request_timeout_secs;
    /// How long requests under way may take to end after SIGTERM.
    drain_secs: u32 = "drain-secs" "KIPPU_HTTP_DRAIN_SECS" "http.drain_secs" => http.drain_secs;
    /// A folder that `kippu replay checkpoint` has written, which is served to everybody under /evidence/.
    evidence_dir: PathBuf = "evidence-dir" "KIPPU_HTTP_EVIDENCE_DIR" "http.evidence_dir" => http.evidence_dir, Some;
    /// Requests a second and client; 0 for no limit.
    rate_per_second: u32 = "rate-per-second" "KIPPU_RATE_PER_SECOND" "rate.per_second" => rate.per_second;
    /// Requests at once and client.
    rate_burst: u32 = "rate-burst" "KIPPU_RATE_BURST" "rate.burst" => rate.burst;
    /// Records that views may lag behind while the node calls itself ready.
    most_lag: u64 = "most-lag" "KIPPU_READY_MOST_LAG" "ready.most_lag" => ready.most_lag;
    /// Free bytes below which the node does not call itself ready.
    least_free_bytes: u64 = "least-free-bytes" "KIPPU_READY_LEAST_FREE_BYTES" "ready.least_free_bytes" => ready.least_free_bytes;
    /// Where blobs are kept, instead of the data directory.
    blobs_dir: PathBuf = "blobs-dir" "KIPPU_BLOBS_DIR" "blobs.dir" => blobs.dir, Some;
    /// The largest blob.
    blobs_most_bytes: u64 = "blobs-most-bytes" "KIPPU_BLOBS_MOST_BYTES" "blobs.most_bytes" => blobs.most_bytes;
    /// How long a blob is kept that no event names.
    blobs_keep_secs: u32 = "blobs-keep-secs" "KIPPU_BLOBS_KEEP_SECS" "blobs.keep_secs" => blobs.keep_secs;
    /// Seconds between two looks for such blobs.
    blobs_sweep_secs: u32 = "blobs-sweep-secs" "KIPPU_BLOBS_SWEEP_SECS" "blobs.sweep_secs" => blobs.sweep_secs;
    /// How long an event is sent to a webhook that does not take it.
    webhooks_give_up_secs: u32 = "webhooks-give-up-secs" "KIPPU_WEBHOOKS_GIVE_UP_SECS" "webhooks.give_up_secs" => webhooks.give_up_secs;
    /// Take a topic of which one broker could take answered records with it.
    #[arg(num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    accept_single_copy: bool = "accept-single-copy" "KIPPU_KAFKA_ACCEPT_SINGLE_COPY" "kafka.accept_single_copy" => kafka.accept_single_copy;
    /// Copies of each partition of a topic that is being made.
    replicas: u16 = "replicas" "KIPPU_KAFKA_REPLICAS" "kafka.replicas" => kafka.replicas;
    /// Seconds between two looks at the topics, while the node runs.
    check_secs: u32 = "check-secs" "KIPPU_KAFKA_CHECK_SECS" "kafka.check_secs" => kafka.check_secs;
    /// Levels of what is written to standard error, as `info` or `warn,kippu=debug`.
    trace_filter: String = "trace-filter" "KIPPU_TRACE_FILTER" "trace.filter" => trace.filter;
    /// Those lines for people or for machines.
    trace_format: Format = "trace-format" "KIPPU_TRACE_FORMAT" "trace.format" => trace.format;
}
