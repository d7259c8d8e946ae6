//! Area `placement`: views of data replicas.

pub mod placements;
