//! Parties that a page may send a person to: peers of a role, with the address at which they answer.

use kippu_actors::problem::{self, Problem};
use kippu_events::EntityId;
use kippu_events::access::{Caller, Role};
use kippu_projections::queries::Page;
use kippu_projections::{Queries, QueryError};
use serde::Deserialize;

use super::layout;

/// The view of peers.
const VIEW: &str = "peers";
/// So many are shown.
const MOST: usize = 50;

/// A peer, as everybody may be told of it: by its name and its address.
#[derive(Deserialize)]
pub(crate) struct Known {
    /// What operators call it.
    pub(crate) name: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    roles: Vec<Role>,
}

impl Known {
    /// Its origin; nothing where a policy cannot name it, and so no form can go there.
    pub(crate) fn origin(&self) -> Option<&str> {
        layout::origin(self.url.as_deref()?)
    }

    /// The address of `path` there, under the same condition.
    pub(crate) fn at(&self, path: &str) -> Option<String> {
        self.origin()?;
        self.url.as_deref().map(|url| format!("{}{path}", url.trim_end_matches('/')))
    }
}

/// Every peer of this role that counts.
///
/// # Errors
/// Where they cannot be listed now.
pub(crate) async fn of_role(queries: &Queries, role: Role) -> Result<Vec<Known>, Problem> {
    let filters = [("role", role.name()), ("state", "known")];
    let filters = filters.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (page, its) = (Page { filters, limit: MOST, ..Page::default() }, queries.clone());
    let listed = queries.in_turn(None, move || its.list(VIEW, &Caller::OPERATOR, &page)).await;
    let listed = listed.map_err(|error| untold(&error))?;
    listed.rows.iter().map(|row| read(row.as_bytes())).collect()
}

/// Those of `ids` that are peers of this role and count.
///
/// # Errors
/// Where they cannot be looked up now.
pub(crate) fn among(queries: &Queries, ids: &[EntityId], role: Role) -> Result<Vec<Known>, Problem> {
    let mut found = Vec::new();
    for id in ids {
        match queries.get(VIEW, &id.to_string(), &Caller::OPERATOR, false) {
            Ok(row) => found.push(read(row.row.as_bytes())?),
            Err(QueryError::NotFound) => {}
            Err(error) => return Err(untold(&error)),
        }
    }
    // One that was revoked has no address and no role.
    found.retain(|known| known.roles.contains(&role));
    Ok(found)
}

fn read(row: &[u8]) -> Result<Known, Problem> {
    serde_json::from_slice(row).map_err(|error| Problem::internal(format!("a row of a view is not read: {error}")))
}

fn untold(error: &QueryError) -> Problem {
    tracing::warn!(%error, "the view of peers does not answer");
    Problem::later(&problem::UNAVAILABLE, "the parties that are known here cannot be looked up now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_goes_to_a_peer_below_its_address_and_nowhere_that_no_policy_can_name() {
        let known = |url: Option<&str>| Known { name: "a".to_owned(), url: url.map(str::to_owned), roles: Vec::new() };
        let peer = known(Some("https://auth.example:8443/base/"));
        assert_eq!(peer.at("/approve").as_deref(), Some("https://auth.example:8443/base/approve"));
        assert_eq!(peer.origin(), Some("https://auth.example:8443"));
        assert_eq!(known(Some("http://a b;c")).at("/approve"), None);
        assert_eq!(known(None).at("/approve"), None);
    }
}
