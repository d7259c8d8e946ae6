//! A cut: how many records each partition has, and the root of the tree over their hashes. Its text is a leaf of the log of
//! cuts: a line for each partition, in order.
//!
//! ```text
//! 0 17 b9Wj0cYMHOqF7MO0Bc6ctLFuSO3XZ5bBEvQpP6ggGd4=
//! 1 3 5OHGAw8kvTUYFXGXOKFb5vJ2j3vHbx7IS2K9mXpUzh8=
//! ```

use std::fmt;
use std::str::FromStr;

use tlog_tiles::{Hash, record_hash};

use super::error::Fault;
use super::{MOST_LEAVES, TreeHash};

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub struct Cut(pub Vec<Tree>);

/// The tree of one partition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tree {
    /// How many records it has. The seal that ends a partition is of its location and not one of them.
    pub size: u64,
    /// Over their hashes.
    pub root: TreeHash,
}

impl Cut {
    /// Its hash as a leaf.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        record_hash(self.to_string().as_bytes())
    }

    /// The tree of `partition`.
    ///
    /// # Errors
    /// There is no such partition.
    pub fn tree(&self, partition: u16) -> Result<Tree, Fault> {
        let last = self.0.len();
        self.0
            .get(usize::from(partition))
            .copied()
            .ok_or_else(|| Fault::Malformed(format!("there is no partition {partition} among {last}")))
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(partition, Tree { size, root })| writeln!(f, "{partition} {size} {root}"))
    }
}

impl FromStr for Cut {
    type Err = Fault;

    /// The one text of a cut, and nothing like it.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let tree = |line: &str| {
            let [_, size, root] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
            let size = size.parse().ok().filter(|size| *size <= MOST_LEAVES)?;
            Some(Tree { size, root: Hash::parse_hash(root).ok()? })
        };
        let cut = text.lines().map(tree).collect::<Option<Vec<_>>>().map(Self);
        let is_its_text = |cut: &Self| !cut.0.is_empty() && cut.to_string() == text;
        cut.filter(is_its_text)
            .ok_or_else(|| Fault::Malformed("it has no cut, a line of partition, size and root each".to_owned()))
    }
}
