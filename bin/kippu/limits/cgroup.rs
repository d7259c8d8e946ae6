//! Limits of the control groups that this process is in, as containers and supervisors set them. Version 2 has one tree,
//! version 1 one for each kind of limit.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The lowest limit on the way from this process's group to the root.
pub(super) struct Found {
    pub(super) most: u64,
    /// Where it stands.
    pub(super) file: PathBuf,
}

/// Bytes of memory.
pub(super) fn memory() -> Option<Found> {
    lowest("memory", "memory.max", "memory.limit_in_bytes")
}

/// Threads.
pub(super) fn pids() -> Option<Found> {
    lowest("pids", "pids.max", "pids.max")
}

fn lowest(controller: &str, in_2: &str, in_1: &str) -> Option<Found> {
    let groups = read_to_string("/proc/self/cgroup").ok()?;
    let mut found: Option<Found> = None;
    for (tree, group) in groups.lines().filter_map(|line| place(line, controller)) {
        let (root, name) = match tree {
            Tree::Two => (PathBuf::from(ROOT), in_2),
            Tree::One => (Path::new(ROOT).join(controller), in_1),
        };
        // In a container the group's own path may not be there, but its root is the container's.
        for dir in root.join(group.trim_start_matches('/')).ancestors().take_while(|dir| dir.starts_with(&root)) {
            let file = dir.join(name);
            if let Some(most) = read_to_string(&file).ok().and_then(|text| text.trim().parse().ok())
                && found.as_ref().is_none_or(|found| most < found.most)
            {
                found = Some(Found { most, file });
            }
        }
    }
    found
}

enum Tree {
    One,
    Two,
}

/// The group in a line as `4:memory:/a/b`, or `0::/a/b` in version 2.
fn place<'a>(line: &'a str, controller: &str) -> Option<(Tree, &'a str)> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    if controllers.is_empty() {
        Some((Tree::Two, group))
    } else {
        controllers.split(',').any(|name| name == controller).then_some((Tree::One, group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_group_of_its_controllers() {
        let group = |line| place(line, "memory").map(|(_, group)| group);
        assert_eq!(group("4:memory:/a/b"), Some("/a/b"));
        assert_eq!(group("4:cpu,memory:/a:b"), Some("/a:b"));
        assert_eq!(group("0::/a"), Some("/a"));
        assert_eq!(group("8:pids:/"), None);
    }
}
