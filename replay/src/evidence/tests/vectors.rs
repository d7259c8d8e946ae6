//! Vectors that others have published: the leaves, roots and proofs with which implementations of Certificate Transparency are
//! tested (`transparency-dev/merkle`, `testonly/constants.go` and `proof/verify_test.go`), and what must not pass.

use data_encoding::HEXLOWER;
use tlog_tiles::{Hash, check_record, check_tree, record_hash};

use crate::evidence::Frontier;

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Subtrees that the proofs are made of.
const LEAF_0: &str = ROOTS[1];
const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const LEAF_6: &str = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f";
const FROM_2_TO_4: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const FROM_4_TO_6: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const FROM_6_TO_8: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const FROM_4_TO_8: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
/// Index, size and proof.
const INCLUSIONS: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (0, 8, &[LEAF_1, FROM_2_TO_4, FROM_4_TO_8]),
    (5, 8, &[LEAF_4, FROM_6_TO_8, ROOTS[4]]),
    (2, 3, &[ROOTS[2]]),
    (1, 5, &[LEAF_0, FROM_2_TO_4, LEAF_4]),
];
/// Both sizes and proof.
const CONSISTENCIES: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (1, 8, &[LEAF_1, FROM_2_TO_4, FROM_4_TO_8]),
    (6, 8, &[FROM_4_TO_6, FROM_6_TO_8, ROOTS[4]]),
    (2, 5, &[FROM_2_TO_4, LEAF_4]),
    (6, 7, &[FROM_4_TO_6, LEAF_6, ROOTS[4]]),
];

fn hash(hex: &str) -> Hash {
    Hash(HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap())
}

fn proof(hashes: &[&str]) -> Vec<Hash> {
    hashes.iter().map(|hex| hash(hex)).collect()
}

fn at(list: &[&'static str], index: u64) -> &'static str {
    list[usize::try_from(index).unwrap()]
}

fn leaf(index: u64) -> Hash {
    record_hash(&HEXLOWER.decode(at(&LEAVES, index).as_bytes()).unwrap())
}

/// What is like `proof` and no proof: each bit of each hash once, one less at either end, one more at either end, the order.
fn wrong(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut wrong = Vec::new();
    for place in 0..proof.len() {
        for bit in 0..256 {
            let mut other = proof.to_vec();
            other[place].0[bit / 8] ^= 1 << (bit % 8);
            wrong.push(other);
        }
    }
    if let ([_, rest @ ..], [before @ .., _]) = (proof, proof) {
        wrong.extend([rest.to_vec(), before.to_vec()]);
    }
    for more in [Hash::default(), hash(ROOTS[0]), hash(ROOTS[8])] {
        wrong.extend([[&[more], proof].concat(), [proof, &[more]].concat()]);
    }
    if proof.len() > 1 {
        wrong.push(proof.iter().rev().copied().collect());
    }
    wrong
}

/// Shows F28.
#[test]
fn trees_have_the_roots_that_others_have_published() {
    let mut tree = Frontier::default();
    for (index, root) in (0..).zip(ROOTS) {
        assert_eq!((tree.size(), tree.root().unwrap()), (index, hash(root)));
        if index < 8 {
            tree.push(leaf(index), &mut |_, _| Err("no tile is full")).unwrap();
        }
    }
}

/// Shows F28.
#[test]
fn published_proofs_of_inclusion_hold_and_nothing_like_them_does() {
    for (index, size, hashes) in INCLUSIONS {
        let (proof, root, leaf) = (proof(hashes), hash(at(&ROOTS, size)), leaf(index));
        check_record(&proof, size, root, index, leaf).unwrap();
        for proof in wrong(&proof) {
            assert!(check_record(&proof, size, root, index, leaf).is_err(), "{index} of {size}: {proof:?}");
        }
        for other in (0..=8).filter(|other| *other != index) {
            assert!(check_record(&proof, size, root, other, leaf).is_err(), "leaf {index} as {other} of {size}");
        }
        for other in ROOTS.iter().map(|root| hash(root)).filter(|other| *other != root) {
            assert!(check_record(&proof, size, other, index, leaf).is_err(), "{index} of {size}, of another root");
        }
        assert!(check_record(&proof, size, root, index, root).is_err() || size == 1, "a root is no leaf");
    }
}

/// Shows F28.
#[test]
fn published_proofs_of_consistency_hold_and_nothing_like_them_does() {
    for (before, after, hashes) in CONSISTENCIES {
        let (proof, [old, new]) = (proof(hashes), [before, after].map(|size| hash(at(&ROOTS, size))));
        check_tree(&proof, after, new, before, old).unwrap();
        for proof in wrong(&proof) {
            assert!(check_tree(&proof, after, new, before, old).is_err(), "{before} to {after}: {proof:?}");
        }
        for (other, root) in (0..).zip(ROOTS).filter(|(size, _)| *size != before) {
            assert!(check_tree(&proof, after, new, before, hash(root)).is_err(), "{before} to {after}, from {other}");
        }
        for (other, root) in (0..).zip(ROOTS).filter(|(size, _)| *size != after) {
            assert!(check_tree(&proof, after, hash(root), before, old).is_err(), "{before} to {after}, to {other}");
        }
    }
}
