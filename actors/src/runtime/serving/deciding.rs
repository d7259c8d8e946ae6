//! Asking the rules of an entity, with those neighbours and children that have a part in it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kippu_events::{AnyEntity, EntityKey};

use super::refused::{set_aside, store_failed};
use super::{Serving, Step};
use crate::actor::{Context, MOST_NEIGHBOURS, Neighbours};
use crate::catalogue;
use crate::erased::AnyCommand;
use crate::problem::{self, Problem};

impl Serving {
    /// As [`Serving::decide`]. An entity whose rules panic is set aside: nothing was written, and no other is affected.
    pub(super) fn judged_apart(
        &mut self,
        key: EntityKey,
        command: &AnyCommand,
        context: &Context,
    ) -> Result<Step, Problem> {
        let judged = catch_unwind(AssertUnwindSafe(|| self.decide(key, command, context)));
        judged.unwrap_or_else(|_| {
            // The panic hook has logged where.
            tracing::error!(entity = %key, "deciding panicked: the entity is quarantined");
            self.quarantined.insert(key);
            Err(set_aside(key))
        })
    }

    /// What the rules of an entity say.
    fn decide(&mut self, key: EntityKey, command: &AnyCommand, context: &Context) -> Result<Step, Problem> {
        fail::fail_point!("runtime::decide");
        let actor = catalogue::actor(key.family);
        let Some(loaded) = self.entities.get(key) else { return Ok(Step::Fetch(key)) };
        let named = actor.neighbours(&*loaded.state, command, context);
        let is_near = |other: &EntityKey| other.id.slot() == key.id.slot();
        if named.len() > MOST_NEIGHBOURS || !named.iter().all(is_near) {
            return Err(Problem::new(&problem::INTERNAL, "neighbours are few and born in the same slot"));
        }
        if let Some(far) = self.first_on_disk(&named)? {
            return Ok(Step::Fetch(far));
        }
        let Some(loaded) = self.entities.get(key) else { return Ok(Step::Fetch(key)) };
        let seen: Vec<(EntityKey, &dyn AnyEntity)> =
            named.iter().filter_map(|other| Some((*other, &*self.entities.get(*other)?.state))).collect();
        let decided = actor.decide(&*loaded.state, command, Neighbours(&seen), context, &self.env.secrets)?;
        let others = decided.events.iter().map(|(of, _)| *of).filter(|of| *of != key && !named.contains(of));
        let children: BTreeSet<EntityKey> = others.collect();
        if let Some(far) = self.first_on_disk(&children)? {
            return Ok(Step::Fetch(far));
        }
        let is_new = |child: &EntityKey| self.entities.get(*child).is_none_or(|loaded| loaded.version == 0);
        if !children.iter().all(|child| is_near(child) && is_new(child)) {
            return Err(Problem::new(
                &problem::INTERNAL,
                "an event is of the entity, a neighbour that it named, or a child",
            ));
        }
        Ok(Step::Accept(decided, context.now))
    }

    /// Brings `keys` into memory; gives the first that only the disk has.
    fn first_on_disk<'a>(
        &mut self,
        keys: impl IntoIterator<Item = &'a EntityKey>,
    ) -> Result<Option<EntityKey>, Problem> {
        for key in keys {
            if !self.entities.find(*key).map_err(|error| store_failed(&error))? {
                return Ok(Some(*key));
            }
        }
        Ok(None)
    }
}
