//! What Kafka's clients tell of their work, as figures for Prometheus.

use kippu_events::log::kafka::Figures;
use kippu_events::log::kafka::figures::{Broker, Client};

use super::{Kind, Readings};

/// Adds what each client of a log on Kafka told last.
// Figures of Prometheus are floating point; counts beyond 2^53 do not occur.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn tell(readings: &mut Readings, figures: &Figures) {
    for (kind, name, help, value) in [
        (Kind::Gauge, "kafka_queued", "Messages that no broker has acknowledged", (|c| c.queued) as fn(&Client) -> u64),
        (Kind::Gauge, "kafka_queued_bytes", "Bytes of these messages", |c| c.queued_bytes),
        (Kind::Counter, "kafka_sent_bytes", "Bytes sent to brokers", |c| c.sent_bytes),
        (Kind::Counter, "kafka_received_bytes", "Bytes received from brokers", |c| c.received_bytes),
    ] {
        let values = figures.clients.iter().map(|(name, client)| ([name.clone()], value(client) as f64));
        readings.add(kind, name, help, ["client"], values);
    }
    let checks = [([], figures.checks as f64)];
    readings.add(Kind::Counter, "kafka_checks", "Looks at the topics, with whatever outcome", [], checks);
    let mut gauge = |name, help, value: fn(&Broker) -> f64| {
        let brokers = figures.clients.iter().flat_map(|(name, client)| client.brokers.iter().map(move |b| (name, b)));
        let values = brokers.map(|(name, broker)| ([name.clone(), broker.node.to_string()], value(broker)));
        readings.add(Kind::Gauge, name, help, ["client", "broker"], values);
    };
    gauge("kafka_connected", "1 where the client is connected to the broker", |b| f64::from(u8::from(b.state == "UP")));
    gauge("kafka_round_trip_seconds", "Mean time of a request and its answer", |b| seconds(b.round_trip_us));
    gauge("kafka_round_trip_p99_seconds", "The same, of the slowest in a hundred", |b| seconds(b.round_trip_p99_us));
    gauge("kafka_requests_unsent", "Requests that wait to be sent", |b| b.unsent as f64);
    gauge("kafka_requests_unanswered", "Requests that wait for an answer", |b| b.unanswered as f64);
}

#[allow(clippy::cast_precision_loss)]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows F34.
    #[test]
    fn each_client_is_told_with_each_broker_that_it_knows() {
        let broker = Broker {
            node: 3,
            state: "UP".to_owned(),
            round_trip_us: 1500,
            round_trip_p99_us: 20_000,
            unsent: 1,
            unanswered: 2,
            ..Broker::default()
        };
        let client =
            Client { queued: 4, queued_bytes: 400, sent_bytes: 5000, received_bytes: 60, brokers: vec![broker] };
        let mut readings = Readings::default();
        tell(&mut readings, &Figures { clients: [("producer-0".to_owned(), client)].into(), checks: 7 });
        for line in [
            "kippu_kafka_checks_total 7",
            "# TYPE kippu_kafka_queued gauge",
            "kippu_kafka_queued{client=\"producer-0\"} 4",
            "kippu_kafka_queued_bytes{client=\"producer-0\"} 400",
            "# TYPE kippu_kafka_sent_bytes counter",
            "kippu_kafka_sent_bytes_total{client=\"producer-0\"} 5000",
            "kippu_kafka_received_bytes_total{client=\"producer-0\"} 60",
            "kippu_kafka_connected{client=\"producer-0\",broker=\"3\"} 1",
            "kippu_kafka_round_trip_seconds{client=\"producer-0\",broker=\"3\"} 0.0015",
            "kippu_kafka_round_trip_p99_seconds{client=\"producer-0\",broker=\"3\"} 0.02",
            "kippu_kafka_requests_unsent{client=\"producer-0\",broker=\"3\"} 1",
            "kippu_kafka_requests_unanswered{client=\"producer-0\",broker=\"3\"} 2",
        ] {
            assert!(readings.0.lines().any(|found| found == line), "{line} is not in {}", readings.0);
        }
    }
}
