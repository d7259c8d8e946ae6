//! Tests of one partition's state: no broker, only records.

use std::sync::mpsc::sync_channel;

use super::*;
use crate::log::LogId;
use crate::log::record::Commit;

const GENESIS: Genesis = Genesis { log: LogId([1; 16]), partition: 0, partitions: 1 };

/// A partition that has read `contents`, one after the other.
fn state(contents: &[Content<'_>]) -> PartitionState {
    let mut state = PartitionState::new(GENESIS);
    read(&mut state, std::iter::once(Content::Genesis(GENESIS)).chain(contents.iter().cloned()));
    state
}

fn read<'a>(state: &mut PartitionState, contents: impl IntoIterator<Item = Content<'a>>) {
    for content in contents {
        let offset = state.offset;
        state.take(Entry { offset, stored: content.encode().0 });
    }
}

fn claimant() -> Claimant {
    Claimant { node: "ours".to_owned(), url: String::new() }
}

fn claim(epoch: u64) -> Content<'static> {
    Content::Claim(Claim { epoch, nonce: [2; 16], node: format!("n{epoch}"), url: String::new() })
}

fn commit(head: Head, body: &[u8]) -> Content<'_> {
    let Head { epoch, number, hash, .. } = head;
    Content::Commit(Commit { epoch, number: number + 1, prev: hash, acked: number, body })
}

#[test]
fn a_record_that_is_damage_halts_the_partition_by_its_offset() {
    let ahead = Commit { epoch: 1, number: 9, prev: Hash::ZERO, acked: 8, body: b"[]" };
    let state = state(&[claim(1), Content::Commit(ahead)]);
    assert!(state.bookmark().is_none(), "nobody goes on from damage");
    assert!(state.halt.is_some_and(|reason| reason.starts_with("offset 2: field number: 9 after 1")));
}

#[test]
fn a_claim_begun_before_the_history_was_read_is_refused() {
    let (reply, _answer) = sync_channel(1);
    let claimed = PartitionState::new(GENESIS).claim(&claimant(), Arc::new(|_| {}), reply).map(|_| ());
    assert!(matches!(claimed, Err(AppendError::Unavailable(_))));
}

#[test]
fn a_partition_goes_on_from_its_bookmark_as_if_it_had_read_everything() {
    let mut whole = state(&[claim(1), claim(1), claim(2)]);
    let first = commit(whole.walk.head().unwrap(), b"[]");
    read(&mut whole, [first.clone(), claim(2)]);
    let stored = whole.bookmark().unwrap().encode();
    let mut resumed = PartitionState::new(GENESIS);
    let (_, digest) = first.encode();
    resumed.restore(Bookmark::decode(&stored).unwrap(), vec![digest]);
    for state in [&mut whole, &mut resumed] {
        let next = commit(state.walk.head().unwrap(), b"[1]");
        read(state, [first.clone(), next, claim(3)]);
        assert_eq!(state.halt, None);
        assert_eq!((state.walk.head().map(|head| (head.epoch, head.number)), state.offset), (Some((3, 5)), 9));
        assert_eq!(state.claimant.as_ref().map(|claimant| &*claimant.node), Some("n3"));
    }
    assert_eq!((whole.walk.head(), whole.bookmark()), (resumed.walk.head(), resumed.bookmark()));
    assert_eq!((0..6).map(|number| resumed.skips.offset_of(number)).collect::<Vec<_>>(), [0, 1, 3, 4, 7, 8]);
}

/// A partition whose writer of this process has claimed it: record 1, at offset 1.
fn owned() -> (PartitionState, Head) {
    let mut state = state(&[]);
    let (reply, granted) = sync_channel(1);
    let NewClaim { stored, head, .. } = state.claim(&claimant(), Arc::new(|_| {}), reply).unwrap();
    state.take(Entry { offset: 1, stored });
    assert_eq!(granted.try_recv().unwrap().unwrap().head, head);
    (state, head)
}

impl PartitionState {
    /// The brokers confirm this record, and its writer is told what it may be told.
    fn confirm(&mut self, epoch: u64, number: u64, offset: u64) -> Vec<Progress> {
        self.delivered(&Delivered { partition: 0, epoch, number, offset });
        self.told()
    }

    fn told(&mut self) -> Vec<Progress> {
        self.settle();
        std::iter::from_fn(|| self.news()).map(|(_, progress)| progress).collect()
    }
}

/// Shows F9.
#[test]
fn a_record_that_the_brokers_confirm_right_behind_the_one_before_counts() {
    let (mut state, _) = owned();
    assert_eq!(state.confirm(1, 2, 2), [Progress::Durable(2)]);
    state.delivered(&Delivered { partition: 0, epoch: 1, number: 3, offset: 3 });
    assert_eq!(state.confirm(1, 4, 4), [Progress::Durable(4)], "what comes together is told together");
    assert_eq!(state.confirm(1, 4, 4), []);
}

/// Shows F9. Keeps L4.
#[test]
fn a_record_that_lies_anywhere_else_counts_only_once_it_was_read_back() {
    let (mut state, head) = owned();
    assert_eq!(state.confirm(1, 2, 3), [], "something else lies at offset 2");
    assert_eq!(state.confirm(1, 3, 4), [], "nothing behind it counts either");
    assert_eq!(state.confirm(2, 2, 2), [], "a writer of another epoch");
    // A deposed writer's, and then ours.
    let stale = Content::Claim(Claim { epoch: 1, nonce: [9; 16], node: "late".to_owned(), url: String::new() });
    let ours = commit(head, b"[]");
    let (_, hash) = ours.encode();
    read(&mut state, [stale, ours]);
    assert_eq!(state.told(), [Progress::Durable(2)]);
    assert_eq!(state.confirm(1, 3, 4), [Progress::Durable(3)], "the next one lies right behind it");
    read(&mut state, [commit(Head { number: 2, hash, ..head }, b"[]"), claim(2)]);
    assert_eq!(state.told(), [Progress::Ended(AppendError::Deposed { epoch: 1, current: 2 })]);
    assert_eq!(state.confirm(1, 4, 6), [], "it has ended");
}

/// Keeps E4.
#[test]
fn ownership_is_proven_by_what_was_confirmed_and_never_beyond_it() {
    let (mut state, _) = owned();
    let writer_end = Arc::clone(&state.owner.as_ref().unwrap().writer_end);
    state.prove(&writer_end, 7, 3);
    assert_eq!(state.told(), [], "offset 2 is not known yet: it may be the claim of another");
    assert_eq!(state.confirm(1, 2, 2), [Progress::Durable(2), Progress::Owned(7)]);
    state.prove(&writer_end, 8, 4);
    assert_eq!(state.told(), []);
    read(&mut state, [claim(2)]);
    assert_eq!(state.told(), [Progress::Ended(AppendError::Deposed { epoch: 1, current: 2 })], "and so it was");
}

/// Keeps E4.
#[test]
fn the_claim_of_another_proves_nothing_to_whom_it_deposes() {
    let (mut state, _) = owned();
    let writer_end = Arc::clone(&state.owner.as_ref().unwrap().writer_end);
    state.prove(&writer_end, 7, 3);
    read(&mut state, [claim(2)]);
    assert_eq!(state.told(), [Progress::Ended(AppendError::Deposed { epoch: 1, current: 2 })]);
}
