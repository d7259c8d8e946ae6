//! The same again with the same key, until there is an answer: so a command takes effect once, whatever happens to
//! the connection or to the node in between.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;

use crate::{Answer, Client};

/// The first pause before a retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause, unless the node wants more.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait before each retry.
pub struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    /// The next one, where the node wants one of `wanted`.
    pub fn next(&mut self, wanted: Option<Duration>) -> Duration {
        let pause = wanted.unwrap_or_default().max(self.0);
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        pause
    }

    /// Waits for the next one.
    pub async fn pass(&mut self, wanted: Option<Duration>) {
        tokio::time::sleep(self.next(wanted)).await;
    }
}

/// Nodes that share a history: each answers for all.
pub struct Nodes {
    nodes: Vec<Client>,
    /// Requests so far, which take one node after the other.
    begun: AtomicUsize,
    patience: Duration,
    /// Requests that had an answer.
    pub answered: AtomicU64,
    /// Requests that were sent again because there was none, or one that says: later.
    pub retried: AtomicU64,
}

/// There was no answer for as long as it was tried. Whether it was done is not known.
#[derive(Debug, thiserror::Error)]
#[error("no answer for {} s: {reason}", patience.as_secs())]
pub struct Unanswered {
    patience: Duration,
    /// Why the last try had none.
    pub reason: String,
}

impl Nodes {
    /// `nodes`, each request to which is tried again for as long as `patience`, at the next one each time.
    pub fn new(nodes: Vec<Client>, patience: Duration) -> Self {
        let (begun, answered, retried) = Default::default();
        Self { nodes, begun, patience, answered, retried }
    }

    /// The answer to `request` as the caller with `key`, and whether it was sent more than once. It MUST be one that may be:
    /// a query, or a command with its key.
    ///
    /// # Errors
    /// Where there is none in time.
    pub async fn until_answered(
        &self,
        key: &str,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<(Answer, bool), Unanswered> {
        let begun = Instant::now();
        let mut pauses = Pauses::default();
        let turn = self.begun.fetch_add(1, Ordering::Relaxed);
        let tries = (0..).zip(self.nodes.iter().cycle().skip(turn % self.nodes.len().max(1)));
        let mut last = "there is no node".to_owned();
        for (retries, node) in tries {
            let node = node.with_key(key);
            let wanted = match node.send(request(&node)).await {
                Ok(answer) if answer.is_for_later() => {
                    last = answer.status.to_string();
                    answer.retry_after()
                }
                Ok(answer) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return Ok((answer, retries > 0));
                }
                // The node was lost, perhaps in the middle of its answer.
                Err(lost) => {
                    last = lost.why();
                    None
                }
            };
            let left = self.patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            self.retried.fetch_add(1, Ordering::Relaxed);
            // Whoever is in between may ask for any pause.
            tokio::time::sleep(pauses.next(wanted).min(left)).await;
        }
        Err(Unanswered { patience: self.patience, reason: last })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn pauses_grow_and_are_as_long_as_the_node_wants() {
        let mut pauses = Pauses::default();
        let millis: Vec<_> = (0..8).map(|_| pauses.next(None).as_millis()).collect();
        assert_eq!(millis, [20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        assert_eq!(pauses.next(Some(Duration::from_secs(30))), Duration::from_secs(30));
        assert_eq!(Pauses::default().next(Some(Duration::ZERO)), FIRST_PAUSE);
    }

    /// The next request to `listener` is answered with `answer`, and the connection closed; gives its key.
    async fn next(listener: &TcpListener, answer: &str) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"{}") {
            assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        let asked = String::from_utf8(asked).unwrap();
        asked.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_command_is_sent_with_its_key_until_it_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let node = Client::new(&address, "", Duration::from_secs(60)).unwrap();
        let nodes = Nodes::new(vec![node], Duration::from_secs(60));
        let server = async {
            let mut keys = Vec::new();
            for answer in [
                "",
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                "HTTP/1.1 201 Created\r\nContent-Length: 40\r\n\r\n{",
                "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            ] {
                keys.push(next(&listener, answer).await);
            }
            keys
        };
        let asked = nodes.until_answered("", |node| node.command("/v1/placements", "mine", "{}"));
        let (keys, answered) = tokio::join!(server, asked);
        let (answer, was_repeated) = answered.unwrap();
        assert_eq!((answer.status.as_u16(), was_repeated), (201, true));
        assert_eq!(keys, ["mine"; 4]);
        assert_eq!((nodes.answered.into_inner(), nodes.retried.into_inner()), (1, 3));
    }
}
