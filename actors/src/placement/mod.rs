//! Area `placement`: commands of data replicas.

pub mod placements;
