//! Classes: ranges that follow one another from zero, each from a bound until below the next.

use num_traits::Zero as _;

use super::fraction::{Decimal, Exact, whole};
use super::rules::{AmountClass, DemandClass, FactorClass, ShareClass, SupplyClass};

/// A range of a table.
pub(super) trait Range {
    /// Its least value.
    fn from(&self) -> Exact;
    /// The least value above it.
    fn below(&self) -> Option<Exact>;
}

macro_rules! range {
    ($($name:ident by $exact:expr),+) => { $(
        impl Range for $name {
            fn from(&self) -> Exact {
                $exact(self.from)
            }

            fn below(&self) -> Option<Exact> {
                self.below.map($exact)
            }
        }
    )+ };
}

range!(
    AmountClass by whole,
    SupplyClass by whole,
    DemandClass by whole,
    FactorClass by whole,
    ShareClass by Decimal::exact
);

/// The class that `value` is in, where bounds are for a whole month and the value is of `share` of it.
pub(super) fn find<'a, R: Range>(classes: &'a [R], value: &Exact, share: &Exact) -> Option<&'a R> {
    classes.iter().rev().find(|class| *value >= class.from() * share)
}

/// What is wrong with the order of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disorder {
    /// There is none.
    Empty,
    /// The first does not begin at zero.
    NotFromZero,
    /// A class does not end above its beginning.
    OutOfOrder,
    /// A class begins before the one ahead of it ends.
    Overlap,
    /// A class begins after the one ahead of it ends.
    Gap,
    /// The last one has an end.
    NoLast,
}

/// Every disorder, with the class and the bound that it is at.
pub(super) fn disorders<R: Range>(classes: &[R]) -> Vec<(Option<usize>, &'static str, Disorder)> {
    let mut found = Vec::new();
    let (Some(first), Some(last)) = (classes.first(), classes.last()) else {
        return vec![(None, "", Disorder::Empty)];
    };
    if !first.from().is_zero() {
        found.push((Some(0), "from", Disorder::NotFromZero));
    }
    if last.below().is_some() {
        found.push((Some(classes.len() - 1), "below", Disorder::NoLast));
    }
    for (index, class) in classes.iter().enumerate() {
        if class.below().is_some_and(|below| below <= class.from()) {
            found.push((Some(index), "below", Disorder::OutOfOrder));
        }
        let Some(next) = classes.get(index + 1) else { continue };
        if next.from() <= class.from() {
            found.push((Some(index + 1), "from", Disorder::OutOfOrder));
        } else {
            match class.below() {
                Some(below) if below < next.from() => found.push((Some(index + 1), "from", Disorder::Gap)),
                Some(below) if below == next.from() => {}
                Some(_) | None => found.push((Some(index + 1), "from", Disorder::Overlap)),
            }
        }
    }
    found
}
