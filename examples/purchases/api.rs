//! The HTTP client: every command has a key, and is sent with that same key until there is an answer. So it takes
//! effect once, whatever happens to the connection or to the node in between.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// The first pause before a retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause between retries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The API, at any node of those that share a history: each answers for all.
pub(crate) struct Api {
    http: reqwest::Client,
    urls: Vec<String>,
    /// Requests so far, which take one node after the other.
    begun: AtomicUsize,
    patience: Duration,
    /// Requests that had an answer.
    pub(crate) answered: AtomicU64,
    /// Requests that were sent again because there was none, or `503` or `429`.
    pub(crate) retried: AtomicU64,
}

/// One command, which can be sent again and again.
#[derive(Clone)]
pub(crate) struct Command {
    /// Behind the node's URL.
    pub(crate) path: String,
    /// The caller's API key.
    pub(crate) bearer: String,
    /// The idempotency key.
    pub(crate) key: String,
    /// The command's fields.
    pub(crate) body: Value,
}

/// What the node says.
#[derive(Clone)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// The position that it reflects.
    pub(crate) position: Option<String>,
    /// JSON.
    pub(crate) body: Value,
}

impl Reply {
    /// The slug of the problem, where this is one: the stable name that programs go by.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.body.get("type")?.as_str()?.rsplit('/').next()
    }

    /// The text in `field`.
    pub(crate) fn text(&self, field: &str) -> anyhow::Result<String> {
        let text = self.body.get(field).and_then(Value::as_str);
        Ok(text.with_context(|| format!("the answer has no {field:?}: {}", self.body))?.to_owned())
    }

    /// Whether `other` says the same.
    fn says_the_same_as(&self, other: &Self) -> bool {
        match (self.problem(), other.problem()) {
            (None, None) => self.status == other.status && self.body == other.body,
            (mine, theirs) => self.status == other.status && mine == theirs,
        }
    }
}

impl Api {
    /// The API at `urls`. A request is tried again for as long as `patience`, at the next node each time.
    pub(crate) fn new(urls: Vec<String>, connections: usize, patience: Duration) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            // A proxy of the environment would read the keys, and so would whoever an answer leads to.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .pool_max_idle_per_host(connections)
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            http,
            urls,
            begun: AtomicUsize::new(0),
            patience,
            answered: AtomicU64::new(0),
            retried: AtomicU64::new(0),
        })
    }

    /// What a query says, reflecting at least `position`.
    pub(crate) async fn query(&self, bearer: &str, path: &str, position: Option<&str>) -> anyhow::Result<Reply> {
        let (reply, _) = self
            .until_answered(|url| {
                let mut request = self.http.get(format!("{url}{path}"));
                if let Some(position) = position {
                    request = request.header("Kippu-Min-Position", position);
                }
                request.header(AUTHORIZATION, format!("Bearer {bearer}"))
            })
            .await
            .with_context(|| format!("GET {path}"))?;
        ensure!(reply.status.is_success(), "GET {path}: {} {}", reply.status, reply.body);
        Ok(reply)
    }

    /// The answer to `command`, and whether the node was lost in between.
    async fn command(&self, command: &Command) -> anyhow::Result<(Reply, bool)> {
        let body = serde_json::to_vec(&command.body)?;
        self.until_answered(|url| {
            self.http
                .post(format!("{url}{}", command.path))
                .header(AUTHORIZATION, format!("Bearer {}", command.bearer))
                .header("Idempotency-Key", &command.key)
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone())
        })
        .await
        .with_context(|| format!("POST {} with key {}", command.path, command.key))
    }

    async fn until_answered(&self, request: impl Fn(&str) -> RequestBuilder) -> anyhow::Result<(Reply, bool)> {
        let mut node = self.begun.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        let mut lost = false;
        loop {
            let (reason, wanted) = match request(&self.urls[node % self.urls.len()]).send().await {
                Ok(response) if is_for_later(response.status()) => {
                    (response.status().to_string(), retry_after(&response))
                }
                Ok(response) => match read(response).await {
                    Ok(reply) => {
                        self.answered.fetch_add(1, Ordering::Relaxed);
                        return Ok((reply, lost));
                    }
                    // The node was lost in the middle of its answer.
                    Err(error) => (error.to_string(), None),
                },
                Err(error) => (format!("{:#}", anyhow::Error::from(error)), None),
            };
            if Instant::now() > deadline {
                bail!("no answer for {} s: {reason}", self.patience.as_secs());
            }
            lost = true;
            node += 1;
            self.retried.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wanted.unwrap_or(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// The answers that say: the same again, later.
fn is_for_later(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let secs = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs))
}

async fn read(response: Response) -> Result<Reply, reqwest::Error> {
    let status = response.status();
    let position = response.headers().get("Kippu-Position").and_then(|p| p.to_str().ok()).map(str::to_owned);
    Ok(Reply { status, position, body: response.json().await? })
}

/// One caller at a time over one connection. Remembers its last answer, and when the node was lost asks for that one
/// again, to see that the node remembers it too.
pub(crate) struct Line<'a> {
    /// The API.
    pub(crate) api: &'a Api,
    last: Option<(Command, Reply)>,
    /// Answers that were asked for again and were the same.
    pub(crate) repeated: u64,
}

impl<'a> Line<'a> {
    /// A line to `api`.
    pub(crate) const fn new(api: &'a Api) -> Self {
        Self { api, last: None, repeated: 0 }
    }

    /// Sends `command` until it is answered.
    pub(crate) async fn send(&mut self, command: Command) -> anyhow::Result<Reply> {
        let (reply, lost) = self.api.command(&command).await?;
        if lost && let Some((earlier, before)) = &self.last {
            let (again, _) = self.api.command(earlier).await?;
            ensure!(
                before.says_the_same_as(&again),
                "key {} of {} was answered with {} {} first, and with {} {} after the node was lost",
                earlier.key,
                earlier.path,
                before.status,
                before.body,
                again.status,
                again.body,
            );
            self.repeated += 1;
        }
        self.last = Some((command, reply.clone()));
        Ok(reply)
    }
}
