//! Where a log lies: `kafka://HOST:PORT[,HOST:PORT…]/TOPIC`.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "kafka://";
// What ends the names of the topics next to the log's.
const OWNERS: &str = ".owners";
const KEYS: &str = ".keys";
/// As Kafka itself bounds the names of topics, with space for the names of those that lie next to the log's.
const MOST_TOPIC_CHARS: usize = 249 - OWNERS.len();

/// A topic and the brokers that know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// As librdkafka's `bootstrap.servers` takes them.
    pub brokers: String,
    /// The topic.
    pub topic: String,
}

impl Address {
    /// The topic over which the nodes share the partitions out. It stays empty.
    pub(super) fn owners(&self) -> Self {
        Self { brokers: self.brokers.clone(), topic: format!("{}{OWNERS}", self.topic) }
    }

    /// The topic with persons' keys.
    pub(super) fn keys(&self) -> Self {
        Self { brokers: self.brokers.clone(), topic: format!("{}{KEYS}", self.topic) }
    }
}

/// Text that is not an [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a log on Kafka is named kafka://HOST:PORT[,HOST:PORT…]/TOPIC; the topic has letters, digits, '.', '_' and '-', and \
     does not end in .keys or .owners"
)]
pub struct NotAnAddress;

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (brokers, topic) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).ok_or(NotAnAddress)?;
        let port = |broker: &str| broker.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let named = (1..=MOST_TOPIC_CHARS).contains(&topic.len()) && topic.chars().all(plain);
        let reserved = topic.ends_with(KEYS) || topic.ends_with(OWNERS);
        if brokers.split(',').all(port) && named && topic != "." && topic != ".." && !reserved {
            Ok(Self { brokers: brokers.to_owned(), topic: topic.to_owned() })
        } else {
            Err(NotAnAddress)
        }
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|port| port > 0)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.brokers, self.topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_its_text() {
        for text in ["kafka://127.0.0.1:9092/kippu", "kafka://a.example:1,[::1]:2/log.of-the_house"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "kafka://127.0.0.1:9092",
            "kafka://127.0.0.1:9092/",
            "kafka://127.0.0.1/kippu",
            "kafka://:9092/kippu",
            "kafka://a:0/kippu",
            "kafka://a:99999/kippu",
            "kafka://a:1,/kippu",
            "kafka://a:1/ki ppu",
            "kafka://a:1/../x",
            "kafka://a:1/..",
            "kafka://a:1/kippu.keys",
            "kafka://a:1/kippu.owners",
            "http://a:1/kippu",
        ] {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress), "{text}");
        }
    }
}
