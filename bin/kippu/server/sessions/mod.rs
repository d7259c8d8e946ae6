//! End users: a session's token becomes a [`Caller`], as an API key does (`auth.rs`). It comes as a bearer, or in a cookie, which
//! browsers send along by themselves; so what a cookie alone could do is guarded against other sites.

pub(crate) mod cookie;
pub(crate) mod csrf;
mod form;
pub(crate) mod next;
pub(crate) mod page;
mod uses;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use kippu_actors::problem::{self, Problem};
use kippu_client::Roots;
use kippu_events::Time;
use kippu_events::access::Caller;
use kippu_events::access::sessions::{Open, Sessions as State};
use kippu_events::log::Position;
use kippu_events::secrets::{Bearer, Purpose, Secrets};
use kippu_projections::{Queries, QueryError};

pub(crate) use self::form::{show, sign_in, sign_out};
use self::uses::Uses;
use super::fresh::Fresh;
use crate::node::Node;

/// The view of sessions.
const VIEW: &str = "sessions";

/// Lets end users in.
pub(crate) struct Sessions {
    secrets: Arc<Secrets>,
    queries: Queries,
    fresh: Fresh,
    uses: Arc<Uses>,
}

impl Sessions {
    /// Before `node`, which trusts `roots` too.
    ///
    /// # Errors
    /// Where there can be no client towards other nodes.
    pub(crate) fn new(node: &Node, roots: &Roots) -> Result<Self, reqwest::Error> {
        Ok(Self {
            secrets: Arc::clone(&node.secrets),
            queries: node.queries.clone(),
            fresh: Fresh::new(node, VIEW, "sessions"),
            uses: Arc::new(Uses::new(node, roots)?),
        })
    }

    /// Whose session has this token. That it is in use goes on record, in the background and once in a while.
    ///
    /// # Errors
    /// 401 for anything about the token, or 503 while sessions cannot be checked.
    pub(crate) async fn admit(&self, token: &str) -> Result<(Caller, Bearer), Problem> {
        let bearer = self.secrets.verify(Purpose::Session, token).map_err(|_forged| refused())?;
        self.fresh.check(bearer.entity).await?;
        let sessions = match self.queries.sessions(bearer.entity) {
            Ok(Some(sessions)) if sessions.newest >= bearer.counter => Some(sessions),
            // Genuine, and younger than the view; or the view itself is young.
            Ok(Some(_) | None) | Err(QueryError::Filling(_)) => {
                self.fresh.catch_up(bearer.entity).await?;
                self.queries.sessions(bearer.entity).map_err(|error| self.fresh.untold(&error))?
            }
            Err(error) => return Err(self.fresh.untold(&error)),
        };
        let now = Time::now();
        let open = sessions.as_ref().and_then(|sessions| counting(sessions, &bearer, now)).ok_or_else(refused)?;
        if open.is_used_anew(now) {
            self.uses.record(&bearer, token, open.used_at);
        }
        Ok((Caller::of_user(bearer.entity), bearer))
    }

    /// Whether a token that was admitted counts still.
    ///
    /// # Errors
    /// As [`Sessions::admit`].
    pub(crate) fn still(&self, bearer: &Bearer) -> Result<(), Problem> {
        let sessions = self.queries.sessions(bearer.entity).map_err(|error| self.fresh.untold(&error))?;
        let counts = sessions.is_some_and(|sessions| counting(&sessions, bearer, Time::now()).is_some());
        if counts { Ok(()) } else { Err(refused()) }
    }

    /// Waits until an ended session is refused, for the answer that says so.
    ///
    /// # Errors
    /// 503 where that takes too long.
    pub(crate) async fn reflect(&self, position: Position) -> Result<(), Problem> {
        self.fresh.reflect(position).await
    }

    /// Whether a request whose session came in a cookie may do what it asks: it reads, or shows that a page of this service
    /// has sent it. Requests with a bearer MUST NOT be asked: no browser sends one by itself.
    ///
    /// # Errors
    /// 403 where another site may have sent it.
    pub(crate) fn guard(&self, method: &Method, headers: &HeaderMap, bearer: &Bearer) -> Result<(), Problem> {
        if method.is_safe() {
            return Ok(());
        }
        csrf::from_here(headers)?;
        self.guard_form(csrf::in_header(headers), bearer)
    }

    /// The same of a form, which has the token as a member.
    ///
    /// # Errors
    /// 403 where it has not.
    pub(crate) fn guard_form(&self, csrf: Option<&str>, bearer: &Bearer) -> Result<(), Problem> {
        let is_its = csrf.is_some_and(|csrf| self.secrets.is_csrf(bearer.entity, bearer.counter, csrf));
        if is_its {
            Ok(())
        } else {
            Err(Problem::new(&problem::CSRF, "the session's `csrf` is missing or another one"))
        }
    }

    /// What the forms of a page for this session have to hold.
    pub(crate) fn csrf(&self, bearer: &Bearer) -> String {
        self.secrets.csrf(bearer.entity, bearer.counter)
    }
}

/// The session of a token, if it counts.
fn counting<'a>(sessions: &'a State, bearer: &Bearer, now: Time) -> Option<&'a Open> {
    sessions.get(bearer.counter).filter(|open| open.root_key == bearer.key && !open.is_over(now))
}

/// The same for every token that does not count.
pub(crate) fn refused() -> Problem {
    Problem::new(&problem::UNAUTHENTICATED, "the session is missing or over")
}

#[cfg(test)]
mod tests {
    use kippu_events::access::sessions::{Ending, Event};
    use kippu_events::secrets::TokenHash;
    use kippu_events::{Entity as _, EntityId};

    use super::*;

    const fn at(secs: i64) -> Time {
        Time::from_micros(secs * 1_000_000)
    }

    /// Shows F45.
    #[test]
    fn a_token_counts_for_the_open_session_and_root_key_that_it_names_until_its_time_is_over() {
        let mut sessions = State::default();
        let token = TokenHash { key: 1, sha256: String::new() };
        sessions.evolve(&Event::Opened { session: 1, token, idle_secs: 10, ends_at: at(15) }, at(0));
        let bearer = Bearer { key: 1, entity: EntityId::from_hash(&[1; 32]), counter: 1 };
        let counts = |sessions: &State, bearer: &Bearer, secs| counting(sessions, bearer, at(secs)).is_some();
        assert!(counts(&sessions, &bearer, 9) && !counts(&sessions, &bearer, 10));
        assert!(!counts(&sessions, &Bearer { counter: 2, ..bearer }, 0));
        assert!(!counts(&sessions, &Bearer { key: 2, ..bearer }, 0));
        sessions.evolve(&Event::Used { session: 1 }, at(9));
        assert!(counts(&sessions, &bearer, 14) && !counts(&sessions, &bearer, 15));
        sessions.evolve(&Event::Ended { session: 1, reason: Ending::SignedOut }, at(10));
        assert!(!counts(&sessions, &bearer, 10));
    }
}
