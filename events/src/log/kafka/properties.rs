//! The properties of librdkafka that an operator may give, and why the others are refused: what a log promises rests on
//! them, or they are set here already. Names and aliases are those of librdkafka's `CONFIGURATION.md`.

use std::collections::BTreeMap;

/// Requests in flight within which Kafka keeps an idempotent producer's messages in order.
const MOST_IN_FLIGHT: i64 = 5;
/// Kafka's own default, which has space for the largest record and its headers.
const LEAST_MESSAGE_BYTES: i64 = 1_000_000;

/// The most that a client with these properties writes at once.
pub(super) fn most_message_bytes(properties: &BTreeMap<String, String>) -> i64 {
    properties.get("message.max.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(LEAST_MESSAGE_BYTES)
}

/// What an operator may do with a property.
enum May {
    Not,
    AtMost(i64),
    AtLeast(i64),
}

/// Properties that one reason keeps.
struct Kept {
    may: May,
    reason: &'static str,
    names: &'static [&'static str],
}

const KEPT: &[Kept] = &[
    Kept {
        may: May::Not,
        reason: "a record is answered because every message is written once, in order, by all replicas in sync",
        names: &[
            "enable.idempotence",
            "enable.gapless.guarantee",
            "acks",
            "request.required.acks",
            "retries",
            "message.send.max.retries",
            "queuing.strategy",
            "msg_order_cmp",
            "delivery.report.only.error",
        ],
    },
    Kept {
        may: May::Not,
        reason: "who waits for a message gives up the wait, never the message",
        names: &["message.timeout.ms", "delivery.timeout.ms"],
    },
    Kept {
        may: May::AtMost(MOST_IN_FLIGHT),
        reason: "Kafka keeps the order of at most 5 requests in flight",
        names: &["max.in.flight", "max.in.flight.requests.per.connection"],
    },
    Kept {
        may: May::AtLeast(LEAST_MESSAGE_BYTES),
        reason: "the largest record has to fit, so it is at least 1000000",
        names: &["message.max.bytes"],
    },
    Kept {
        may: May::Not,
        reason: "the log writes without transactions",
        names: &["transactional.id", "transaction.timeout.ms"],
    },
    Kept {
        may: May::Not,
        reason: "the log chooses the partition of each record",
        names: &["partitioner", "partitioner_cb", "sticky.partitioning.linger.ms"],
    },
    Kept {
        may: May::Not,
        reason: "a reader sees every entry and its checksum, in order, and stops where one is missing",
        names: &[
            "isolation.level",
            "auto.offset.reset",
            "check.crcs",
            "enable.partition.eof",
            "topic.blacklist",
            "consume.callback.max.messages",
        ],
    },
    Kept {
        may: May::Not,
        reason: "the log keeps its own cursors and commits no offsets",
        names: &[
            "enable.auto.commit",
            "auto.commit.enable",
            "auto.commit.interval.ms",
            "enable.auto.offset.store",
            "offset.store.method",
            "offset.store.path",
            "offset.store.sync.interval.ms",
            "offset_commit_cb",
        ],
    },
    Kept {
        may: May::Not,
        reason: "who owns which partition is settled between nodes",
        names: &[
            "group.id",
            "group.instance.id",
            "group.protocol",
            "group.protocol.type",
            "group.remote.assignor",
            "partition.assignment.strategy",
            "session.timeout.ms",
            "heartbeat.interval.ms",
            "max.poll.interval.ms",
            "coordinator.query.interval.ms",
            "rebalance_cb",
        ],
    },
    Kept { may: May::Not, reason: "a topic is made by init alone", names: &["allow.auto.create.topics"] },
    Kept {
        may: May::Not,
        reason: "the address of the log names its brokers",
        names: &["bootstrap.servers", "metadata.broker.list"],
    },
    Kept {
        may: May::Not,
        reason: "what brokers can do is asked of them",
        names: &["api.version.request", "api.version.fallback.ms", "broker.version.fallback"],
    },
    Kept {
        may: May::Not,
        reason: "it is set by the program",
        names: &[
            "builtin.features",
            "client.id",
            "client.software.name",
            "client.software.version",
            "compression.codec",
            "compression.level",
            "compression.type",
            "enabled_events",
            "fetch.error.backoff.ms",
            "fetch.queue.backoff.ms",
            "fetch.wait.max.ms",
            "interceptors",
            "internal.termination.signal",
            "linger.ms",
            "log.queue",
            "log_level",
            "queue.buffering.max.kbytes",
            "queue.buffering.max.messages",
            "queue.buffering.max.ms",
            "reconnect.backoff.max.ms",
            "reconnect.backoff.ms",
            "topic.metadata.refresh.interval.ms",
            "socket.nagle.disable",
            "statistics.interval.ms",
        ],
    },
    Kept { may: May::Not, reason: "it would load foreign code", names: &["plugin.library.paths"] },
    Kept {
        may: May::Not,
        reason: "it is for librdkafka's own tests",
        names: &["test.mock.num.brokers", "test.mock.broker.rtt", "ut_handle_ProduceResponse"],
    },
];

/// Why an operator must not give `name` this value, as far as that can be said without librdkafka.
pub(super) fn objection(name: &str, value: &str) -> Option<String> {
    refusal(name, value).or_else(|| beyond_this_build(name, value))
}

/// What keeps `name` from being `value`, whatever was built.
fn refusal(name: &str, value: &str) -> Option<String> {
    let kept = KEPT.iter().find(|kept| kept.names.contains(&name))?;
    let number = value.trim().parse::<i64>().ok();
    let allowed = match kept.may {
        May::Not => false,
        // What is no number is for librdkafka to refuse.
        May::AtMost(most) => number.is_none_or(|number| number <= most),
        May::AtLeast(least) => number.is_none_or(|number| number >= least),
    };
    let demand = match kept.may {
        May::Not => "it cannot be set".to_owned(),
        May::AtMost(most) => format!("it is at most {most}"),
        May::AtLeast(least) => format!("it is at least {least}"),
    };
    (!allowed).then(|| format!("{demand}: {}", kept.reason))
}

/// What this program cannot do. Librdkafka would say so too, but not what to do about it.
fn beyond_this_build(name: &str, value: &str) -> Option<String> {
    let value = value.to_ascii_lowercase();
    let needs_tls = match name {
        "security.protocol" => value.ends_with("ssl"),
        "sasl.mechanism" | "sasl.mechanisms" => value.starts_with("scram") || value.starts_with("oauthbearer"),
        name => name.starts_with("ssl.") || name.starts_with("enable.ssl."),
    };
    let lacking = needs_tls && !cfg!(feature = "tls");
    lacking.then(|| "it needs a program that was built with the feature tls".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::client::{self, check_properties};
    use super::*;

    fn checked(name: &str, value: &str) -> Result<(), String> {
        let properties = [(name.to_owned(), value.to_owned())].into();
        check_properties(&properties).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_log_rests_on_is_refused_by_name_with_the_reason() {
        for (name, value, reason) in [
            ("enable.idempotence", "false", "written once"),
            ("acks", "1", "all replicas"),
            ("request.required.acks", "0", "all replicas"),
            ("retries", "0", "written once"),
            ("message.send.max.retries", "0", "written once"),
            ("message.timeout.ms", "1000", "gives up the wait"),
            ("delivery.timeout.ms", "1000", "gives up the wait"),
            ("max.in.flight", "6", "at most 5"),
            ("max.in.flight.requests.per.connection", "1000000", "at most 5"),
            ("message.max.bytes", "1000", "largest record"),
            ("transactional.id", "kippu", "without transactions"),
            ("partitioner", "random", "chooses the partition"),
            ("isolation.level", "read_committed", "every entry"),
            ("auto.offset.reset", "latest", "every entry"),
            ("check.crcs", "false", "every entry"),
            ("enable.auto.commit", "true", "no offsets"),
            ("enable.auto.offset.store", "true", "no offsets"),
            ("group.id", "other", "between nodes"),
            ("group.instance.id", "other", "between nodes"),
            ("partition.assignment.strategy", "range", "between nodes"),
            ("allow.auto.create.topics", "true", "by init alone"),
            ("bootstrap.servers", "other:9092", "address of the log"),
            ("metadata.broker.list", "other:9092", "address of the log"),
            ("api.version.request", "false", "asked of them"),
            ("linger.ms", "1000", "by the program"),
            ("plugin.library.paths", "/tmp/evil.so", "foreign code"),
            ("test.mock.num.brokers", "3", "librdkafka's own tests"),
        ] {
            let refused = checked(name, value).expect_err(name);
            assert!(refused.starts_with(&format!("the property {name} of librdkafka is refused: ")), "{refused}");
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn everything_that_is_set_here_is_refused() {
        let none = BTreeMap::new();
        for config in [client::consumer("a:1", &none), client::producer("a:1", &none)] {
            for (name, value) in config.config_map() {
                assert!(refusal(name, value).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn what_only_says_how_brokers_are_reached_is_taken() {
        for (name, value) in [
            ("socket.timeout.ms", "30000"),
            ("socket.keepalive.enable", "true"),
            ("security.protocol", "plaintext"),
            ("sasl.username", "kippu"),
            ("sasl.password", "open-sesame"),
            ("client.rack", "here"),
            ("max.in.flight", "5"),
            ("message.max.bytes", "2000000"),
            ("debug", "broker"),
        ] {
            assert_eq!(checked(name, value), Ok(()), "{name}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn what_needs_tls_is_refused_with_the_feature_that_it_needs() {
        for (name, value) in [
            ("security.protocol", "ssl"),
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.mechanisms", "SCRAM-SHA-256"),
            ("ssl.ca.location", "/etc/ssl/cert.pem"),
            ("ssl.key.password", "open-sesame"),
        ] {
            let refused = checked(name, value).expect_err(name);
            assert!(refused.ends_with("needs a program that was built with the feature tls"), "{refused}");
            assert!(!refused.contains("sesame"), "{refused}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_and_scram_are_taken() {
        let properties = [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "kippu"),
            ("sasl.password", "open-sesame"),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert!(check_properties(&properties).is_ok());
    }

    #[test]
    fn what_librdkafka_does_not_take_is_told_in_its_words() {
        let refused = |name, value| checked(name, value).expect_err(name);
        assert_eq!(
            refused("sokcet.timeout.ms", "1"),
            "the property sokcet.timeout.ms of librdkafka is refused: No such configuration property: \
             \"sokcet.timeout.ms\""
        );
        assert!(refused("socket.timeout.ms", "1").contains("outside allowed range 10..300000"));
        assert!(refused("max.in.flight", "few").contains("Invalid value"));
        // Each is sound, both together are not.
        let properties = [("fetch.max.bytes", "2000000"), ("receive.message.max.bytes", "1000000")];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let refused = check_properties(&properties).expect_err("refused").to_string();
        assert!(refused.contains("`receive.message.max.bytes` must be >= `fetch.max.bytes`"), "{refused}");
    }
}
