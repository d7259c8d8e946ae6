//! Families as actors: all of those that [`kippu_events::families!`] lists.

use kippu_events::Family;

use crate::erased::{AnyActor, Of};

macro_rules! actors {
    ($($(#[$about:meta])* $family:ident = $code:literal, $name:literal, $state:ty;)*) => {
        /// The family's actor.
        #[must_use]
        pub fn actor(family: Family) -> &'static dyn AnyActor {
            match family {
                $(Family::$family => const { &Of::<$state>::new() },)*
            }
        }
    };
}

kippu_events::families!(actors);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use kippu_events::EntityId;
    use kippu_events::log::LogId;
    use kippu_events::secrets::Secrets;

    use super::*;
    use crate::actor::{Call, Target};
    use crate::problem::GENERAL;
    use kippu_events::access::{Caller, Role};

    #[test]
    fn each_problem_has_one_slug_a_status_and_advice() {
        let mut slugs = BTreeSet::new();
        let of_families = Family::ALL.into_iter().flat_map(|family| actor(family).problems());
        for kind in GENERAL.iter().chain(of_families) {
            assert!(slugs.insert(kind.slug), "{} is there twice", kind.slug);
            assert!((400..600).contains(&kind.status), "{}", kind.slug);
            assert!(!kind.title.is_empty() && !kind.advice.is_empty(), "{}", kind.slug);
        }
    }

    #[test]
    fn an_auditor_gives_no_command() {
        let of_families = Family::ALL.into_iter().flat_map(|family| actor(family).commands());
        let given: Vec<_> = of_families.filter(|spec| spec.roles.contains(&Role::Auditor)).collect();
        assert!(given.is_empty(), "{given:?}");
    }

    #[test]
    fn no_command_takes_a_member_that_it_does_not_know() {
        let secrets = Arc::new(Secrets::ephemeral(1, LogId([1; 16])));
        let id = EntityId::from_bytes([1; 15]);
        for actor in Family::ALL.map(actor) {
            for spec in actor.commands() {
                let call = Call { caller: Caller::OPERATOR, key: "key".to_owned(), id: Some(id), if_match: None };
                let refused = actor.prepare(spec.name, br#"{"no_such_member":1}"#, &call, &secrets).err().unwrap();
                assert!(refused.detail.starts_with("unknown field"), "{}: {refused}", spec.name);
            }
        }
    }

    #[test]
    fn each_family_opens_its_entities_and_every_command_is_a_case_of_its_schema() {
        for family in Family::ALL {
            let actor = actor(family);
            assert_eq!(actor.family(), family);
            let mut generator = schemars::SchemaGenerator::default();
            let root = actor.request_schema(&mut generator);
            let schema = serde_json::to_string(&(root, generator.definitions())).unwrap();
            for spec in actor.commands() {
                assert_eq!(spec.name == "open", spec.target == Target::New, "{}", spec.name);
                assert!(schema.contains(&format!("\"const\":\"{}\"", spec.name)), "{} in {schema}", spec.name);
            }
        }
    }
}
