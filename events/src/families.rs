//! The list of families: a new one is a line in [`families`]. Everything else that has to know them all follows from it.

use crate::entity::{AnyEntity, Entity};
use crate::event::{AnyEvent, Typed};

/// Gives the list to the macro `$then`: per family its documentation, its name here, the byte that names it in the keys of
/// caches, the plural noun that paths and subjects use, and its state.
#[macro_export]
macro_rules! families {
    ($then:ident) => {
        $then! {
            /// API clients with scoped keys.
            Clients = 1, "clients", $crate::access::clients::Client;
            /// Subscribers with purchase limits.
            Users = 2, "users", $crate::access::users::User;
            /// One-time purchase approvals.
            Approvals = 3, "approvals", $crate::approvals::Approval;
            /// Placements of data replicas.
            Placements = 4, "placements", $crate::placement::placements::Placement;
        }
    };
}

macro_rules! define {
    ($($(#[$about:meta])* $family:ident = $code:literal, $name:literal, $state:ty;)*) => {
        /// A kind of entity.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Family {
            $($(#[$about])* $family,)*
        }

        impl Family {
            /// Every family.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$family,)*];

            /// The plural noun that paths and subjects use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$family => $name,)*
                }
            }

            /// The family of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$family),)*
                    _ => None,
                }
            }

            /// The byte that names the family in the keys of caches.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$family => $code,)*
                }
            }

            /// The family of this code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$family),)*
                    _ => None,
                }
            }

            /// The state before the first event.
            #[must_use]
            pub fn fresh(self) -> Box<dyn AnyEntity> {
                match self {
                    $(Self::$family => Box::new(<$state>::default()),)*
                }
            }

            /// A state that [`AnyEntity::encode`] wrote, or nothing where the bytes are no such state.
            #[must_use]
            pub fn decode(self, bytes: &[u8]) -> Option<Box<dyn AnyEntity>> {
                match self {
                    $(Self::$family => decode::<$state>(bytes),)*
                }
            }

            /// The revision of the cached form of its states.
            #[must_use]
            pub const fn revision(self) -> u32 {
                match self {
                    $(Self::$family => <$state>::REVISION,)*
                }
            }

            /// The JSON Schema of its events.
            #[cfg(test)]
            pub(crate) fn event_schema(self) -> schemars::Schema {
                match self {
                    $(Self::$family => schemars::schema_for!(<$state as Entity>::Event),)*
                }
            }

            /// Its samples: events in an order in which they can happen to one entity, of every kind.
            #[must_use]
            pub fn samples(self) -> Vec<Box<dyn AnyEvent>> {
                match self {
                    $(Self::$family => samples::<$state>(),)*
                }
            }
        }
    };
}

families!(define);

fn decode<E: Entity>(bytes: &[u8]) -> Option<Box<dyn AnyEntity>> {
    let (state, rest): (E, _) = postcard::take_from_bytes(bytes).ok()?;
    if rest.is_empty() { Some(Box::new(state)) } else { None }
}

fn samples<E: Entity>() -> Vec<Box<dyn AnyEvent>> {
    E::samples().into_iter().map(|event| Box::new(Typed::<E>(event)) as Box<_>).collect()
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
        }
        assert_eq!((Family::from_name("client"), Family::from_name(""), Family::from_code(0)), (None, None, None));
        let (names, codes): (BTreeSet<_>, BTreeSet<_>) = Family::ALL.map(|f| (f.name(), f.code())).into_iter().unzip();
        assert_eq!((names.len(), codes.len()), (Family::ALL.len(), Family::ALL.len()));
    }

    #[test]
    fn every_state_is_of_its_family_survives_its_compact_form_and_other_bytes_are_no_state() {
        for family in Family::ALL {
            assert_eq!(family.fresh().family(), family);
            let compact = family.fresh().encode();
            assert!(family.decode(&compact).is_some_and(|state| state.to_json() == family.fresh().to_json()));
            assert!(family.decode(&[&compact[..], &[0]].concat()).is_none(), "bytes behind a state");
            assert!(family.decode(&[]).is_none());
            assert!(family.decode(&[0xff; 64]).is_none());
        }
    }
}
