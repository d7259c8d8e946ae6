//! Gate: does this version of kippu make the same of an old history as the version before it? It folds every entity and every
//! view, holds the rules, and compares with what was written down of that history then. What a version has declared to be otherwise –
//! another revision of states or rows – is not compared, and said.

mod fold;
mod made;
#[cfg(test)]
mod tests;

pub use fold::{Entity, Folded, entities};
pub use made::{Compared, Difference, EntityMade, FamilyMade, Made, NotMade, ViewMade};
