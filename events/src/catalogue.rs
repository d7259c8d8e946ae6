//! The states of every family, from the list.

use std::collections::BTreeSet;

use crate::blobs::BlobId;
use crate::decoding::NotAnEvent;
use crate::entity::{AnyEntity, Entity};
use crate::event::{AnyEvent, Recorded, Typed};
use crate::family::Family;

macro_rules! states {
    ($($(#[$about:meta])* $family:ident = $code:literal, $name:literal, $state:ty;)*) => {
        impl Family {
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
            #[must_use]
            pub fn event_schema(self) -> schemars::Schema {
                match self {
                    $(Self::$family => schemars::schema_for!(<$state as Entity>::Event),)*
                }
            }

            /// The kinds of its events, as they are named everywhere.
            #[must_use]
            pub fn kinds(self) -> BTreeSet<String> {
                self.samples().iter().filter_map(|event| kind_of(&**event)).collect()
            }

            /// The blobs that `event`, which is one of this family, names.
            ///
            /// # Errors
            /// [`NotAnEvent`] where it is none that this code reads.
            pub fn blobs(self, event: &Recorded<'_>) -> Result<Vec<BlobId>, NotAnEvent> {
                match self {
                    $(Self::$family => Ok(<$state>::blobs(event.decode::<$state>()?)),)*
                }
            }

            /// The blobs that its samples name.
            #[cfg(test)]
            fn blobs_of_samples(self) -> Vec<BlobId> {
                match self {
                    $(Self::$family => <$state>::samples().iter().flat_map(<$state>::blobs).collect(),)*
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

families!(states);

fn decode<E: Entity>(bytes: &[u8]) -> Option<Box<dyn AnyEntity>> {
    let (state, rest): (E, _) = postcard::take_from_bytes(bytes).ok()?;
    if rest.is_empty() { Some(Box::new(state)) } else { None }
}

fn kind_of(event: &dyn AnyEvent) -> Option<String> {
    let mut members = Vec::new();
    event.write_members(&mut members);
    let kind = members.strip_prefix(br#","type":""#)?.split(|byte| *byte == b'"').next()?;
    String::from_utf8(kind.to_vec()).ok()
}

fn samples<E: Entity>() -> Vec<Box<dyn AnyEvent>> {
    E::samples().into_iter().map(|event| Box::new(Typed::<E>(event)) as Box<_>).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_a_family_are_those_of_its_samples() {
        let kinds = Family::Placements.kinds();
        assert_eq!(
            kinds.into_iter().collect::<Vec<_>>(),
            ["placement.closed", "placement.moved", "placement.opened", "placement.placed"]
        );
        assert!(Family::ALL.into_iter().all(|family| !family.kinds().is_empty()));
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

    /// Shows F46.
    #[test]
    fn a_family_whose_events_have_names_of_blobs_in_them_says_which() {
        for family in Family::ALL {
            let schema = family.event_schema().as_value().to_string();
            let names = !family.blobs_of_samples().is_empty();
            assert!(names || !schema.contains("/BlobId\""), "the blobs of {}", family.name());
        }
    }
}
