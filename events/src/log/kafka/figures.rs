//! What librdkafka tells of its own work: the latest figures of each client that writes or follows the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::Statistics;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// By name: `follower`, and `producer-0` and so on. A client is there once it has told something.
    pub clients: BTreeMap<String, Client>,
    /// How often the topics were looked at, with whatever outcome.
    pub checks: u64,
}

/// One client.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Client {
    /// Messages that are not acknowledged yet.
    pub queued: u64,
    /// Their bytes.
    pub queued_bytes: u64,
    /// Bytes sent to brokers since the client was made.
    pub sent_bytes: u64,
    /// Bytes received from them.
    pub received_bytes: u64,
    /// The brokers that it knows by id.
    pub brokers: Vec<Broker>,
}

/// One broker, as one client sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Broker {
    /// Its id in the cluster.
    pub node: i32,
    /// Host and port.
    pub address: String,
    /// In librdkafka's word, as `UP`.
    pub state: String,
    /// Mean time of a request and its answer, in microseconds, since the figures before; zero where there was none.
    pub round_trip_us: u64,
    /// The same for the slowest in a hundred.
    pub round_trip_p99_us: u64,
    /// Requests that wait to be sent.
    pub unsent: u64,
    /// Requests that wait for an answer.
    pub unanswered: u64,
}

impl From<&Statistics> for Client {
    fn from(told: &Statistics) -> Self {
        // Others are addresses of which no broker has told its id, and librdkafka's own bookkeeping.
        let known = told.brokers.values().filter(|broker| broker.nodeid >= 0);
        let mut brokers: Vec<_> = known.map(Broker::from).collect();
        brokers.sort_by_key(|broker| broker.node);
        Self {
            queued: told.msg_cnt,
            queued_bytes: told.msg_size,
            sent_bytes: count(told.tx_bytes),
            received_bytes: count(told.rx_bytes),
            brokers,
        }
    }
}

impl From<&rdkafka::statistics::Broker> for Broker {
    fn from(told: &rdkafka::statistics::Broker) -> Self {
        let (mean, p99) = told.rtt.as_ref().map_or((0, 0), |window| (window.avg, window.p99));
        Self {
            node: told.nodeid,
            address: told.nodename.clone(),
            state: told.state.clone(),
            round_trip_us: count(mean),
            round_trip_p99_us: count(p99),
            unsent: count(told.outbuf_cnt),
            unanswered: count(told.waitresp_cnt),
        }
    }
}

/// Librdkafka's counts are signed.
fn count(told: i64) -> u64 {
    u64::try_from(told).unwrap_or(0)
}

/// Where clients put their figures.
#[derive(Default)]
pub(super) struct Board(Mutex<Figures>);

impl Board {
    pub(super) fn figures(&self) -> Figures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One client's place on the board.
#[derive(Clone)]
pub(super) struct Tap {
    board: Arc<Board>,
    name: String,
}

impl Tap {
    pub(super) fn new(board: &Arc<Board>, name: impl Into<String>) -> Self {
        Self { board: Arc::clone(board), name: name.into() }
    }

    pub(super) fn take(&self, told: &Statistics) {
        let mut figures = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        figures.clients.insert(self.name.clone(), Client::from(told));
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::statistics;

    use super::*;

    fn broker(nodeid: i32, rtt: Option<statistics::Window>) -> statistics::Broker {
        statistics::Broker {
            nodeid,
            nodename: "kafka.example:9092".to_owned(),
            state: "UP".to_owned(),
            outbuf_cnt: 2,
            waitresp_cnt: 3,
            rtt,
            ..statistics::Broker::default()
        }
    }

    #[test]
    fn figures_are_what_librdkafka_told_of_brokers_with_an_id() {
        let rtt = statistics::Window { avg: 800, p99: 12_000, ..statistics::Window::default() };
        let brokers = [("b", broker(2, None)), ("a", broker(1, Some(rtt))), ("bootstrap", broker(-1, None))];
        let told = Statistics {
            msg_cnt: 4,
            msg_size: 400,
            tx_bytes: 5000,
            rx_bytes: -1,
            brokers: brokers.map(|(name, broker)| (name.to_owned(), broker)).into(),
            ..Statistics::default()
        };
        let board = Arc::new(Board::default());
        Tap::new(&board, "producer-0").take(&told);
        let first = Broker {
            node: 1,
            address: "kafka.example:9092".to_owned(),
            state: "UP".to_owned(),
            round_trip_us: 800,
            round_trip_p99_us: 12_000,
            unsent: 2,
            unanswered: 3,
        };
        let second = Broker { node: 2, round_trip_us: 0, round_trip_p99_us: 0, ..first.clone() };
        let expected =
            Client { queued: 4, queued_bytes: 400, sent_bytes: 5000, received_bytes: 0, brokers: vec![first, second] };
        assert_eq!(board.figures().clients, [("producer-0".to_owned(), expected)].into());
    }
}
