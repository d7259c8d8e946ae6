//! Who sends a form or asks for a page: an end user by the session in the cookie, or whoever holds a settlement's capability in one.

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Caller;
use kippu_events::approvals::settlements::Settlement;
use kippu_events::secrets::Bearer;
use kippu_events::{EntityId, EntityKey};

use crate::server::Shared;
use crate::server::given::led;
use crate::server::sessions::{cookie, next};

/// The cookie that shows and opens one settlement. Its path is that of the settlement's page, so there is one for each.
const SETTLEMENT: &str = "__Secure-kippu-settlement";
/// A week: as long as somebody may take to fetch what is paid for, and longer than a settlement waits for its buyer.
const SETTLEMENT_SECS: u32 = 604_800;

/// The end user whose session is in the cookie, counted against the rate; nobody where it is missing or over.
///
/// # Errors
/// 429, or 503 while sessions cannot be checked.
pub(super) async fn user(request: &HttpRequest, shared: &Shared) -> Result<Option<(Caller, Bearer)>, Problem> {
    let admitted = match cookie::token(request.headers()) {
        Ok(Some(token)) => shared.sessions.admit(token).await,
        Ok(None) => return Ok(None),
        Err(problem) => Err(problem),
    };
    match admitted {
        Ok((caller, bearer)) => {
            shared.authenticator.count_user(bearer.entity)?;
            Ok(Some((caller, bearer)))
        }
        Err(problem) if problem.kind == &problem::UNAUTHENTICATED => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Leads to where users sign in, and from there to `path`.
pub(super) fn to_sign_in(path: &str) -> HttpResponse {
    led(&format!("/sign-in?next={}", next::in_query(path)), None)
}

/// Counts a request of somebody who does not say who they are.
///
/// # Errors
/// 429.
pub(super) fn guest(request: &HttpRequest, shared: &Shared) -> Result<Caller, Problem> {
    shared.authenticator.count_guest(request.peer_addr().map(|address| address.ip()))?;
    Ok(Caller::GUEST)
}

/// Who holds the capability of the settlement `id`, by the cookie, counted as a guest.
///
/// # Errors
/// 404 where nobody does, 429.
pub(super) fn holder(request: &HttpRequest, shared: &Shared, id: EntityId) -> Result<Caller, Problem> {
    guest(request, shared)?;
    let key = EntityKey::of::<Settlement>(id);
    let held = tokens(request.headers()).filter_map(|token| shared.node.secrets.capability(token));
    if held.into_iter().any(|held| held == key) {
        return Ok(Caller::holder_of(key));
    }
    // As a row that is not the caller's.
    let detail = "this browser has made no such purchase, or more than a week ago";
    Err(Problem::new(&problem::NOT_FOUND, detail))
}

/// Every capability that came in a cookie. One that somebody else has set opens nothing else than it is for.
fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| name.trim() == SETTLEMENT).map(|(_, value)| value.trim())
}

/// `Set-Cookie` for who holds `capability` of the settlement `id`.
pub(super) fn holds(id: EntityId, capability: &str) -> Option<HeaderValue> {
    let line = format!(
        "{SETTLEMENT}={capability}; Path=/settlements/{id}; Secure; HttpOnly; SameSite=Lax; Max-Age={SETTLEMENT_SECS}"
    );
    HeaderValue::from_str(&line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows F45.
    #[test]
    fn a_capability_lies_in_a_cookie_of_its_page_that_no_script_reads_and_no_other_site_sends_forms_with() {
        let id = EntityId::from_hash(&[1; 32]);
        let line = holds(id, "kpc_a").unwrap().to_str().unwrap().to_owned();
        assert!(line.starts_with(&format!("__Secure-kippu-settlement=kpc_a; Path=/settlements/{id}; ")), "{line}");
        for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(line.contains(attribute), "{line}");
        }
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; __Secure-kippu-settlement=kpc_a"));
        headers
            .append(COOKIE, HeaderValue::from_static("__Secure-kippu-settlement = kpc_b;__Secure-kippu-settlements=c"));
        assert_eq!(tokens(&headers).collect::<Vec<_>>(), ["kpc_a", "kpc_b"]);
    }
}
