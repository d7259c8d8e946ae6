//! Checkpoints, one after the other, of histories that go on as they should or not.

use kippu_events::log::{Content, Seal};
use kippu_events::secrets::SigningUse;

use super::*;
use crate::evidence::{TreeHash, compare};

#[test]
fn nothing_new_is_no_new_checkpoint_and_anything_new_is_one() {
    let mut scene = Scene::signed();
    let first = scene.folder().newest().unwrap();
    let again = scene.grow(false).unwrap();
    assert!(!again.is_new && again.signed == first);
    for size in 2..4 {
        scene.go_on(1);
        let grown = scene.grow(false).unwrap();
        assert!(grown.is_new && grown.signed.size() == size);
        assert_eq!(grown.cut, cut_of(&scene.tape));
        assert_eq!(scene.folder().cut(&grown.signed).unwrap(), grown.cut);
        assert!(compare(&first, &grown.signed, Some(&scene.folder())).is_ok());
    }
}

#[test]
fn a_log_of_cuts_is_begun_once_and_on_purpose() {
    let scene = Scene::of(honest(seed(), 20));
    assert!(matches!(scene.grow(false), Err(EvidenceError::NotBegun { .. })));
    scene.grow(true).unwrap();
    assert!(matches!(scene.grow(true), Err(EvidenceError::Begun { .. })));
}

/// More cuts than a tile holds. Shows F28.
#[test]
fn every_earlier_checkpoint_is_a_beginning_of_the_last() {
    let mut scene = Scene::of(honest(seed(), 20));
    let mut all = vec![scene.grow(true).unwrap().signed];
    for n in 0..258 {
        scene.go_on(n % 3);
        all.push(scene.grow(false).unwrap().signed);
    }
    let last = all.last().unwrap();
    for (size, earlier) in (1..).zip(&all) {
        let consistent = compare(earlier, last, Some(&scene.folder())).unwrap();
        assert_eq!(consistent.sizes, [size, 259]);
    }
}

/// A seal is of its location: the history goes on elsewhere with another record of that number.
#[test]
fn a_history_that_moves_goes_on_from_its_checkpoints() {
    let mut scene = Scene::signed();
    let before = scene.folder().newest().unwrap();
    let honest = scene.tape.clone();
    for partition in 0..3 {
        let head = cut_head(&scene.tape, partition);
        let seal = Seal { epoch: head.0, number: head.1 + 1, prev: head.2, acked: head.1, next: "there".to_owned() };
        scene.tape.0[usize::from(partition)].push(Content::Seal(seal).encode().0);
    }
    assert!(!scene.grow(false).unwrap().is_new, "a seal is no part of a tree");
    scene.tape = honest;
    scene.go_on(2);
    let after = scene.grow(false).unwrap().signed;
    assert!(compare(&before, &after, Some(&scene.folder())).is_ok());
}

/// Epoch, number and hash of the last record.
fn cut_head(tape: &Tape, partition: u16) -> (u64, u64, kippu_events::log::Hash) {
    let mut head = None;
    each_record(tape, partition, &|_| {}, &mut |counted| {
        head = Some((counted.head.epoch, counted.head.number, counted.head.hash));
        Ok(true)
    })
    .unwrap();
    head.unwrap()
}

/// Shows F21. Keeps L5.
#[test]
fn a_history_that_was_rewritten_or_cut_off_is_not_signed_and_named_by_place() {
    let mut scene = Scene::signed();
    let (honest, size) = (scene.tape.clone(), cut_of(&scene.tape).0);
    let (partition, number) = scene.rewrite();
    let of = |partition: u16| size[usize::from(partition)].size;
    let rewritten = Fault::Rewritten { partition, size: of(partition), number: Some(number) };
    assert_eq!(fault(scene.grow(false)), rewritten);
    // The tiles still tell: nothing was written over them.
    assert_eq!(fault(scene.grow(false)), rewritten);
    scene.tape = honest.clone();
    for there in (1..of(2)).rev() {
        scene.tape.0[2].pop();
        assert_eq!(fault(scene.grow(false)), Fault::CutOff { partition: 2, size: of(2), there });
    }
    scene.tape = honest;
    scene.tape.0[0][3][9] ^= 1;
    assert!(matches!(fault(scene.grow(false)), Fault::Damage(broken) if (broken.partition, broken.number) == (0, 3)));
    assert_eq!(scene.folder().newest().unwrap().size(), 1, "nothing was signed");
}

/// Trees are true by recomputation.
#[test]
fn tiles_that_are_lost_or_altered_come_back() {
    let mut scene = Scene::signed();
    let partition = scene.path("tiles/partitions/1/tile/0/000.p");
    let width = cut_of(&scene.tape).0[1].size;
    let tile = partition.join(width.to_string());
    let bytes = std::fs::read(&tile).unwrap();
    for damage in [b"".to_vec(), vec![0; bytes.len()]] {
        std::fs::write(&tile, damage).unwrap();
        scene.grow(false).unwrap();
        assert_eq!(std::fs::read(&tile).unwrap(), bytes);
    }
    std::fs::remove_dir_all(scene.path("tiles/partitions")).unwrap();
    scene.go_on(0);
    scene.grow(false).unwrap();
    assert_eq!(std::fs::read(&tile).unwrap(), bytes);
}

#[test]
fn what_lies_in_the_folder_is_not_signed_on_if_it_is_not_ours() {
    let scene = Scene::signed();
    let file = scene.folder().checkpoint_file();
    let strange = Scene { secrets: Secrets::ephemeral(2, LOG), ..Scene::of(scene.tape.clone()) };
    std::fs::write(&file, strange.sign(1, scene.folder().newest().unwrap().root()).to_bytes()).unwrap();
    assert_eq!(fault(scene.grow(false)), Fault::Unsigned(origin(LOG)));
    std::fs::write(&file, scene.sign(1, TreeHash::default()).to_bytes()).unwrap();
    assert!(matches!(fault(scene.grow(false)), Fault::Tiles { .. }));
}

/// Shows F28, F47.
#[test]
fn a_key_that_was_rotated_signs_on_and_the_one_before_still_counts() {
    let mut scene = Scene::signed();
    let before = scene.folder().newest().unwrap();
    scene.go_on(0);
    let after = scene.grow_with(false, 1).unwrap().signed;
    assert!(before.verify(&scene.keys(), &[]).is_ok() && after.verify(&scene.keys(), &[]).is_err());
    let both = Keys::of(vec![scene.key(0), scene.key(1)]);
    assert_eq!(after.verify(&both, &[]).unwrap().signed, [scene.key(1).short()]);
    assert!(compare(&before, &after, Some(&scene.folder())).is_ok());
    assert_ne!(
        scene.secrets.public_key(SigningUse::Checkpoints, 0),
        scene.secrets.public_key(SigningUse::Checkpoints, 1)
    );
}

/// Shows F28. Keeps L5.
#[test]
fn who_signs_two_histories_is_found_whatever_the_sizes_are() {
    let scene = Scene::signed();
    let honest = scene.folder().newest().unwrap();
    let mut other = Scene::of(scene.tape.clone());
    let (partition, _) = other.rewrite();
    let fork = other.grow(true).unwrap().signed;
    assert!(matches!(fault(compare(&honest, &fork, None)), Fault::Equivocation { size: 1, .. }));
    other.go_on(0);
    let later = other.grow(false).unwrap().signed;
    assert!(matches!(fault(compare(&honest, &later, Some(&other.folder()))), Fault::Fork { before: 1, after: 2, .. }));
    assert!(compare(&later, &honest, Some(&scene.folder())).is_err(), "tiles of another log prove nothing");
    // A log of cuts that goes on, by a cut that does not.
    let mut liar =
        Scene { dir: tempfile::tempdir().unwrap(), secrets: Secrets::ephemeral(1, LOG), tape: scene.tape.clone() };
    liar.grow(true).unwrap();
    let size = cut_of(&liar.tape).0[usize::from(partition)].size;
    liar.rewrite();
    let cut = cut_of(&liar.tape);
    let mut cuts = Frontier::default();
    for cut in [cut_of(&scene.tape), cut.clone()] {
        cuts.push(cut.leaf(), &mut |_, _| Ok::<_, ()>(())).unwrap();
    }
    liar.folder().cuts().write_edge(&cuts).unwrap();
    liar.folder().add_entry(&liar.folder().cuts(), 1, &cut).unwrap();
    let contradiction = liar.sign(2, cuts.root().unwrap());
    let rewritten = Scene::of(liar.tape.clone());
    rewritten.grow(true).unwrap();
    std::fs::remove_dir_all(liar.path("tiles/partitions")).unwrap();
    std::fs::rename(rewritten.path("tiles/partitions"), liar.path("tiles/partitions")).unwrap();
    let found = fault(compare(&honest, &contradiction, Some(&liar.folder())));
    assert_eq!(found, Fault::Rewritten { partition, size, number: None });
}

#[test]
fn a_checkpoint_of_another_log_is_named() {
    let scene = Scene::signed();
    let ours = scene.folder().newest().unwrap();
    let key = Key { name: "kippu/00000000000000000000000000000001".to_owned(), ..scene.key(0) };
    let sign = |message: &[u8]| scene.secrets.sign(SigningUse::Checkpoints, 0, message);
    let theirs = Signed::new(1, ours.root(), &Signer { key, sign: &sign, at: Time::default() }).unwrap();
    assert!(matches!(fault(compare(&ours, &theirs, None)), Fault::OtherLog { theirs, .. } if theirs.ends_with("0001")));
}
