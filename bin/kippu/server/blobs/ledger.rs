//! Who has uploaded how much. Counted are the blobs that callers of a role have uploaded to this node, each once, and that are
//! still there, together with what is on its way; a blob that callers of two roles uploaded counts for both.
//!
//! It is kept in a file of lines, `role size sha256`. Losing it loses the count and nothing else.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kippu_actors::problem::Problem;
use kippu_events::access::Role;
use kippu_events::blobs::{BlobId, Kept};
use kippu_events::whole::write_whole;

use super::QUOTA_EXCEEDED;

type Owned = BTreeMap<(Role, BlobId), u64>;

/// See the module.
pub(crate) struct Ledger {
    file: PathBuf,
    quotas: BTreeMap<Role, u64>,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    owned: Owned,
    /// Of what is owned, and what is on its way.
    sums: BTreeMap<Role, u64>,
}

impl Ledger {
    /// The ledger in `file`, which need not be there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn open(file: &Path, quotas: &BTreeMap<Role, u64>) -> io::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", file.display()))),
        };
        let mut counted = Counted::default();
        // A line that was torn by a crash counts for nobody.
        for (role, id, size) in text.lines().filter_map(read) {
            counted.own(role, id, size);
        }
        Ok(Self { file: file.to_owned(), quotas: quotas.clone(), counted: Mutex::new(counted) })
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        // Sums and entries change together.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for so many bytes of the blob `id` of a caller of `role`. One that counts for that role already takes none.
    ///
    /// # Errors
    /// [`QUOTA_EXCEEDED`].
    pub(super) fn reserve(self: &Arc<Self>, role: Role, id: BlobId, bytes: u64) -> Result<Room, Problem> {
        let is_counted = self.lock().owned.contains_key(&(role, id));
        let mut room = Room { ledger: Arc::clone(self), role, is_counted, bytes: 0 };
        room.grow_to(bytes)?;
        Ok(room)
    }

    /// The blobs that count for somebody.
    pub(super) fn blobs(&self) -> HashSet<BlobId> {
        self.lock().owned.keys().map(|(_, id)| *id).collect()
    }

    /// Nobody is charged for `gone` any more. Blocks.
    ///
    /// # Errors
    /// Where the file cannot be written; until the next start it is so all the same.
    pub(super) fn forget(&self, gone: &HashSet<BlobId>) -> io::Result<()> {
        let mut counted = self.lock();
        let before = counted.owned.len();
        let Counted { owned, sums } = &mut *counted;
        owned.retain(|(role, id), size| {
            let stays = !gone.contains(id);
            if !stays && let Some(sum) = sums.get_mut(role) {
                *sum = sum.saturating_sub(*size);
            }
            stays
        });
        if counted.owned.len() == before {
            return Ok(());
        }
        let mut text = String::new();
        for ((role, id), size) in &counted.owned {
            line(&mut text, *role, *id, *size);
        }
        write_whole(&self.file, text.as_bytes(), 0o600)
    }
}

impl Counted {
    /// Adds a blob. Whether it was not there before.
    fn own(&mut self, role: Role, id: BlobId, size: u64) -> bool {
        let is_new = self.owned.insert((role, id), size).is_none();
        if is_new {
            *self.sums.entry(role).or_default() += size;
        }
        is_new
    }
}

/// Room for a blob that is on its way. Dropped, it is free again.
pub(super) struct Room {
    ledger: Arc<Ledger>,
    role: Role,
    is_counted: bool,
    bytes: u64,
}

impl Room {
    /// The blob has at least so many bytes.
    ///
    /// # Errors
    /// [`QUOTA_EXCEEDED`].
    pub(super) fn grow_to(&mut self, bytes: u64) -> Result<(), Problem> {
        let more = if self.is_counted { 0 } else { bytes.saturating_sub(self.bytes) };
        let mut counted = self.ledger.lock();
        let sum = counted.sums.entry(self.role).or_default();
        if let Some(quota) = self.ledger.quotas.get(&self.role)
            && sum.saturating_add(more) > *quota
        {
            let (role, sum) = (self.role.name(), *sum);
            let detail = format!("callers of the role {role} may keep {quota} bytes here, and {sum} are in use");
            return Err(Problem::new(&QUOTA_EXCEEDED, detail));
        }
        *sum += more;
        self.bytes += more;
        Ok(())
    }

    /// The blob is there. Blocks.
    ///
    /// # Errors
    /// Where that cannot be noted; until the next start it counts all the same.
    pub(super) fn keep(self, kept: Kept) -> io::Result<()> {
        let ledger = Arc::clone(&self.ledger);
        let mut counted = ledger.lock();
        let is_new = counted.own(self.role, kept.id, kept.size);
        let mut text = String::new();
        line(&mut text, self.role, kept.id, kept.size);
        // Under the lock, so that it is not lost where the file is written anew at the same time.
        let noted = if is_new { append(&ledger.file, text.as_bytes()) } else { Ok(()) };
        drop(counted);
        noted
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(sum) = self.ledger.lock().sums.get_mut(&self.role) {
            *sum = sum.saturating_sub(self.bytes);
        }
    }
}

fn line(text: &mut String, role: Role, id: BlobId, size: u64) {
    // Writing to a string cannot fail.
    let _written = writeln!(text, "{} {size} {id}", role.name());
}

fn read(line: &str) -> Option<(Role, BlobId, u64)> {
    let mut words = line.split(' ');
    let (role, size, id) = (words.next()?, words.next()?, words.next()?);
    let role = Role::ALL.into_iter().find(|known| known.name() == role)?;
    Some((role, id.parse().ok()?, size.parse().ok()?))
}

fn append(file: &Path, line: &[u8]) -> io::Result<()> {
    File::options().create(true).append(true).mode(0o600).open(file)?.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(file: &Path) -> Arc<Ledger> {
        Arc::new(Ledger::open(file, &[(Role::Shop, 10)].into()).unwrap())
    }

    fn kept(bytes: &[u8]) -> Kept {
        Kept { id: BlobId::of(bytes), size: bytes.len() as u64, was_there: false }
    }

    /// Shows F46.
    #[test]
    fn a_role_has_its_quota_over_starts_and_gets_back_what_was_not_kept_or_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("blob-owners");
        let ledger = open(&file);
        let refused = |ledger: &Arc<Ledger>, bytes| {
            ledger.reserve(Role::Shop, BlobId::of(b"new"), bytes).err().map(|problem| problem.kind.slug)
                == Some("quota-exceeded")
        };
        let (six, new) = (BlobId::of(b"sixsix"), BlobId::of(b"new"));
        let room = ledger.reserve(Role::Shop, six, 6).unwrap();
        assert!(refused(&ledger, 5), "what is on its way counts");
        assert!(ledger.reserve(Role::Operator, new, 5_000).is_ok(), "no other role's");
        room.keep(kept(b"sixsix")).unwrap();
        assert!(refused(&ledger, 5));
        drop(ledger.reserve(Role::Shop, new, 4).unwrap());
        let mut room = ledger.reserve(Role::Shop, new, 1).unwrap();
        assert!(room.grow_to(4).is_ok() && room.grow_to(5).is_err());
        drop(room);
        ledger.reserve(Role::Shop, six, 6).unwrap().keep(kept(b"sixsix")).unwrap();
        assert!(!refused(&ledger, 4), "the same blob counts once");

        append(&file, b"shop 99 torn").unwrap();
        let ledger = open(&file);
        assert!(refused(&ledger, 5) && !refused(&ledger, 4));
        assert_eq!(ledger.blobs(), [six].into());
        ledger.forget(&[six].into()).unwrap();
        for ledger in [ledger, open(&file)] {
            assert!(!refused(&ledger, 10));
        }
    }
}
