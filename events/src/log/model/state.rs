//! The world of the model: what the log holds, what is on its way, and three writers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Without;
use super::message::{Fold, Note, Sent};
use super::writer::{Answered, Writer};
use crate::log::record::{Content, Genesis};
use crate::log::{Head, LogId, Verdict, judge};

pub(super) const WRITERS: usize = 3;

/// How often each verdict came up.
#[derive(Default, Debug)]
pub(super) struct Verdicts {
    pub(super) valid: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) duplicate: AtomicU64,
    pub(super) orphan: AtomicU64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) fold: Fold,
    /// Messages that may still be appended, sorted by digest. One that never is, is lost.
    pub(super) in_flight: Vec<Sent>,
    /// Sorted likewise. One that never arrives is silence.
    pub(super) reports: Vec<Note>,
    pub(super) writers: [Writer; WRITERS],
    /// How many records were built.
    pub(super) built: u8,
    /// How many copies were written twice.
    pub(super) repeats: u8,
    /// Numbers that were answered, as bits.
    answered: u64,
    pub(super) lost: bool,
    pub(super) twice: bool,
    pub(super) damaged: bool,
}

impl State {
    pub(super) fn new() -> Self {
        let genesis = Genesis { log: LogId([7; 16]), partition: 0, partitions: 1 };
        let (_, digest) = Content::Genesis(genesis).encode();
        Self {
            fold: Fold { head: Head::at_genesis(digest), digests: vec![digest], end: 1 },
            in_flight: Vec::new(),
            reports: Vec::new(),
            writers: std::array::from_fn(|_| Writer::default()),
            built: 0,
            repeats: 0,
            answered: 0,
            lost: false,
            twice: false,
            damaged: false,
        }
    }

    pub(super) fn claim(&mut self, writer: usize) {
        let sent = self.writers[writer].claim(writer, &self.fold.head);
        self.send(sent);
    }

    pub(super) fn build(&mut self, writer: usize) {
        let sent = self.writers[writer].build(writer, self.built);
        self.send(sent);
    }

    pub(super) fn rebuild(&mut self, writer: usize) {
        self.writers[writer].forget_unproven();
        self.build(writer);
    }

    fn send(&mut self, sent: Option<Sent>) {
        self.in_flight.extend(sent);
        self.built += 1;
    }

    /// The message is written. If its writer waits for a report on it, one sets out.
    pub(super) fn append(&mut self, index: usize, again: bool, without: Without, seen: &Verdicts) {
        let sent = if again { self.in_flight[index].clone() } else { self.in_flight.remove(index) };
        self.repeats += u8::from(again);
        let offset = self.fold.end;
        self.fold.end += 1;
        let before = self.fold.head;
        let digest_at = |number| self.fold.digests.get(usize::try_from(number).expect("small")).copied();
        let verdict = match judge::judge(&before, &sent.record(), digest_at) {
            Verdict::Orphan if without == Without::OrphanRule => {
                self.damaged = true;
                return;
            }
            verdict => verdict,
        };
        let count = match verdict {
            Verdict::Valid(head) => {
                self.fold.head = head;
                self.fold.digests.push(sent.digest());
                &seen.valid
            }
            Verdict::Stale => &seen.stale,
            Verdict::Duplicate => &seen.duplicate,
            Verdict::Orphan => &seen.orphan,
            Verdict::Damage(_) => {
                self.damaged = true;
                return;
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        let valid = matches!(verdict, Verdict::Valid(_)).then_some(self.fold.head);
        self.writers[sent.writer()].claim_is_written(&sent, valid, offset, without);
        if self.awaits_report(&sent) {
            self.reports.push(Note { sent, offset: Some(offset) });
        }
    }

    pub(super) fn may_acknowledge(&self, index: usize) -> bool {
        self.awaits_report(&self.in_flight[index])
    }

    pub(super) fn acknowledge(&mut self, index: usize) {
        self.reports.push(Note { sent: self.in_flight[index].clone(), offset: None });
    }

    /// Whether the writer of `sent` still waits for the report, and none is on its way.
    fn awaits_report(&self, sent: &Sent) -> bool {
        let writer = &self.writers[sent.writer()];
        writer.term == sent.term() && writer.awaits_report(sent) && self.reports.iter().all(|note| note.sent != *sent)
    }

    /// A report arrives; returns how many records are answered on it.
    pub(super) fn report(&mut self, index: usize, without: Without) -> u64 {
        let note = self.reports.remove(index);
        let writer = note.sent.writer();
        let answered = self.writers[writer].take(&note, &self.fold, without);
        for Answered { number, digest } in &answered {
            let held = self.fold.digests.get(usize::try_from(*number).expect("small"));
            self.lost |= held != Some(digest);
            self.twice |= self.answered & (1 << number) != 0;
            self.answered |= 1 << number;
        }
        answered.len() as u64
    }

    /// Drops what can make no difference any more, so that equal worlds are equal states.
    pub(super) fn tidy(&mut self) {
        let writers = &self.writers;
        self.reports.retain(|note| {
            let writer = &writers[note.sent.writer()];
            writer.term == note.sent.term() && writer.awaits_report(&note.sent)
        });
        self.reports.sort_by_key(|note| note.sent.digest());
        self.in_flight.sort_by_key(Sent::digest);
    }
}
