//! Histories at random and by hand, told in every way there is.

mod hostile;
mod moments;
mod names;
mod reasons;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use kippu_events::event::read_body;
use kippu_events::log::{Content, Cut, Hash, Position, ReadLog as _, Record};
use kippu_events::{AnyEntity, EntityKey};
use kippu_projections::history::History;
use kippu_projections::past::PastView;
use kippu_projections::stored::StoredViews;
use serde_json::Value;
use tempfile::TempDir;

use super::{Past, UpTo};
use crate::verify::tests::sample::Tape;

/// A history without anything beside it.
fn past(tape: &Tape) -> Past<'_> {
    Past { log: tape, embedded: true, views: None, secrets: None }
}

/// Where each event lies in the history up to the offsets `ends`, as a node notes it.
fn indexed(tape: &Tape, ends: &[u64]) -> (StoredViews, PastView, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(UpTo::new(Arc::new(tape.clone()), ends));
    let node = PastView::fold(log, dir.path(), Arc::new(History), &|_| {}).unwrap();
    let views = StoredViews::open(dir.path()).unwrap().expect("a store");
    (views, node, dir)
}

/// The end of each partition.
fn ends(tape: &Tape) -> Vec<u64> {
    (0..tape.partitions()).map(|partition| tape.end(partition).unwrap()).collect()
}

/// The last record of each partition.
fn cut(tape: &Tape) -> Cut {
    Cut(ends(tape).into_iter().map(|end| end - 1).collect())
}

/// The position of each record of `partition`, in order.
fn positions(tape: &Tape, partition: u16) -> Vec<Position> {
    let mut before = Hash::ZERO;
    let records = (0..).zip(&tape.0[usize::from(partition)]);
    records
        .map(|(number, stored)| {
            before = Record::decode(stored).unwrap().hash(number, before);
            Position::new(partition, number, &before)
        })
        .collect()
}

/// States, by hand: what the events of one record after the other make.
#[derive(Default)]
struct States(BTreeMap<EntityKey, (Box<dyn AnyEntity>, u64)>);

impl States {
    /// Those at `cut`.
    fn at(tape: &Tape, cut: &Cut) -> Self {
        let mut states = Self::default();
        for (records, last) in tape.0.iter().zip(&cut.0) {
            for stored in &records[..=usize::try_from(*last).unwrap()] {
                states.take(stored);
            }
        }
        states
    }

    /// Takes a record; the entities that it is about.
    fn take(&mut self, stored: &[u8]) -> Vec<EntityKey> {
        let Content::Commit(commit) = Record::decode(stored).unwrap().content else { return Vec::new() };
        let events = read_body(commit.body).unwrap();
        let each = events.iter().map(|event| {
            let fresh = || (event.entity.family.fresh(), 0);
            let (state, version) = self.0.entry(event.entity).or_insert_with(fresh);
            state.evolve_stored(event.kind, event.schema, event.data, event.time).unwrap();
            *version = event.version;
            event.entity
        });
        each.collect()
    }

    fn json(&self) -> BTreeMap<EntityKey, (Value, u64)> {
        self.0.iter().map(|(entity, (state, version))| (*entity, (state.to_json(), *version))).collect()
    }
}
