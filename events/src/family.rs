//! The list of families. A new family is a line in each list of this file, and the compiler asks for all of them.

use crate::approval::Approval;
use crate::client::Client;
use crate::entity::{AnyEntity, Entity};
use crate::placement::Placement;
use crate::user::User;

/// A kind of entity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// API clients with scoped keys.
    Clients,
    /// Subscribers with purchase limits.
    Users,
    /// One-time purchase approvals.
    Approvals,
    /// Placements of data replicas.
    Placements,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 4] = [Self::Clients, Self::Users, Self::Approvals, Self::Placements];

    /// The plural noun that paths and subjects use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Users => "users",
            Self::Approvals => "approvals",
            Self::Placements => "placements",
        }
    }

    /// The byte that names the family in the keys of caches.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clients => 1,
            Self::Users => 2,
            Self::Approvals => 3,
            Self::Placements => 4,
        }
    }

    /// The state before the first event.
    #[must_use]
    pub fn fresh(self) -> Box<dyn AnyEntity> {
        match self {
            Self::Clients => Box::new(Client::default()),
            Self::Users => Box::new(User::default()),
            Self::Approvals => Box::new(Approval::default()),
            Self::Placements => Box::new(Placement::default()),
        }
    }

    /// A state that [`AnyEntity::encode`] wrote, or nothing where the bytes are no such state.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<Box<dyn AnyEntity>> {
        match self {
            Self::Clients => decode::<Client>(bytes),
            Self::Users => decode::<User>(bytes),
            Self::Approvals => decode::<Approval>(bytes),
            Self::Placements => decode::<Placement>(bytes),
        }
    }

    /// The revision of the cached form of its states.
    #[must_use]
    pub const fn revision(self) -> u32 {
        match self {
            Self::Clients => Client::REVISION,
            Self::Users => User::REVISION,
            Self::Approvals => Approval::REVISION,
            Self::Placements => Placement::REVISION,
        }
    }

    /// The JSON Schema of its events.
    #[cfg(test)]
    pub(crate) fn event_schema(self) -> schemars::Schema {
        match self {
            Self::Clients => schemars::schema_for!(<Client as Entity>::Event),
            Self::Users => schemars::schema_for!(<User as Entity>::Event),
            Self::Approvals => schemars::schema_for!(<Approval as Entity>::Event),
            Self::Placements => schemars::schema_for!(<Placement as Entity>::Event),
        }
    }

    /// The family of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// The family of this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.code() == code)
    }
}

fn decode<E: Entity>(bytes: &[u8]) -> Option<Box<dyn AnyEntity>> {
    let (state, rest): (E, _) = postcard::take_from_bytes(bytes).ok()?;
    if rest.is_empty() { Some(Box::new(state)) } else { None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_family_is_found_by_its_name_and_its_code_and_by_no_other() {
        for family in Family::ALL {
            assert_eq!(Family::from_name(family.name()), Some(family));
            assert_eq!(Family::from_code(family.code()), Some(family));
            assert_eq!(family.fresh().family(), family);
        }
        assert_eq!((Family::from_name("client"), Family::from_name(""), Family::from_code(0)), (None, None, None));
        let (names, codes): (BTreeSet<_>, BTreeSet<_>) = Family::ALL.map(|f| (f.name(), f.code())).into_iter().unzip();
        assert_eq!((names.len(), codes.len()), (Family::ALL.len(), Family::ALL.len()));
    }

    #[test]
    fn a_fresh_state_survives_its_compact_form_and_other_bytes_are_no_state() {
        for family in Family::ALL {
            let compact = family.fresh().encode();
            assert!(family.decode(&compact).is_some_and(|state| state.to_json() == family.fresh().to_json()));
            assert!(family.decode(&[&compact[..], &[0]].concat()).is_none(), "bytes behind a state");
            assert!(family.decode(&[]).is_none());
            assert!(family.decode(&[0xff; 64]).is_none());
        }
    }
}
