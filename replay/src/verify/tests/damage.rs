//! Changed bytes, missing, added and moved records, and cut tails.

use kippu_events::log::{Commit, Content, Record};
use rand::Rng as _;

use super::sample::{NOWHERE, PARTITIONS, SampleLog, Tape, event, honest, registered, seed};
use crate::evidence::tests::cut_of;
use crate::verify::{Damage, Options, Report, verify};
use kippu_events::access::users::{Charging, User};

fn check(tape: &Tape) -> Report {
    verify(tape, &Options::default())
}

/// The damage of the only damaged partition.
fn only_damage(report: &Report, partition: u16) -> &Damage {
    assert!(!report.sound, "{report}");
    for other in report.partitions.iter().filter(|p| p.partition != partition) {
        assert_eq!(other.damage, None, "{report}");
    }
    report.partitions[usize::from(partition)].damage.as_ref().unwrap_or_else(|| panic!("{report}"))
}

fn is_commit(stored: &[u8]) -> bool {
    matches!(Record::decode(stored).unwrap().content, Content::Commit(_))
}

#[test]
fn an_honest_history_is_sound() {
    let tape = honest(seed(), 400);
    let report = check(&tape);
    assert!(report.sound, "{report}");
    assert_eq!(report.totals.records, tape.0.iter().map(|records| records.len() as u64).sum::<u64>());
    assert!(report.to_string().ends_with("verify: sound"));
}

/// Shows F21. Keeps L5.
#[test]
fn any_byte_changed_is_found_by_partition_and_number() {
    let seed = seed();
    let tape = honest(seed, 200);
    let mut rng = SampleLog::new(seed).rng;
    for _ in 0..100 {
        let partition = rng.random_range(0..PARTITIONS);
        let number = rng.random_range(0..tape.0[usize::from(partition)].len());
        let mut forged = tape.clone();
        let stored = &mut forged.0[usize::from(partition)][number];
        let byte = rng.random_range(0..stored.len());
        stored[byte] ^= rng.random_range(1..=255_u8);
        let report = check(&forged);
        assert_eq!(only_damage(&report, partition).number, number as u64, "byte {byte}: {report}");
    }
}

/// A change with a fitting digest is found by the next commit, or, where there is none, by a checkpoint.
/// Keeps L5.
#[test]
fn a_byte_changed_with_its_digest_made_to_fit_is_found() {
    let seed = seed();
    let tape = honest(seed, 200);
    let checkpoint = cut_of(&tape);
    let mut rng = SampleLog::new(seed).rng;
    for _ in 0..100 {
        let partition = rng.random_range(0..PARTITIONS);
        let records = &tape.0[usize::from(partition)];
        let number = rng.random_range(2..records.len());
        let next = (number + 1..records.len() - 1).find(|next| is_commit(&records[*next])).unwrap_or(records.len() - 1);
        let Content::Commit(commit) = Record::decode(&records[number]).unwrap().content else { continue };
        let mut body = commit.body.to_vec();
        let byte = rng.random_range(0..body.len());
        body[byte] ^= rng.random_range(1..=255_u8);
        let mut forged = tape.clone();
        forged.0[usize::from(partition)][number] = Content::Commit(Commit { body: &body, ..commit }).encode().0;
        let report = verify(&forged, &Options { since: Some(&checkpoint), ..Options::default() });
        let found = only_damage(&report, partition).number;
        assert!((number as u64..=next as u64).contains(&found), "record {number}: {report}");
    }
}

/// Keeps L5.
#[test]
fn a_record_that_is_missing_is_found() {
    let tape = honest(seed(), 200);
    for number in 0..tape.0[1].len() - 1 {
        let mut forged = tape.clone();
        forged.0[1][number].clear();
        assert_eq!(only_damage(&check(&forged), 1).number, number as u64);
    }
}

/// A claim says neither its number nor what is before it, so it takes a missing record's place unseen; the commit behind
/// it does not.
#[test]
fn a_record_that_is_missing_is_found_when_those_behind_it_moved_up() {
    let tape = honest(seed(), 200);
    let last = tape.0[1].iter().rposition(|stored| is_commit(stored)).unwrap();
    for number in 0..last {
        let mut forged = tape.clone();
        forged.0[1].remove(number);
        let next = number + forged.0[1][number..].iter().position(|stored| is_commit(stored)).unwrap();
        let found = only_damage(&check(&forged), 1).number;
        assert!((number as u64..=next as u64).contains(&found), "{number} removed, found at {found}");
    }
}

/// Keeps L5.
#[test]
fn two_records_that_changed_places_are_found() {
    let seed = seed();
    let tape = honest(seed, 200);
    let mut rng = SampleLog::new(seed).rng;
    let records = tape.0[2].len();
    for _ in 0..100 {
        let (a, b) = (rng.random_range(0..records), rng.random_range(0..records));
        if a != b {
            let mut forged = tape.clone();
            forged.0[2].swap(a, b);
            let found = only_damage(&check(&forged), 2).number;
            assert!((a.min(b) as u64..=a.max(b) as u64).contains(&found), "{a} and {b} swapped, found at {found}");
        }
    }
}

/// Keeps L5.
#[test]
fn a_record_that_was_added_is_found() {
    let seed = seed();
    let tape = honest(seed, 200);
    let mut rng = SampleLog::new(seed).rng;
    let records = tape.0[0].len();
    for _ in 0..100 {
        let (from, to) = (rng.random_range(0..records), rng.random_range(1..=records));
        let mut forged = tape.clone();
        let copy = forged.0[0][from].clone();
        forged.0[0].insert(to, copy);
        // A copy next to its original is told from it by nobody, and a claim by the record behind it.
        let found = only_damage(&check(&forged), 0).number;
        assert!((to as u64..=to as u64 + 1).contains(&found), "{from} copied to {to}, found at {found}");
    }
}

/// Keeps L5.
#[test]
fn a_tail_cut_off_is_found_by_a_checkpoint() {
    let tape = honest(seed(), 200);
    let checkpoint = cut_of(&tape);
    let mut cut = tape;
    for lost in 1..20 {
        cut.0[1].pop();
        assert!(check(&cut).sound, "nothing else shows a cut tail");
        let report = verify(&cut, &Options { since: Some(&checkpoint), ..Options::default() });
        let damage = only_damage(&report, 1);
        assert_eq!((damage.number, damage.field.as_str()), (cut.0[1].len() as u64, "checkpoint"), "{lost} lost");
    }
}

/// Keeps L5.
#[test]
fn a_rewritten_history_is_found_by_a_checkpoint() {
    let tape = honest(seed(), 100);
    let checkpoint = cut_of(&tape);
    let (partition, number) = tape.find("\"quantity\":2");
    let mut forged = tape;
    forged.edit(partition, number, |body| body.replace("\"quantity\":2", "\"quantity\":3"));
    forged.rechain(partition, number);
    assert!(check(&forged).sound, "every hash fits again");
    let report = verify(&forged, &Options { since: Some(&checkpoint), ..Options::default() });
    assert_eq!(only_damage(&report, partition).field, "checkpoint");
}

#[test]
fn a_genesis_of_another_log_partition_or_count_is_refused() {
    let tape = honest(seed(), 20);
    let mut other = tape.clone();
    other.0.swap(0, 1);
    let report = check(&other);
    assert_eq!(report.totals.damaged, 2, "{report}");
    let mut fewer = tape.clone();
    fewer.0.pop();
    let report = check(&fewer);
    assert!(report.partitions.iter().all(|p| p.damage.as_ref().is_some_and(|d| d.field == "partitions")), "{report}");
    let mut headless = tape;
    headless.0[0].clear();
    assert_eq!(only_damage(&check(&headless), 0).number, 0);
}

#[test]
fn an_event_that_current_code_cannot_decode_is_damage_with_its_field() {
    let tape = honest(seed(), 100);
    for (from, to, field) in [
        ("\"schemaversion\":1", "\"schemaversion\":0", "schemaversion"),
        ("\"quantity\":2", "\"quantity\":-2", "data"),
        ("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\"", "specversion"),
        ("\"subject\":\"approvals/", "\"subject\":\"approvals", "subject"),
        ("\"time\":\"2027", "\"time\":\"20x7", "time"),
        ("[{", "[", "body"),
    ] {
        let (partition, number) = tape.find("approval.issued");
        let mut forged = tape.clone();
        forged.edit(partition, number, |body| body.replacen(from, to, 1));
        forged.rechain(partition, number);
        let report = check(&forged);
        let damage = only_damage(&report, partition);
        assert_eq!((damage.number, damage.field.as_str()), (number as u64, field), "{report}");
    }
}

#[test]
fn what_a_later_version_has_written_is_no_damage_and_not_called_sound() {
    let tape = honest(seed(), 100);
    for (from, to, field) in [
        ("\"approval.issued\"", "\"approval.granted\"", "type"),
        ("\"schemaversion\":1", "\"schemaversion\":2", "schemaversion"),
        ("\"subject\":\"approvals/", "\"subject\":\"vouchers/", "subject"),
        ("\"subject\":", "\"futurity\":\"0-1.0\",\"subject\":", "body"),
    ] {
        let (partition, number) = tape.find("approval.issued");
        let mut later = tape.clone();
        later.edit(partition, number, |body| body.replacen(from, to, 1));
        later.rechain(partition, number);
        let report = check(&later);
        let newer = report.partitions[usize::from(partition)].newer.clone().expect("it is told");
        assert_eq!((newer.number, newer.field.as_str()), (number as u64, field), "{report}");
        assert_eq!((report.totals.damaged, report.sound, report.is_only_newer()), (0, false, true), "{report}");
    }
}

/// Keeps L5.
#[test]
fn an_unknown_event_that_was_put_into_a_chain_is_damage_where_the_chain_breaks() {
    let tape = honest(seed(), 100);
    let (partition, number) = tape.find("approval.issued");
    let mut forged = tape.clone();
    forged.edit(partition, number, |body| body.replacen("\"approval.issued\"", "\"approval.granted\"", 1));
    let report = check(&forged);
    let next = only_damage(&report, partition).number;
    assert!(next > number as u64 && !report.is_only_newer(), "{report}");
}

#[test]
fn a_chain_that_names_another_head_is_damage_in_field_prev() {
    let mut sample = SampleLog::new(seed());
    let user = sample.id();
    let (partition, number) = sample.commit(vec![event::<User>(user, registered(1, Charging::AtSettlement))]);
    let mut tape = sample.tape;
    let stored = &mut tape.0[usize::from(partition)][usize::try_from(number).unwrap()];
    let Content::Commit(commit) = Record::decode(stored).unwrap().content else { panic!("a commit") };
    *stored = Content::Commit(Commit { prev: NOWHERE, ..commit }).encode().0;
    let report = check(&tape);
    let damage = only_damage(&report, partition);
    assert_eq!((damage.number, damage.field.as_str()), (number, "prev"));
}
