//! Trees that grow in one pass, and the tiles that they leave behind.

use std::collections::BTreeSet;

use tlog_tiles::{
    Hash, HashReader, Tile, TileHashReader, prove_record, record_hash, stored_hashes_for_record_hash, tree_hash,
};

use super::super::tiles::Tiles;
use super::*;

/// Hashes as the library stores them: all of them, in a list.
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

fn leaf(n: u64) -> Hash {
    record_hash(&n.to_be_bytes())
}

fn grown(size: u64, tiles: &Tiles) -> Frontier {
    let mut tree = Frontier::default();
    for n in 0..size {
        tree.push(leaf(n), &mut |tile, bytes| tiles.write(tile, bytes)).unwrap();
    }
    tiles.write_edge(&tree).unwrap();
    tree
}

/// Sizes around those at which a tile, and a tile of tiles, is full.
const SIZES: [u64; 12] = [1, 2, 3, 128, 255, 256, 257, 511, 512, 513, 1_000, 1_025];

#[test]
fn a_tree_in_one_pass_has_the_root_and_the_tiles_of_the_library() {
    let mut stored = Stored(Vec::new());
    let (mut tree, mut full) = (Frontier::default(), Vec::new());
    for n in 0..=1_025 {
        assert_eq!(tree.root().unwrap(), tree_hash(n, &stored).unwrap());
        if SIZES.contains(&n) {
            let edge = tree.partial().map(|(tile, bytes)| (tile, bytes.to_vec()));
            let ours: Vec<(Tile, Vec<u8>)> = full.iter().cloned().chain(edge).collect();
            let theirs = Tile::new_tiles(8, 0, n);
            assert_eq!(ours.len(), theirs.len());
            for (tile, bytes) in ours {
                assert!(theirs.contains(&tile), "{tile:?} of {n}");
                assert_eq!(bytes, tile.read_data(&stored).unwrap(), "{tile:?} of {n}");
            }
        }
        let hashes = stored_hashes_for_record_hash(n, leaf(n), &stored).unwrap();
        stored.0.extend(hashes);
        tree.push(leaf(n), &mut |tile, bytes| {
            full.push((tile, bytes.to_vec()));
            Ok::<_, ()>(())
        })
        .unwrap();
    }
}

/// As the specification draws it. Shows F28.
#[test]
fn a_tree_of_70000_is_the_tiles_that_c2sp_names() {
    let dir = tempfile::tempdir().unwrap();
    let tiles = Tiles::new(dir.path().to_owned());
    let root = grown(70_000, &tiles).root().unwrap();
    let mut paths = BTreeSet::new();
    let mut folders = vec![dir.path().join("tile")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                paths.insert(path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let full = (0..273).map(|n| format!("tile/0/{n:03}"));
    let edge = ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"].map(str::to_owned);
    assert_eq!(paths, full.chain(edge).collect());
    assert!(std::fs::read_to_string(dir.path().join("tile/0/000")).is_err());
    assert_eq!(std::fs::read(dir.path().join("tile/0/000")).unwrap().len(), 8_192);
    let reader = TileHashReader::new(70_000, root, &tiles);
    for n in [0, 255, 256, 65_535, 65_536, 69_999] {
        let proof = prove_record(70_000, n, &reader).unwrap();
        tlog_tiles::check_record(&proof, 70_000, root, n, leaf(n)).unwrap();
    }
}

#[test]
fn a_tree_goes_on_from_its_tiles_as_if_it_had_never_stopped() {
    for size in SIZES {
        let dir = tempfile::tempdir().unwrap();
        let tiles = Tiles::new(dir.path().to_owned());
        let root = grown(size, &tiles).root().unwrap();
        let mut again = Frontier::resume(size, &TileHashReader::new(size, root, &tiles)).unwrap();
        again.push(leaf(size), &mut |_, _| Ok::<_, ()>(())).unwrap();
        let other = tempfile::tempdir().unwrap();
        assert_eq!(
            again.root().unwrap(),
            grown(size + 1, &Tiles::new(other.path().to_owned())).root().unwrap(),
            "{size}"
        );
    }
}

/// Tiles are believed only as far as the root that somebody has signed reaches.
#[test]
fn a_changed_tile_is_found_by_whoever_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let tiles = Tiles::new(dir.path().to_owned());
    let root = grown(600, &tiles).root().unwrap();
    for name in ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"] {
        let path = dir.path().join(name);
        let bytes = std::fs::read(&path).unwrap();
        let mut other = bytes.clone();
        other[40] ^= 1;
        std::fs::write(&path, other).unwrap();
        let reader = TileHashReader::new(600, root, &tiles);
        assert!([0, 599].into_iter().any(|n| prove_record(600, n, &reader).is_err()), "{name}");
        std::fs::write(&path, bytes).unwrap();
    }
}
