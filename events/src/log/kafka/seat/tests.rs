//! Tests of one partition's state: no broker, only records.

use std::sync::mpsc::sync_channel;

use super::*;
use crate::log::LogId;
use crate::log::record::Commit;

const GENESIS: Genesis = Genesis { log: LogId([1; 16]), partition: 0, partitions: 1 };

/// A partition that has read `contents`, one after the other.
fn seat(contents: &[Content<'_>]) -> Seat {
    let mut seat = Seat::new(GENESIS);
    read(&mut seat, std::iter::once(Content::Genesis(GENESIS)).chain(contents.iter().cloned()));
    seat
}

fn read<'a>(seat: &mut Seat, contents: impl IntoIterator<Item = Content<'a>>) {
    for content in contents {
        let offset = seat.offset;
        seat.take(Entry { offset, stored: content.encode().0 });
    }
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
    let seat = seat(&[claim(1), Content::Commit(ahead)]);
    assert!(seat.bookmark().is_none(), "nobody goes on from damage");
    assert!(seat.halt.is_some_and(|reason| reason.starts_with("offset 2: field number: 9 after 1")));
}

#[test]
fn a_claim_begun_before_the_history_was_read_is_refused() {
    let (reply, _answer) = sync_channel(1);
    let claimed = Seat::new(GENESIS).claim([0; 16], Arc::new(|_| {}), reply);
    assert!(matches!(claimed, Err(AppendError::Unavailable(_))));
}

#[test]
fn a_partition_goes_on_from_its_bookmark_as_if_it_had_read_everything() {
    let mut whole = seat(&[claim(1), claim(1), claim(2)]);
    let first = commit(whole.head.unwrap(), b"[]");
    read(&mut whole, [first.clone(), claim(2)]);
    let stored = whole.bookmark().unwrap().encode();
    let mut resumed = Seat::new(GENESIS);
    let (_, digest) = first.encode();
    resumed.restore(Bookmark::decode(&stored).unwrap(), [(3, digest)].into_iter());
    for seat in [&mut whole, &mut resumed] {
        let next = commit(seat.head.unwrap(), b"[1]");
        read(seat, [first.clone(), next, claim(3)]);
        assert_eq!(seat.halt, None);
        assert_eq!((seat.head.map(|head| (head.epoch, head.number)), seat.offset), (Some((3, 5)), 9));
        assert_eq!(seat.claimant.as_ref().map(|claimant| &*claimant.node), Some("n3"));
    }
    assert_eq!((whole.head, whole.bookmark()), (resumed.head, resumed.bookmark()));
    assert_eq!((0..6).map(|number| resumed.skips.offset_of(number)).collect::<Vec<_>>(), [0, 1, 3, 4, 7, 8]);
}
