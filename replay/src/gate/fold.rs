//! Every entity of a partition, folded.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use kippu_events::log::ReadLog;
use kippu_events::log::walk::Walk;
use kippu_events::{AnyEntity, EntityKey};

use crate::history::{NotTold, Unreadable, fold, read};

/// An entity after its events.
pub struct Entity {
    /// How many events that are.
    pub version: u64,
    /// The record of the last of them.
    pub changed: u64,
    /// What they make.
    pub state: Box<dyn AnyEntity>,
}

/// The entities of one partition.
pub type Folded = BTreeMap<EntityKey, Entity>;

/// Every entity of `partition`, up to the record `last` where one is named. Memory holds all of them.
///
/// # Errors
/// Where the partition cannot be read so far, and where an event cannot be folded.
pub fn entities(
    log: &dyn ReadLog,
    partition: u16,
    last: Option<u64>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Folded, NotTold> {
    let end = log.end(partition).map_err(Unreadable::Log)?;
    let (mut folded, mut failed) = (Folded::new(), None);
    let mut walk = Walk::new(log, partition);
    read(log, partition, &mut walk, end, &mut |told| {
        if last.is_some_and(|last| told.position.number > last) {
            return ControlFlow::Break(());
        }
        progress(1);
        for event in &told.events {
            let fresh = || Entity { version: 0, changed: 0, state: event.entity.family.fresh() };
            let entity = folded.entry(event.entity).or_insert_with(fresh);
            if let Err(error) = fold(&mut *entity.state, event) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            (entity.version, entity.changed) = (event.version, told.position.number);
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(folded), Err)
}
