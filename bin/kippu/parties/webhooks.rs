//! Sends webhooks the events that they are owed, as Standard Webhooks has it: one after the other, each as the feed of events shows it
//! to the webhook's client, until the endpoint has taken it or it is given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kippu_actors::access::webhooks::Came;
use kippu_actors::activity::{NoOutcome, Task};
use kippu_actors::runtime::Runtime;
use kippu_client::{Answer, Roots};
use kippu_events::access::Caller;
use kippu_events::access::clients::{Active, Client};
use kippu_events::access::webhooks::{Endpoint, Start, Webhook};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity, EntityId, EntityKey, Family, Time};
use kippu_projections::QueryError;
use kippu_projections::feed::{Asked, Begin, Feed, FeedId, Feeds, News, Told};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::executor::none;
use crate::config::Plain;

/// How long an endpoint may take to answer: Standard Webhooks wants 15 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often one that waits for an event is looked at: it may have been changed.
const CHECK: Duration = Duration::from_secs(2);
/// Of an answer so much is read, so that the connection can be used again. What it says counts for nothing.
const MOST_ANSWERED: usize = 16 << 10;

/// See the module.
pub(crate) struct Webhooks {
    runtime: Runtime,
    secrets: Arc<Secrets>,
    feeds: Arc<Feeds>,
    http: reqwest::Client,
    plain: Plain,
    give_up: Duration,
    /// Where the next event of each lies, once it was found: a try after that looks nowhere else.
    places: Mutex<HashMap<EntityId, Found>>,
}

/// Where the next event of an endpoint lies.
#[derive(Clone)]
struct Found {
    /// Behind what events were to be sent, and of which families.
    start: Start,
    families: Vec<String>,
    before: FeedId,
    partition: u16,
}

/// To whom something is to be sent.
#[derive(Clone, PartialEq, Debug)]
struct Subject {
    endpoint: Endpoint,
    caller: Caller,
}

/// An event that is to be sent.
struct Letter {
    told: Told,
    /// Since when it could be.
    since: Time,
    /// What is over with it; nothing where it is sent once more.
    cursor: Option<String>,
}

/// What there is to be done for an endpoint.
enum Next {
    /// An event is to be sent.
    Send(Letter),
    /// It is over without that.
    Over(Came),
    /// Something was changed meanwhile.
    Changed,
}

impl Webhooks {
    /// Sends what `feeds` show. `plain` says where plain HTTP is spoken, `roots` are trusted too, and after `give_up` an event is sent no
    /// more.
    ///
    /// # Errors
    /// Where there can be no HTTP client.
    pub(crate) fn new(
        (runtime, secrets, feeds): (Runtime, Arc<Secrets>, Arc<Feeds>),
        plain: Plain,
        give_up: Duration,
        roots: &Roots,
    ) -> Result<Self, reqwest::Error> {
        let http = kippu_client::builder(PATIENCE, roots).build()?;
        Ok(Self { runtime, secrets, feeds, http, plain, give_up, places: Mutex::default() })
    }

    /// One try of the next event, once there is one.
    ///
    /// # Errors
    /// Where the endpoint has not taken it yet, or it cannot be told which one it is.
    pub(super) async fn push(&self, task: &Task) -> Result<Came, NoOutcome> {
        loop {
            let subject = self.subject(task).await;
            if !matches!(subject, Ok(Ok(_))) {
                self.places().remove(&task.entity.id);
            }
            let subject = match subject? {
                Ok(subject) => subject,
                Err(disabled) => return Ok(disabled),
            };
            task.progress.waits();
            // It is shown why nothing is sent.
            let next = self.next(task, &subject).await.inspect_err(|_| task.progress.found(task.owed.since))?;
            let letter = match next {
                Next::Send(letter) => letter,
                Next::Over(came) => return Ok(came),
                Next::Changed => continue,
            };
            if self.subject(task).await? != Ok(subject.clone()) {
                continue;
            }
            task.progress.found(letter.since);
            return self.send(task, &subject, letter).await;
        }
    }

    /// The endpoint of `task` as it is now; or that nothing can be sent to it.
    async fn subject(&self, task: &Task) -> Result<Result<Subject, Came>, NoOutcome> {
        let disabled = |reason: &str| Ok(Err(Came::Disabled { reason: reason.to_owned() }));
        if !self.runtime.serves(task.entity) {
            return Err(none("another node serves it"));
        }
        let webhook: Webhook = self.peek(task.entity.id).await?;
        let owed = webhook.active().filter(|endpoint| endpoint.attempt == task.owed.attempt);
        let endpoint = owed.cloned().ok_or_else(|| none("it is not owed any more"))?;
        let Client::Active(Active { role, user, .. }) = self.peek(endpoint.client).await? else {
            return disabled("client-revoked");
        };
        match reqwest::Url::parse(&endpoint.url) {
            Err(_) => return disabled("not-a-url"),
            Ok(url) if url.scheme() != "https" && !self.plain.calls(&url) => return disabled("plain-http"),
            Ok(_) => {}
        }
        let caller = Caller::of_client(endpoint.client, role, user);
        Ok(Ok(Subject { endpoint, caller }))
    }

    async fn peek<E: Entity>(&self, id: EntityId) -> Result<E, NoOutcome> {
        let found = self.runtime.peek(EntityKey::of::<E>(id)).await.map_err(|problem| none(problem.to_string()))?;
        Ok(found.state.as_any().downcast_ref::<E>().cloned().unwrap_or_default())
    }

    /// What there is to be done, once there is something.
    async fn next(&self, task: &Task, subject: &Subject) -> Result<Next, NoOutcome> {
        let Subject { endpoint, caller } = subject;
        let Some(again) = endpoint.again.first() else { return self.wait(task, subject).await };
        let found = match again.event.parse() {
            Ok(event) => self.feeds.event(caller, event).await.or_else(shown_nothing).map_err(untold)?,
            Err(_) => None,
        };
        let (event, since) = (again.event.clone(), again.asked_at);
        Ok(found.map_or_else(
            || Next::Over(Came::DeadLettered { event, reason: "not-shown".to_owned(), cursor: None }),
            |told| Next::Send(Letter { told, since, cursor: None }),
        ))
    }

    /// Waits for the next event.
    async fn wait(&self, task: &Task, subject: &Subject) -> Result<Next, NoOutcome> {
        let mut feed = match self.feed(task, subject).await {
            Ok(feed) => feed,
            Err(QueryError::Forbidden(_)) => {
                return Ok(Next::Over(Came::Disabled { reason: "nothing-shown".to_owned() }));
            }
            Err(error) => return Err(untold(error)),
        };
        let mut check = Instant::now() + CHECK;
        loop {
            if Instant::now() >= check {
                if self.subject(task).await?.as_ref() != Ok(subject) {
                    return Ok(Next::Changed);
                }
                check = Instant::now() + CHECK;
            }
            let Ok(news) = timeout_at(check, feed.news()).await else { continue };
            if news.map_err(untold)? == News::Over {
                return Err(none("the node stops"));
            }
            if let Some(told) = feed.read_one().await.map_err(untold)? {
                let place = Found {
                    start: subject.endpoint.start.clone(),
                    families: subject.endpoint.families.clone(),
                    before: told.before.clone(),
                    partition: told.event.partition,
                };
                self.places().insert(task.entity.id, place);
                let (since, cursor) = (told.time, Some(told.behind.clone()));
                return Ok(Next::Send(Letter { told, since, cursor }));
            }
        }
    }

    /// What the client is shown, from where its endpoint left off.
    async fn feed(&self, task: &Task, Subject { endpoint, caller }: &Subject) -> Result<Feed, QueryError> {
        let is_its = |found: &&Found| found.start == endpoint.start && found.families == endpoint.families;
        let found = self.places().get(&task.entity.id).filter(is_its).cloned();
        let begin = match (&found, &endpoint.start) {
            (Some(found), _) => Begin::After(found.before.clone()),
            (None, Start::Time(time)) => Begin::Time(*time),
            (None, Start::Beginning) => Begin::Beginning,
            (None, Start::Cursor(cursor)) => {
                let id = cursor.parse().map_err(|_| QueryError::OtherHistory(cursor.clone()))?;
                Begin::After(id)
            }
        };
        let families = endpoint.families.iter().filter_map(|name| Family::from_name(name)).collect();
        let mut feed = self.feeds.open_own(caller, Asked::sent(families, begin)).await?;
        if let Some(found) = found {
            feed.begin_with(found.partition);
        }
        Ok(feed)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<EntityId, Found>> {
        // Nothing in here can be left half done.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event once.
    async fn send(&self, task: &Task, Subject { endpoint, .. }: &Subject, letter: Letter) -> Result<Came, NoOutcome> {
        let Letter { told, since, cursor } = letter;
        let (event, now) = (told.event.to_string(), Time::now());
        // In what is signed full stops stand between the parts, so the id has none.
        let id = format!("{}-{}", self.secrets.party, event.replace('.', "-"));
        let (timestamp, webhook) = (now.micros() / 1_000_000, task.entity.id);
        let sign = |secret| self.secrets.sign_webhook(webhook, secret, &id, timestamp, told.data.as_bytes());
        let signatures: Vec<String> = endpoint.secrets_at(now).map(sign).collect();
        let request = self
            .http
            .post(&endpoint.url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(told.data);
        let (reason, detail, retry_after) = match request.send().await {
            Ok(answer) if answer.status().is_success() => {
                taken_in(answer).await;
                return Ok(Came::Delivered { event, cursor });
            }
            Ok(answer) if answer.status() == StatusCode::GONE => {
                return Ok(Came::Disabled { reason: "gone".to_owned() });
            }
            Ok(answer) => {
                let (status, retry_after) = (answer.status().as_u16(), retry_after(&answer));
                taken_in(answer).await;
                (format!("status-{status}"), format!("it answers {status}"), retry_after)
            }
            // Where it was to be sent is shown next to this, and may hold a token.
            Err(error) => ("no-answer".to_owned(), told_of(&error.without_url()), None),
        };
        let Some(failing_since) = endpoint.failing_since else {
            let noted = Some(Came::Failing { event, reason }.outcome());
            return Err(NoOutcome { reason: detail, retry_after, noted });
        };
        if now.since(since.max(failing_since)) >= self.give_up {
            return Ok(Came::DeadLettered { event, reason, cursor });
        }
        Err(NoOutcome { reason: detail, retry_after, noted: None })
    }
}

/// Who is shown nothing is not shown an event.
fn shown_nothing(error: QueryError) -> Result<Option<Told>, QueryError> {
    if matches!(error, QueryError::Forbidden(_)) { Ok(None) } else { Err(error) }
}

fn untold(error: QueryError) -> NoOutcome {
    none(format!("the next event cannot be told: {error}"))
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let (url, status, headers) = (String::new(), answer.status(), answer.headers().clone());
    Answer { url, status, headers, body: Vec::new() }.retry_after()
}

/// Reads the rest of an answer that is not long.
async fn taken_in(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(part)) = answer.chunk().await {
        read += part.len();
        if read > MOST_ANSWERED {
            return;
        }
    }
}

/// An error of the HTTP client with its causes, the last of which says what was the matter.
fn told_of(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
