//! Names that file systems, desktops and storage put into directories by themselves. They say nothing of whose a directory
//! is, and are left alone wherever it is asked whether one is empty.

use std::ffi::OsStr;

/// Whole names.
const NAMES: [&str; 22] = [
    // File systems and quotas.
    "lost+found",
    "aquota.user",
    "aquota.group",
    "quota.user",
    "quota.group",
    // Snapshots of NFS servers, Btrfs, ZFS and Ceph.
    ".snapshot",
    ".snapshots",
    "~snapshot",
    ".zfs",
    ".snap",
    // Storage boxes.
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "#recycle",
    "#snapshot",
    // Desktops.
    ".DS_Store",
    ".Spotlight-V100",
    ".fseventsd",
    ".Trashes",
    ".TemporaryItems",
    "System Volume Information",
    "$RECYCLE.BIN",
];
/// What begins so: a trash per user, files that are deleted and still open, resource forks.
const BEGINNINGS: [&str; 5] = [".Trash-", ".nfs", ".fuse_hidden", "._", ".gluster"];

/// Whether a file or directory of this name may lie in a directory that nobody uses.
pub(crate) fn is_of_the_system(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| NAMES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_names_are_known_and_nobody_elses() {
        for name in ["lost+found", ".snapshot", ".snapshots", ".Trash-1000", ".nfs0000001", ".DS_Store", "@eaDir"] {
            assert!(is_of_the_system(OsStr::new(name)), "{name}");
        }
        for name in ["thesis.tex", ".bashrc", ".ssh", "snapshot", "Trash-1000"] {
            assert!(!is_of_the_system(OsStr::new(name)), "{name}");
        }
    }
}
