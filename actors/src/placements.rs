//! The decisions of placements.
