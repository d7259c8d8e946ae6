//! Who calls: an API key, a capability, or nothing becomes a [`Caller`]. A forged token is refused by its own MAC, before anything
//! is looked up; a genuine API key counts if the view of clients says that it is the one that counts. Whatever is wrong with
//! it, the answer is the same. Where that view is not kept up to date any more, no key can be checked, and nobody who shows one is let
//! in. Who shows nothing is a guest: commands and views say what guests may do.

mod signed;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use kippu_actors::http::{KIPPU_POSITION, StillAllowed, still};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Caller;
use kippu_events::log::Position;
use kippu_events::secrets::{Bearer, Purpose, Secrets};
use kippu_events::{EntityId, Family};
use kippu_projections::{ClientRow, Queries, QueryError};
use sha2::{Digest as _, Sha256};

use self::signed::Asked;
use super::Shared;
use super::fresh::Fresh;
use super::rate::Rates;
use super::sessions::{Sessions, cookie};
use crate::config;
use crate::node::Node;

/// How a session's token begins.
const SESSION: &str = "kps_";
/// Who was let in.
pub(crate) struct Admitted {
    /// Who calls.
    pub(crate) caller: Caller,
    shown: Shown,
}

/// What was shown that may end while the request is under way.
enum Shown {
    /// Nothing that could.
    Nothing,
    /// An API key.
    Key(Bearer),
    /// A session.
    Session(Bearer),
}

/// Lets callers in.
pub(crate) struct Authenticator {
    secrets: Arc<Secrets>,
    queries: Queries,
    fresh: Fresh,
    rates: Rates,
}

impl Authenticator {
    /// An authenticator before `node`.
    pub(crate) fn new(node: &Node, rate: &config::Rate) -> Self {
        Self {
            secrets: Arc::clone(&node.secrets),
            queries: node.queries.clone(),
            fresh: Fresh::new(node, Family::Clients.name(), "API keys"),
            rates: Rates::new(rate),
        }
    }

    /// Who sends a request with `headers` from `address`, counted against its rate.
    ///
    /// # Errors
    /// 401 for anything about a key, 429, or 503 while keys cannot be checked, as where the view of clients has stalled.
    pub(crate) async fn admit(&self, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Admitted, Problem> {
        if !headers.contains_key(AUTHORIZATION) {
            self.count_guest(address)?;
            return Ok(Admitted { caller: Caller::GUEST, shown: Shown::Nothing });
        }
        let token = bearer_token(headers).ok_or_else(refused)?;
        if let Some(entity) = self.secrets.capability(token) {
            self.count_guest(address)?;
            return Ok(Admitted { caller: Caller::holder_of(entity), shown: Shown::Nothing });
        }
        self.admit_key(token).await
    }

    /// The same of an end user, whose session is in the one bearer token or, without one, in the cookie. A request with a cookie that
    /// changes something shows that a page of this service has sent it.
    ///
    /// # Errors
    /// As [`Authenticator::admit`], and 403 where another site may have sent it.
    async fn admit_user(&self, request: &ServiceRequest, sessions: &Sessions) -> Result<Option<Admitted>, Problem> {
        let headers = request.headers();
        let bearer = bearer_token(headers).filter(|token| token.starts_with(SESSION));
        let cookie = if headers.contains_key(AUTHORIZATION) { None } else { cookie::token(headers)? };
        let Some(token) = bearer.or(cookie) else { return Ok(None) };
        let (caller, session) = sessions.admit(token).await?;
        if cookie.is_some() {
            sessions.guard(request.method(), headers, &session)?;
        }
        self.count_user(session.entity)?;
        Ok(Some(Admitted { caller, shown: Shown::Session(session) }))
    }

    /// Which peer has signed `request`, counted against its rate.
    ///
    /// # Errors
    /// 401 for anything about the signature, 429, or 503 while peers cannot be looked up.
    async fn admit_peer(
        &self,
        request: &mut ServiceRequest,
        asked: &Asked,
        shared: &Shared,
    ) -> Result<Admitted, Problem> {
        if request.headers().contains_key(AUTHORIZATION) {
            return Err(Problem::new(&problem::SIGNATURE, "a signed request shows no token"));
        }
        let caller = asked.admit(request, shared).await?;
        caller.party().map_or(Ok(()), |peer| self.rates.count(peer))?;
        Ok(Admitted { caller, shown: Shown::Nothing })
    }

    /// Counts a request of somebody at `address` who does not say who they are.
    ///
    /// # Errors
    /// 429 where these are too many.
    pub(crate) fn count_guest(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        self.rates.count(guest_at(address))
    }

    /// Counts a request of `user`.
    ///
    /// # Errors
    /// 429 where these are too many.
    pub(crate) fn count_user(&self, user: EntityId) -> Result<(), Problem> {
        self.rates.count(user)
    }

    /// Who has the API key `token`, counted against its rate.
    ///
    /// # Errors
    /// As [`Authenticator::admit`].
    pub(crate) async fn admit_key(&self, token: &str) -> Result<Admitted, Problem> {
        let bearer = self.secrets.verify(Purpose::ApiKey, token).map_err(|_forged| refused())?;
        self.fresh.check(bearer.entity).await?;
        let row = match self.queries.client(bearer.entity) {
            Ok(Some(row)) if row.counter >= bearer.counter => Some(row),
            // Genuine, and younger than the view: its client was just opened, or got another key, or the view itself
            // is young.
            Ok(Some(_) | None) | Err(QueryError::Filling(_)) => {
                self.fresh.catch_up(bearer.entity).await?;
                self.row(&bearer)?
            }
            Err(error) => return Err(self.fresh.untold(&error)),
        };
        let row = row.filter(|row| counts(row, &bearer)).ok_or_else(refused)?;
        // Not before: a key that is over is nobody's, and uses up nobody's rate.
        self.rates.count(bearer.entity)?;
        Ok(Admitted { caller: Caller::of_client(bearer.entity, row.role, row.user), shown: Shown::Key(bearer) })
    }

    /// Whether a key that was admitted counts still.
    ///
    /// # Errors
    /// As [`Authenticator::admit`].
    fn still(&self, bearer: &Bearer) -> Result<(), Problem> {
        self.row(bearer)?.filter(|row| counts(row, bearer)).map(drop).ok_or_else(refused)
    }

    fn row(&self, bearer: &Bearer) -> Result<Option<ClientRow>, Problem> {
        self.queries.client(bearer.entity).map_err(|error| self.fresh.untold(&error))
    }
}

/// Whether this key is the one of its client that counts.
fn counts(row: &ClientRow, bearer: &Bearer) -> bool {
    row.active && row.counter == bearer.counter && row.key.key == bearer.key
}

/// The same for every key that does not count.
fn refused() -> Problem {
    Problem::new(&problem::UNAUTHENTICATED, "the API key is missing or not valid")
}

/// All guests at one address, which for IPv6 is what one customer has, count as one caller.
fn guest_at(address: Option<IpAddr>) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.guest.1");
    match address {
        Some(IpAddr::V4(address)) => hash.update(address.octets()),
        Some(IpAddr::V6(address)) => hash.update(&address.octets()[..8]),
        None => {}
    }
    EntityId::from_hash(&hash.finalize().into())
}

/// The one bearer token in `headers`.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start())
}

/// The middleware of everything that needs a key. An answer about a client or a session leaves once authentication knows of it, so
/// that a key that was revoked, and a session that ended, is refused from then on.
///
/// # Errors
/// None of its own.
pub(crate) async fn authenticate(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (asked, shared) = (Asked::of(&request), request.app_data::<Data<Shared>>().cloned());
    let (Some(asked), Some(shared)) = (asked, shared) else { return let_in(request, next, None).await };
    let response = let_in(request, next, Some((&asked, &shared))).await?;
    Ok(asked.answer(response, &shared).await)
}

async fn let_in(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
    signed: Option<(&Asked, &Shared)>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(authenticator) = request.app_data::<Data<Authenticator>>().cloned() else {
        let problem = Problem::new(&problem::INTERNAL, "nothing guards this path");
        return Ok(request.into_response(problem.error_response()));
    };
    let address = request.peer_addr().map(|address| address.ip());
    let sessions = request.app_data::<Data<Sessions>>().cloned();
    let user = match (&signed, &sessions) {
        (None, Some(sessions)) => authenticator.admit_user(&request, sessions).await,
        (Some(_), _) | (None, None) => Ok(None),
    };
    let admitted = match (user, signed) {
        (Ok(Some(admitted)), _) => Ok(admitted),
        (Err(problem), _) => Err(problem),
        (Ok(None), Some((asked, shared))) => authenticator.admit_peer(&mut request, asked, shared).await,
        (Ok(None), None) => authenticator.admit(request.headers(), address).await,
    };
    let Admitted { caller, shown } = match admitted {
        Ok(admitted) => admitted,
        Err(problem) => return Ok(request.into_response(problem.error_response())),
    };
    let (reads, later) = (request.method().is_safe(), authenticator.clone());
    request.extensions_mut().insert(caller);
    let holders = sessions.clone();
    let still_allowed = move || match (&shown, &holders) {
        (Shown::Key(key), _) => later.still(key),
        (Shown::Session(session), Some(sessions)) => sessions.still(session),
        (Shown::Session(_), None) | (Shown::Nothing, _) => Ok(()),
    };
    request.extensions_mut().insert(StillAllowed(Box::new(still_allowed)));
    let response = next.call(request).await?;
    // A query may have waited long for its position or its turn, and its key ended meanwhile.
    if reads && let Err(problem) = still(response.request()) {
        let (request, _) = response.into_parts();
        return Ok(ServiceResponse::new(request, problem.error_response()));
    }
    let Some((family, position)) = changed(&response) else { return Ok(response) };
    let reflected = match (family, &sessions) {
        (Family::Clients, _) => authenticator.fresh.reflect(position).await,
        (Family::Sessions, Some(sessions)) => sessions.reflect(position).await,
        _ => Ok(()),
    };
    match reflected {
        Ok(()) => Ok(response),
        Err(problem) => {
            let (request, _) = response.into_parts();
            Ok(ServiceResponse::new(request, problem.error_response()))
        }
    }
}

/// Of the answer to a command, which family it changed, and up to where.
fn changed(response: &ServiceResponse<BoxBody>) -> Option<(Family, Position)> {
    let family = response.request().match_info().get("family")?;
    let family = Family::ALL.into_iter().find(|known| known.name() == family)?;
    Some((family, response.headers().get(KIPPU_POSITION)?.to_str().ok()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_key_comes_once_behind_the_scheme_bearer_in_any_case() {
        for (values, expected) in [
            (&["Bearer kpk_a"][..], Some("kpk_a")),
            (&["bEARER  kpk_a"], Some("kpk_a")),
            (&["Basic kpk_a"], None),
            (&["kpk_a"], None),
            (&["Bearer kpk_a", "Bearer kpk_a"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| headers.append(AUTHORIZATION, HeaderValue::from_static(value)));
            assert_eq!(bearer_token(&headers), expected, "{values:?}");
        }
    }
}
