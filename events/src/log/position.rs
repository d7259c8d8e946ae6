//! Positions and cuts: what an answer reflects, in a form that clients hold and need not understand.

use std::fmt;
use std::str::FromStr;

use super::record::Hash;

/// One record of one partition, with the first bytes of its hash, so that a position of another history is told apart.
/// Written `3-17-5f0c9a1b22d07e44`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// Partition.
    pub partition: u16,
    /// Record number.
    pub number: u64,
    /// First bytes of the record's hash.
    pub mark: [u8; 8],
}

impl Position {
    /// The position of the record `number` with `hash`.
    #[must_use]
    pub fn new(partition: u16, number: u64, hash: &Hash) -> Self {
        let mut mark = [0; 8];
        mark.copy_from_slice(&hash.0[..8]);
        Self { partition, number, mark }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.partition, self.number, data_encoding::HEXLOWER.encode(&self.mark))
    }
}

/// Text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position that this service gave out")]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let mut parts = text.split('-');
        let (Some(partition), Some(number), Some(mark), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAPosition);
        };
        let mark = data_encoding::HEXLOWER.decode(mark.as_bytes()).map_err(|_| NotAPosition)?;
        Ok(Self {
            partition: partition.parse().map_err(|_| NotAPosition)?,
            number: number.parse().map_err(|_| NotAPosition)?,
            mark: mark.try_into().map_err(|_| NotAPosition)?,
        })
    }
}

/// One number per partition: the last record of each that is reflected. Written `17.3.0.…`, in partition order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut(pub Vec<u64>);

impl Cut {
    /// Whether this reflects `position`.
    #[must_use]
    pub fn reaches(&self, position: &Position) -> bool {
        self.0.get(usize::from(position.partition)).is_some_and(|number| *number >= position.number)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, number) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "{number}")?;
        }
        Ok(())
    }
}

impl FromStr for Cut {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        text.split('.').map(str::parse).collect::<Result<_, _>>().map(Self).map_err(|_| NotAPosition)
    }
}
