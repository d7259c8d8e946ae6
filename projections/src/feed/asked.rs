//! What a caller asks a feed for: which events, and from where on.

use std::collections::BTreeSet;

use kippu_events::{EntityKey, Family, Recorded, Time};

use super::id::FeedId;
use crate::error::QueryError;

/// Entities that one feed can be narrowed to: each event is compared with all of them.
const MOST_ENTITIES: usize = 64;

/// What is asked for. Without families, entities or kinds, events are not narrowed by them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    families: Vec<Family>,
    entities: Vec<EntityKey>,
    kinds: BTreeSet<String>,
    pub(super) begin: Begin,
}

/// From where on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Begin {
    /// Behind what the views reflect now.
    Now,
    /// The first event of each partition.
    Beginning,
    /// Behind what was decided at or before this time.
    Time(Time),
    /// Behind what another feed has told.
    After(FeedId),
}

impl Asked {
    /// What the parameters `pairs` of a query and its header `Last-Event-ID` ask for. The header wins: a client that
    /// connects again keeps its parameters.
    ///
    /// # Errors
    /// The first parameter that is unknown, given twice, or malformed.
    pub fn of(pairs: Vec<(String, String)>, last_event_id: Option<&str>) -> Result<Self, QueryError> {
        let mut asked = Self { families: Vec::new(), entities: Vec::new(), kinds: BTreeSet::new(), begin: Begin::Now };
        let mut names = BTreeSet::new();
        for (name, value) in pairs {
            match name.as_str() {
                "family" => asked.families = each(&name, &value, family)?,
                "entity" => asked.entities = each(&name, &value, entity)?,
                "kind" => asked.kinds = each(&name, &value, kind)?.into_iter().collect(),
                "from" => {
                    asked.begin = match value.as_str() {
                        "now" => Begin::Now,
                        "beginning" => Begin::Beginning,
                        _ => return Err(QueryError::parameter(&name, "it is now or beginning")),
                    };
                }
                "after" => asked.begin = after(&name, &value)?,
                _ => return Err(QueryError::parameter(&name, "there is no such parameter here")),
            }
            if !names.insert(name.clone()) {
                return Err(QueryError::parameter(&name, "it is given twice"));
            }
        }
        if names.contains("from") && names.contains("after") {
            return Err(QueryError::parameter("from", "it says where to begin, and so does after"));
        }
        if asked.entities.len() > MOST_ENTITIES {
            return Err(QueryError::parameter("entity", "it names at most 64 entities"));
        }
        if let Some(id) = last_event_id.map(str::trim).filter(|id| !id.is_empty()) {
            asked.begin = after("last-event-id", id)?;
        }
        Ok(asked)
    }

    /// What a webhook is sent of the events of `families`, or of all where there are none, from `begin` on. What becomes of webhooks
    /// is not among them: it would be sent for ever.
    #[must_use]
    pub fn sent(families: Vec<Family>, begin: Begin) -> Self {
        let mut families = if families.is_empty() { Family::ALL.to_vec() } else { families };
        families.retain(|family| *family != Family::Webhooks);
        Self { families, entities: Vec::new(), kinds: BTreeSet::new(), begin }
    }

    /// Whether events of `family` may be asked for.
    pub(super) fn admits_family(&self, family: Family) -> bool {
        (self.families.is_empty() || self.families.contains(&family))
            && (self.entities.is_empty() || self.entities.iter().any(|entity| entity.family == family))
    }

    /// Whether `event` is asked for.
    pub(super) fn admits(&self, event: &Recorded<'_>) -> bool {
        (self.families.is_empty() || self.families.contains(&event.entity.family))
            && (self.entities.is_empty() || self.entities.contains(&event.entity))
            && (self.kinds.is_empty() || self.kinds.contains(event.kind))
    }

    /// The entities that it is narrowed to; none where it is not.
    pub(super) fn entities(&self) -> &[EntityKey] {
        &self.entities
    }
}

/// The values of a list with commas.
fn each<T>(name: &str, list: &str, value: impl Fn(&str) -> Result<T, &'static str>) -> Result<Vec<T>, QueryError> {
    list.split(',').map(|text| value(text).map_err(|reason| QueryError::parameter(name, reason))).collect()
}

fn family(text: &str) -> Result<Family, &'static str> {
    Family::from_name(text).ok_or("there is no such family")
}

fn entity(text: &str) -> Result<EntityKey, &'static str> {
    text.parse().map_err(|_| "an entity is written as users/ID")
}

fn kind(text: &str) -> Result<String, &'static str> {
    let is_known = Family::ALL.into_iter().any(|family| family.kinds().contains(text));
    if is_known { Ok(text.to_owned()) } else { Err("there is no such kind of event") }
}

fn after(name: &str, text: &str) -> Result<Begin, QueryError> {
    text.parse()
        .map(Begin::After)
        .map_err(|error: super::id::NotAFeedId| QueryError::parameter(name, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use kippu_events::EntityId;

    use super::*;

    const ID: &str = "17.3-5f0c9a1b22d07e44";

    fn asked(query: &[(&str, &str)], last: Option<&str>) -> Result<Asked, QueryError> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Asked::of(pairs, last)
    }

    #[test]
    fn lists_have_commas_and_each_parameter_is_given_once() {
        let user = EntityKey { family: Family::Users, id: EntityId::from_hash(&[7; 32]) };
        let pairs = [("family", "users,approvals"), ("entity", &user.to_string()), ("kind", "user.credited")];
        let asked_for = asked(&pairs, None).unwrap();
        assert_eq!(asked_for.families, [Family::Users, Family::Approvals]);
        assert_eq!((asked_for.entities(), asked_for.kinds.len()), ([user].as_slice(), 1));
        assert!(asked_for.admits_family(Family::Users) && !asked_for.admits_family(Family::Approvals));
        let many = vec![user.to_string(); MOST_ENTITIES + 1].join(",");
        for query in [
            &[("family", "users"), ("family", "users")][..],
            &[("family", "user")],
            &[("family", "")],
            &[("entity", "users")],
            &[("entity", many.as_str())],
            &[("kind", "user.credited,user.flown")],
            &[("from", "yesterday")],
            &[("from", "now"), ("after", ID)],
            &[("after", "3-17-5f0c9a1b22d07e44")],
            &[("limit", "3")],
        ] {
            assert!(matches!(asked(query, None), Err(QueryError::Parameter { .. })), "{query:?}");
        }
    }

    #[test]
    fn what_a_client_has_had_wins_over_where_it_once_began() {
        let begin = |query: &[(&str, &str)], last| asked(query, last).unwrap().begin;
        let after = Begin::After(ID.parse().unwrap());
        assert_eq!(begin(&[], None), Begin::Now);
        assert_eq!(begin(&[("from", "now")], Some("")), Begin::Now);
        assert_eq!(begin(&[("from", "beginning")], None), Begin::Beginning);
        assert_eq!(begin(&[("after", ID)], None), after);
        assert_eq!(begin(&[("from", "beginning")], Some(ID)), after);
        assert_eq!(begin(&[("after", "0.0")], Some(ID)), after);
        assert!(asked(&[], Some("yesterday")).is_err());
    }
}
