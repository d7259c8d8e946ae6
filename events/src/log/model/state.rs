//! The world of the model: what the log holds, what is on its way, and three writers.

use std::hash::{Hash as StdHash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Without;
use super::writer::{Answered, Writer};
use crate::log::record::{Claim, Commit, Content, Genesis, Hash, Record};
use crate::log::{Head, LogId, Verdict, judge};

pub(super) const WRITERS: usize = 3;

/// A record as it was sent: real content, real digest. Equal digests are equal records.
#[derive(Clone, Debug)]
pub(super) struct Sent(Arc<Sending>);

#[derive(Debug)]
struct Sending {
    writer: usize,
    term: u8,
    kind: Kind,
    digest: Hash,
}

#[derive(Debug)]
enum Kind {
    Claim(Claim),
    Commit { epoch: u64, number: u64, prev: Hash, acked: u64, body: [u8; 3] },
}

impl Sent {
    pub(super) fn claim(writer: usize, term: u8, epoch: u64) -> Self {
        let mut nonce = [0; 16];
        nonce[0] = u8::try_from(writer).expect("few writers");
        nonce[1] = term;
        Self::new(writer, term, Kind::Claim(Claim { epoch, nonce, node: String::new(), url: String::new() }))
    }

    pub(super) fn commit(writer: usize, term: u8, attempt: u8, head: &Head, acked: u64) -> Self {
        let body = [u8::try_from(writer).expect("few writers"), term, attempt];
        let kind = Kind::Commit { epoch: head.epoch, number: head.number + 1, prev: head.hash, acked, body };
        Self::new(writer, term, kind)
    }

    fn new(writer: usize, term: u8, kind: Kind) -> Self {
        let (_, digest) = kind.content().encode();
        Self(Arc::new(Sending { writer, term, kind, digest }))
    }

    fn record(&self) -> Record<'_> {
        Record { content: self.0.kind.content(), digest: self.0.digest }
    }

    pub(super) fn digest(&self) -> Hash {
        self.0.digest
    }

    /// A commit's number.
    pub(super) fn number(&self) -> Option<u64> {
        match self.0.kind {
            Kind::Claim(_) => None,
            Kind::Commit { number, .. } => Some(number),
        }
    }
}

impl Kind {
    fn content(&self) -> Content<'_> {
        match self {
            Self::Claim(claim) => Content::Claim(claim.clone()),
            Self::Commit { epoch, number, prev, acked, body } => {
                Content::Commit(Commit { epoch: *epoch, number: *number, prev: *prev, acked: *acked, body })
            }
        }
    }
}

impl PartialEq for Sent {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Sent {}

impl StdHash for Sent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

/// A producer's report on its way to its writer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Note {
    pub(super) sent: Sent,
    /// The client library does not always know it.
    pub(super) offset: Option<u8>,
}

/// How often each verdict came up.
#[derive(Default, Debug)]
pub(super) struct Verdicts {
    pub(super) valid: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) duplicate: AtomicU64,
    pub(super) orphan: AtomicU64,
}

/// What every reader makes of the log so far. Two logs that read alike are the same to every writer, but for offsets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Fold {
    pub(super) head: Head,
    /// By number.
    pub(super) digests: Vec<Hash>,
    /// The offset behind the last entry.
    pub(super) end: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct State {
    pub(super) fold: Fold,
    /// Messages that may still be appended, sorted by digest. One that never is, is lost.
    pub(super) flights: Vec<Sent>,
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
            flights: Vec::new(),
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
        self.flights.extend(sent);
        self.built += 1;
    }

    /// The message is written. If its writer waits for a report on it, one sets out.
    pub(super) fn append(&mut self, index: usize, again: bool, without: Without, seen: &Verdicts) {
        let sent = if again { self.flights[index].clone() } else { self.flights.remove(index) };
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
        self.writers[sent.0.writer].claim_is_written(&sent, valid, offset, without);
        if self.awaits_report(&sent) {
            self.reports.push(Note { sent, offset: Some(offset) });
        }
    }

    pub(super) fn may_acknowledge(&self, index: usize) -> bool {
        self.awaits_report(&self.flights[index])
    }

    pub(super) fn acknowledge(&mut self, index: usize) {
        self.reports.push(Note { sent: self.flights[index].clone(), offset: None });
    }

    /// Whether the writer of `sent` still waits for the report, and none is on its way.
    fn awaits_report(&self, sent: &Sent) -> bool {
        let Sending { writer, term, .. } = *sent.0;
        self.writers[writer].term == term
            && self.writers[writer].awaits_report(sent)
            && self.reports.iter().all(|note| note.sent != *sent)
    }

    /// A report arrives; returns how many records are answered on it.
    pub(super) fn report(&mut self, index: usize, without: Without) -> u64 {
        let note = self.reports.remove(index);
        let writer = note.sent.0.writer;
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
            let Sending { writer, term, .. } = *note.sent.0;
            writers[writer].term == term && writers[writer].awaits_report(&note.sent)
        });
        self.reports.sort_by_key(|note| note.sent.digest());
        self.flights.sort_by_key(Sent::digest);
    }
}
