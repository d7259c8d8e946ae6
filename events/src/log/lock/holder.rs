//! Who holds a lock, as far as this process can tell. The lock's file holds the number that the holder has where *it* runs;
//! in a container that is another number than here, mostly 1. The operating system lists locks by the numbers that hold here.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

/// The system's list of locks, without those of processes that have no number here.
const LOCKS: &str = "/proc/locks";

/// The process that holds a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    /// It has this number here.
    Process(u32),
    /// It runs in another container, or on another machine, and calls itself by this number there.
    Outside(u32),
    /// It has just come, and not yet said who it is.
    Unnamed,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid) => write!(f, "process {pid}"),
            Self::Outside(pid) => write!(
                f,
                "a process outside of this container or machine, which is number {pid} where it runs, and not here: whatever \
                 started it there can stop it"
            ),
            Self::Unnamed => f.write_str("another process"),
        }
    }
}

impl Holder {
    /// The holder of `file`, in which it wrote `said`.
    pub(super) fn of(file: &File, said: &str) -> Self {
        let said: Option<u32> = said.trim().parse().ok();
        match (holder_in(std::fs::read_to_string(LOCKS).ok().as_deref(), file), said) {
            (Listed::By(pid), _) => Self::Process(pid),
            (Listed::Nowhere, Some(pid)) => Self::Outside(pid),
            (Listed::Unknown, Some(pid)) => Self::Process(pid),
            (Listed::Nowhere | Listed::Unknown, None) => Self::Unnamed,
        }
    }
}

/// What the system's list says of a lock.
#[derive(PartialEq, Eq, Debug)]
enum Listed {
    By(u32),
    /// It is not listed, though it is held.
    Nowhere,
    /// There is no list.
    Unknown,
}

fn holder_in(list: Option<&str>, file: &File) -> Listed {
    match (list, file.metadata()) {
        (Some(list), Ok(about)) => listed(list, about.dev(), about.ino()),
        (None, _) | (_, Err(_)) => Listed::Unknown,
    }
}

/// As `1: FLOCK  ADVISORY  WRITE 2564 fe:00:10035209 0 EOF`.
fn listed(list: &str, device: u64, inode: u64) -> Listed {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let here = format!("{major:02x}:{minor:02x}:{inode}");
    let mut other = Listed::Nowhere;
    for line in list.lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (Some("FLOCK"), Some(_), Some("WRITE")) = (words.next(), words.next(), words.next()) else { continue };
        let (Some(pid), Some(place)) = (words.next(), words.next()) else { continue };
        let Ok(pid @ 1..) = pid.parse() else { continue };
        if place == here {
            return Listed::By(pid);
        }
        // Some file systems are listed by another device than the one that their files tell.
        if place.rsplit(':').next().is_some_and(|found| found.parse() == Ok(inode)) {
            other = Listed::By(pid);
        }
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str =
        "1: FLOCK  ADVISORY  WRITE 2564 fe:00:10035209 0 EOF\n2: POSIX  ADVISORY  WRITE 7 fe:00:12 0 EOF\n";

    #[test]
    fn a_lock_is_its_processes_that_the_system_lists_and_none_of_here_where_it_lists_none() {
        let device = rustix::fs::makedev(0xfe, 0);
        assert_eq!(listed(LIST, device, 10_035_209), Listed::By(2564));
        assert_eq!(listed(LIST, 7, 10_035_209), Listed::By(2564));
        assert_eq!(listed(LIST, device, 12), Listed::Nowhere);
        assert_eq!(listed("", device, 12), Listed::Nowhere);
        let two = format!("3: FLOCK  ADVISORY  WRITE 9 08:01:10035209 0 EOF\n{LIST}");
        assert_eq!(listed(&two, device, 10_035_209), Listed::By(2564), "the same number on another file system");
        assert_eq!(holder_in(None, &tempfile::tempfile().unwrap()), Listed::Unknown);
    }
}
