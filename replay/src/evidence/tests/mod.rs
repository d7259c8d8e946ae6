//! Evidence out of histories that a seeded generator writes and a forger changes.

mod bundles;
mod checkpoints;
mod notes;
mod trees;
mod vectors;
mod witnesses;

use std::path::PathBuf;

use kippu_events::Time;
use kippu_events::log::ReadLog;
use kippu_events::secrets::{Secrets, SigningUse};
use tempfile::TempDir;
use tlog_tiles::record_hash;

use super::records::each_record;
use super::{
    Asked, Bundle, Cut, EvidenceError, Fault, Folder, Frontier, Grown, Key, Keys, Kind, Signed, Signer, Tree, export,
    grow, origin,
};
use crate::verify::tests::sample::{LOG, Tape, honest, seed};

/// The cut that `log` is at.
pub(crate) fn cut_of(log: &dyn ReadLog) -> Cut {
    let tree = |partition| {
        let mut frontier = Frontier::default();
        let each = &mut |counted: &super::records::Counted<'_>| {
            frontier.push(record_hash(&counted.head.hash.0), &mut |_, _| Ok(()))
        };
        each_record(log, partition, &|_| {}, &mut |counted| each(counted).map(|()| true)).unwrap();
        Tree { size: frontier.size(), root: frontier.root().unwrap() }
    };
    Cut((0..log.partitions()).map(tree).collect())
}

/// A history, the folder beside it, and who signs.
struct Scene {
    tape: Tape,
    dir: TempDir,
    secrets: Secrets,
}

impl Scene {
    fn of(tape: Tape) -> Self {
        Self { tape, dir: tempfile::tempdir().unwrap(), secrets: Secrets::ephemeral(1, LOG) }
    }

    /// With a first checkpoint of an honest history.
    fn signed() -> Self {
        let scene = Self::of(honest(seed(), 120));
        scene.grow(true).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn folder(&self) -> Folder {
        Folder::new(self.path("tiles"))
    }

    /// The key with this number, as the log's.
    fn key(&self, number: u32) -> Key {
        let key = self.secrets.public_key(SigningUse::Checkpoints, number);
        Key { name: origin(LOG), kind: Kind::Log, key }
    }

    fn keys(&self) -> Keys {
        Keys::of(vec![self.key(0)])
    }

    fn grow(&self, begin: bool) -> Result<Grown, EvidenceError> {
        self.grow_with(begin, 0)
    }

    fn grow_with(&self, begin: bool, number: u32) -> Result<Grown, EvidenceError> {
        let sign = |message: &[u8]| self.secrets.sign(SigningUse::Checkpoints, number, message);
        let signer = Signer { key: self.key(number), sign: &sign, at: Time::default() };
        let own: Vec<Key> = (0..=number).map(|number| self.key(number)).collect();
        grow(&self.tape, &self.folder(), &signer, &own, begin, 2, &|_| {})
    }

    /// A checkpoint with any content, signed as ours.
    fn sign(&self, size: u64, root: super::TreeHash) -> Signed {
        let sign = |message: &[u8]| self.secrets.sign(SigningUse::Checkpoints, 0, message);
        Signed::new(size, root, &Signer { key: self.key(0), sign: &sign, at: Time::default() }).unwrap()
    }

    fn export(&self, asked: &Asked) -> Result<Bundle, EvidenceError> {
        export(&self.tape, &self.folder(), &[], asked, &|_| {})
    }

    /// One thing more happens in `partition`: somebody claims it.
    fn go_on(&mut self, partition: u16) {
        let records = &mut self.tape.0[usize::from(partition)];
        let claims = records.iter().filter(|stored| stored[1] == 2).count() as u64;
        let claim = kippu_events::log::Claim { epoch: claims + 1, nonce: [5; 16], node: "n".into(), url: "u".into() };
        records.push(kippu_events::log::Content::Claim(claim).encode().0);
    }

    /// The history is written anew from a change on, with hashes that fit: what changed, and where.
    fn rewrite(&mut self) -> (u16, u64) {
        let (partition, number) = self.tape.find("\"quantity\":2");
        self.tape.edit(partition, number, |body| body.replace("\"quantity\":2", "\"quantity\":3"));
        self.tape.rechain(partition, number);
        (partition, number as u64)
    }
}

/// The finding that `done` ended with.
fn fault<T>(done: Result<T, EvidenceError>) -> Fault {
    match done {
        Err(EvidenceError::Fault(fault)) => fault,
        Err(error) => panic!("no finding: {error}"),
        Ok(_) => panic!("nothing was found"),
    }
}
