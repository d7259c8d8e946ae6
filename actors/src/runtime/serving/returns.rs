//! What was fetched from the entity store comes back, and the commands that were parked for it go on.

use kippu_events::EntityKey;

use super::refused::store_failed;
use super::{Job, Parked, Serving};
use crate::runtime::entity_store::StoreError;
use crate::runtime::loaded_entity::{Done, LoadedEntity};

impl Serving {
    /// The outcome of [`super::Effect::Fetch`].
    pub fn fetched(&mut self, key: EntityKey, found: Result<Option<LoadedEntity>, StoreError>) {
        let waiting = self.parked.remove(&key).unwrap_or_default();
        self.parked_jobs -= waiting.iter().filter(|parked| matches!(parked, Parked::Job(_))).count();
        match found {
            Ok(found) => {
                self.entities.admit(key, found.unwrap_or_else(|| LoadedEntity::fresh(key.family)));
                for parked in waiting {
                    match parked {
                        Parked::Job(job) => self.submit(*job),
                        Parked::Deadline => self.deadline(key),
                        Parked::Peek(reply) => self.peek(key, reply),
                    }
                }
            }
            Err(error) => {
                for parked in waiting {
                    match parked {
                        Parked::Job(job) => self.refuse(store_failed(&error), job.reply),
                        Parked::Deadline => {}
                        // A caller that has gone away needs no answer.
                        Parked::Peek(reply) => drop(reply.send(Err(store_failed(&error)))),
                    }
                }
            }
        }
    }

    /// The outcome of [`super::Effect::LookUp`].
    pub fn looked_up(&mut self, mut job: Job, found: Result<Option<Done>, StoreError>) {
        self.looking_up -= 1;
        match found {
            Ok(Some(done)) => self.repeat(done, job),
            Ok(None) => {
                job.looked_up = true;
                self.submit(job);
            }
            Err(error) => self.refuse(store_failed(&error), job.reply),
        }
    }
}
