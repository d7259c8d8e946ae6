//! The protocol of a writer: claim, read to the claim, pipeline, prove by contiguous offsets, read back when in doubt.

use std::collections::BTreeMap;

use super::Without;
use super::message::{Fold, Note, Sent};
use crate::log::Head;
use crate::log::record::Hash;
use crate::log::record::claim_hash;

#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub(super) struct Writer {
    /// Counts its claims.
    pub(super) term: u8,
    phase: Phase,
}

#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
enum Phase {
    #[default]
    Down,
    /// Has claimed, when the head was this.
    Claiming {
        claim: Sent,
        head: Head,
    },
    Serving(Serving),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Serving {
    /// What the next record follows.
    head: Head,
    proven: Head,
    /// The offset of the last proven record.
    base: u8,
    /// Unproven, in order.
    unproven: Vec<Sent>,
    /// Reports on unproven records, by number.
    reports: BTreeMap<u64, Option<u8>>,
}

/// A record that was answered.
pub(super) struct Answered {
    pub(super) number: u64,
    pub(super) digest: Hash,
}

impl Writer {
    /// How many records wait to be proven, if it serves.
    pub(super) fn unproven(&self) -> Option<usize> {
        match &self.phase {
            Phase::Serving(serving) => Some(serving.unproven.len()),
            Phase::Down | Phase::Claiming { .. } => None,
        }
    }

    pub(super) fn claim(&mut self, me: usize, head: &Head) -> Option<Sent> {
        self.term += 1;
        let claim = Sent::claim(me, self.term, head.epoch + 1);
        self.phase = Phase::Claiming { claim: claim.clone(), head: *head };
        Some(claim)
    }

    /// Something was written at `offset`, where the head is now `valid`, if it is. If it is this writer's claim, it has
    /// read to it: a reader who comes later finds the same.
    pub(super) fn claim_is_written(&mut self, sent: &Sent, valid: Option<Head>, offset: u8, without: Without) {
        let Phase::Claiming { claim, head } = &self.phase else { return };
        if claim != sent {
            return;
        }
        let blind = || {
            let number = head.number + 1;
            Head { epoch: head.epoch + 1, number, hash: claim_hash(claim.digest(), number, head.hash), sealed: false }
        };
        let head = if without == Without::ReadToClaim { Some(blind()) } else { valid };
        self.phase = head.map_or(Phase::Down, |head| {
            Phase::Serving(Serving { head, proven: head, base: offset, unproven: Vec::new(), reports: BTreeMap::new() })
        });
    }

    pub(super) fn build(&mut self, me: usize, attempt: u8) -> Option<Sent> {
        let Phase::Serving(serving) = &mut self.phase else { return None };
        let sent = Sent::commit(me, self.term, attempt, &serving.head, serving.proven.number);
        serving.head.number += 1;
        serving.head.hash = sent.digest();
        serving.unproven.push(sent.clone());
        Some(sent)
    }

    /// What no writer may do: takes what is unproven for not written, and goes on from what is proven.
    pub(super) fn forget_unproven(&mut self) {
        if let Phase::Serving(serving) = &mut self.phase {
            serving.head = serving.proven;
            serving.unproven.clear();
            serving.reports.clear();
        }
    }

    pub(super) fn awaits_report(&self, sent: &Sent) -> bool {
        match &self.phase {
            Phase::Serving(serving) => {
                serving.unproven.contains(sent) && sent.number().is_some_and(|it| !serving.reports.contains_key(&it))
            }
            Phase::Down | Phase::Claiming { .. } => false,
        }
    }

    /// Takes a report, and answers what is proven by it.
    pub(super) fn take(&mut self, note: &Note, fold: &Fold, without: Without) -> Vec<Answered> {
        let Phase::Serving(serving) = &mut self.phase else { return Vec::new() };
        serving.reports.extend(note.sent.number().map(|number| (number, note.offset)));
        let mut answered = Vec::new();
        while let Some(&offset) = serving.reports.get(&(serving.proven.number + 1)) {
            let proven = match offset {
                Some(offset) => offset == serving.base + 1 || without == Without::Contiguity,
                None => without == Without::ReadBack,
            };
            if proven {
                serving.base = offset.unwrap_or(serving.base + 1);
                answered.push(serving.answer());
            } else if !serving.read_back(fold, &mut answered) {
                self.phase = Phase::Down;
                break;
            }
        }
        answered
    }
}

impl Serving {
    fn answer(&mut self) -> Answered {
        let sent = self.unproven.remove(0);
        self.proven.number += 1;
        self.proven.hash = sent.digest();
        self.reports.remove(&self.proven.number);
        Answered { number: self.proven.number, digest: sent.digest() }
    }

    /// Reads the log to its end and answers what it holds of this writer; false if another has taken over, or if the
    /// next record is not there.
    fn read_back(&mut self, fold: &Fold, answered: &mut Vec<Answered>) -> bool {
        let held = |number: u64| fold.digests.get(usize::try_from(number).expect("small")).copied();
        let next = self.unproven.first().map(Sent::digest);
        if fold.head.epoch != self.head.epoch || held(self.proven.number + 1) != next {
            return false;
        }
        while self.proven.number < fold.head.number && !self.unproven.is_empty() {
            answered.push(self.answer());
        }
        self.base = fold.end - 1;
        true
    }
}
