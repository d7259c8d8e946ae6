//! The feed of events: an answer that does not end, of server-sent events as the HTML standard has them.

mod lines;

use std::time::Duration;

use reqwest::{Method, Response};

pub use self::lines::Event;
use self::lines::Lines;
use crate::{Answer, Client, Error, Lost};

/// A node that does not begin to answer in this time is given up.
const BEGIN: Duration = Duration::from_secs(30);
/// A node sends something every 15 s. Who hears nothing for this long has lost it, whatever the connection says.
const SILENCE: Duration = Duration::from_secs(45);
/// As good as never: the answer may take as long as it likes.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// An open feed.
pub struct Feed {
    response: Response,
    lines: Lines,
}

impl Client {
    /// Follows the feed at `path`, which is `/v1/events` and its parameters; with `after`, from behind what has that id.
    ///
    /// # Errors
    /// Where there is no answer, it is no node's, or it is a problem.
    pub async fn follow(&self, path: &str, after: Option<&str>) -> Result<Feed, Error> {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream").timeout(NEVER);
        let request = after.iter().fold(request, |request, id| request.header("last-event-id", *id));
        let url = format!("{}{path}", self.url);
        let nothing = |_| Error::NoNode { url: url.clone(), told: format!("no answer for {} s", BEGIN.as_secs()) };
        let lost = |source: reqwest::Error| Lost { url: url.clone(), source };
        let response = tokio::time::timeout(BEGIN, request.send()).await.map_err(nothing)?.map_err(lost)?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        if response.status().is_success() && kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            let lines = Lines::new(after.unwrap_or_default());
            return Ok(Feed { response, lines });
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = tokio::time::timeout(BEGIN, response.bytes()).await.map_err(nothing)?.map_err(lost)?;
        let answer = Answer { url, status, headers, body: body.into() };
        Err(match answer.problem() {
            Some(problem) => Error::Problem(problem),
            None => Error::NoNode { told: self.what_answered(&answer), url: answer.url },
        })
    }
}

impl Feed {
    /// The next event; nothing once the feed has ended, as where the node stops, or has fallen silent.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub async fn next(&mut self) -> Result<Option<Event>, Lost> {
        loop {
            if let Some(event) = self.lines.next() {
                return Ok(Some(event));
            }
            let Ok(chunk) = tokio::time::timeout(SILENCE, self.response.chunk()).await else { return Ok(None) };
            let lost = |source| Lost { url: self.response.url().to_string(), source };
            match chunk.map_err(lost)? {
                Some(bytes) => self.lines.take(&bytes),
                None => return Ok(None),
            }
        }
    }

    /// The id of what was told last; empty where nothing was. Another feed goes on from it.
    pub fn id(&self) -> &str {
        self.lines.id()
    }
}
