//! What lies beside a history so that others can check it: trees in tiles, and the log of cuts. Nothing of it is secret, and a
//! web server can serve the folder as it is.
//!
//! ```text
//! DIR/checkpoint              the newest checkpoint, signed; written last
//! DIR/keys                    the keys that have signed checkpoints here, one a line: for convenience, nobody trusts them
//! DIR/tile/0/000.p/17         the log of cuts, in tiles
//! DIR/tile/entries/000.p/17   its leaves: the text of each cut, after its length (u16 big-endian)
//! DIR/partitions/3/tile/0/000 the tree of partition 3, in tiles. Its leaves are hashes of records, so they have no entries
//! DIR/LOCK                    held while it grows
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kippu_events::whole::{PLAIN, write_whole};
use tlog_tiles::{Error, Hash, HashReader as _, Tile, TileHashReader, record_hash, stored_hash_index};

use super::cut::{Cut, Tree};
use super::error::{EvidenceError, Fault};
use super::key::Key;
use super::signed::Signed;
use super::tiles::Tiles;
use super::tree::{TILE_HEIGHT, TILE_WIDTH};

/// See the module.
pub struct Folder {
    dir: PathBuf,
}

impl Folder {
    /// The folder at `dir`, whatever is there.
    #[must_use]
    pub const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the newest checkpoint lies.
    #[must_use]
    pub fn checkpoint_file(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }

    fn keys_file(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// The newest checkpoint, if there is one.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn checkpoint(&self) -> Result<Option<Signed>, EvidenceError> {
        let path = self.checkpoint_file();
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(Signed::read(&bytes)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EvidenceError::Io { path, source }),
        }
    }

    /// The same, where there MUST be one.
    ///
    /// # Errors
    /// As there.
    pub fn newest(&self) -> Result<Signed, EvidenceError> {
        self.checkpoint()?.ok_or_else(|| EvidenceError::NotBegun { dir: self.dir.clone() })
    }

    /// The keys that have signed here.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) fn keys(&self) -> Result<Vec<Key>, EvidenceError> {
        let path = self.keys_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(source) => return Err(EvidenceError::Io { path, source }),
        };
        let keys = text.lines().map(str::parse).collect::<Result<Vec<Key>, _>>();
        Ok(keys.map_err(|error| Fault::Malformed(format!("{}: {error}", path.display())))?)
    }

    /// Makes `signed` the newest checkpoint, durably; `key` has signed it.
    pub(super) fn publish(&self, signed: &Signed, key: &Key) -> Result<(), EvidenceError> {
        let mut keys = self.keys()?;
        let write = |path: PathBuf, bytes: &[u8]| {
            write_whole(&path, bytes, PLAIN).map_err(|source| EvidenceError::Io { path, source })
        };
        if !keys.contains(key) {
            keys.push(key.clone());
            let text: String = keys.iter().map(|key| format!("{key}\n")).collect();
            write(self.keys_file(), text.as_bytes())?;
        }
        write(self.checkpoint_file(), &signed.to_bytes())
    }

    /// The tiles of the log of cuts.
    pub(super) fn cuts(&self) -> Tiles {
        Tiles::new(self.dir.clone())
    }

    /// The tiles of `partition`.
    pub(super) fn partition(&self, partition: u16) -> Tiles {
        Tiles::new(self.dir.join("partitions").join(partition.to_string()))
    }

    /// What a proof in the tree of `size` leaves with `root` is made of: `prove` is told where its hashes are.
    pub(super) fn proof(
        &self,
        tiles: &Tiles,
        Tree { size, root }: Tree,
        prove: impl FnOnce(&TileHashReader<'_>) -> Result<Vec<Hash>, Error>,
    ) -> Result<Vec<Hash>, EvidenceError> {
        prove(&TileHashReader::new(size, root, tiles)).map_err(|error| self.fault(error))
    }

    /// What `error` of the library means.
    pub(super) fn fault(&self, error: Error) -> EvidenceError {
        match error {
            Error::InvalidInput(reason) => EvidenceError::Missing(reason),
            other => Fault::Tiles { dir: self.dir.clone(), reason: other.to_string() }.into(),
        }
    }

    /// The cut that `signed` states.
    ///
    /// # Errors
    /// It is not here, or what is here is not what was signed.
    pub fn cut(&self, signed: &Signed) -> Result<Cut, EvidenceError> {
        let tiles = self.cuts();
        let tree = Tree { size: signed.size(), root: signed.root() };
        self.cut_at(&tiles, tree, tree.size - 1)
    }

    /// The cut that is leaf `index` of the log of cuts `tree`.
    pub(super) fn cut_at(&self, tiles: &Tiles, tree: Tree, index: u64) -> Result<Cut, EvidenceError> {
        let read = |reader: &TileHashReader<'_>| reader.read_hashes(&[stored_hash_index(0, index)]);
        let leaf = self.proof(tiles, tree, read)?;
        let within = index % TILE_WIDTH as u64;
        let bundle = entries_tile(index)?;
        let path = tiles.path(bundle);
        let bytes = tiles.read(bundle).map_err(|source| EvidenceError::Io { path: path.clone(), source })?;
        let entry = usize::try_from(within).ok().and_then(|within| entries(&bytes).nth(within));
        let entry = entry.filter(|entry| leaf.first() == Some(&record_hash(entry)));
        let text = entry.and_then(|entry| std::str::from_utf8(entry).ok());
        let other = || Fault::Tiles { dir: self.dir.clone(), reason: format!("{} has another cut", path.display()) };
        Ok(text.ok_or_else(other)?.parse::<Cut>()?)
    }

    /// Writes the cut that is leaf `index` behind those before it, durably.
    pub(super) fn add_entry(&self, tiles: &Tiles, index: u64, cut: &Cut) -> Result<(), EvidenceError> {
        let text = cut.to_string();
        let too_long = |_| EvidenceError::TooLarge(format!("a cut of {} bytes is too long for an entry", text.len()));
        let length = u16::try_from(text.len()).map_err(too_long)?;
        let mut bytes = Vec::new();
        if !index.is_multiple_of(TILE_WIDTH as u64) {
            let before = entries_tile(index - 1)?;
            let path = tiles.path(before);
            bytes = tiles.read(before).map_err(|source| EvidenceError::Io { path, source })?;
            // One that was killed before it signed may have left more there.
            let known = usize::try_from(index).unwrap_or(usize::MAX) % TILE_WIDTH;
            let length = entries(&bytes).take(known).map(|entry| size_of::<u16>() + entry.len()).sum();
            bytes.truncate(length);
        }
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        tiles.write_durably(entries_tile(index)?, &bytes)
    }
}

/// The bundle of entries that ends with entry `index`.
fn entries_tile(index: u64) -> Result<Tile, EvidenceError> {
    let width = u32::try_from(index % TILE_WIDTH as u64 + 1);
    let width = width.map_err(|error| EvidenceError::TooLarge(error.to_string()))?;
    Ok(Tile::new(TILE_HEIGHT, 0, index / TILE_WIDTH as u64, width, true))
}

/// The entries in a bundle.
fn entries(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        bytes = rest;
        Some(entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows F28.
    #[test]
    fn an_entry_that_was_not_signed_gives_way_to_the_one_that_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().to_owned());
        let cut = |size| Cut(vec![Tree { size, root: record_hash(b"root") }]);
        let tiles = folder.cuts();
        for index in [254, 255, 256, 300] {
            for before in index / 256 * 256..index {
                folder.add_entry(&tiles, before, &cut(before + 1)).unwrap();
            }
            folder.add_entry(&tiles, index, &cut(1_000_000)).unwrap();
            folder.add_entry(&tiles, index, &cut(index + 1)).unwrap();
            let bytes = tiles.read(entries_tile(index).unwrap()).unwrap();
            let found: Vec<&[u8]> = entries(&bytes).collect();
            assert_eq!(found.len() as u64, index % 256 + 1, "{index}");
            assert_eq!(found.last().unwrap(), &cut(index + 1).to_string().as_bytes(), "{index}");
        }
    }
}
