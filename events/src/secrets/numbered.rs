//! Keys of one use by number: the newest makes, the older ones go on to check what was made with them.

/// What is numbered, for one use. There is always a newest.
#[derive(Clone)]
pub(super) struct Numbered<T> {
    newest: (u32, T),
    /// Oldest first.
    older: Vec<(u32, T)>,
}

impl<T> Numbered<T> {
    /// A first one.
    pub(super) const fn one(number: u32, it: T) -> Self {
        Self { newest: (number, it), older: Vec::new() }
    }

    /// All of `keys`, which MUST NOT be empty and have growing numbers.
    pub(super) fn oldest_first_from(mut keys: Vec<(u32, T)>) -> Option<Self> {
        if !keys.is_sorted_by(|(one, _), (next, _)| one < next) {
            return None;
        }
        let newest = keys.pop()?;
        Some(Self { newest, older: keys })
    }

    /// The same with `it` as the newest; nothing where there is no further number.
    pub(super) fn with(mut self, it: T) -> Option<Self> {
        let number = self.newest.0.checked_add(1)?;
        self.older.push(std::mem::replace(&mut self.newest, (number, it)));
        Some(self)
    }

    /// The one that new things are made with.
    pub(super) const fn newest(&self) -> (u32, &T) {
        (self.newest.0, &self.newest.1)
    }

    /// The one with this number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.oldest_first().rev().find(|(known, _)| *known == number).map(|(_, it)| it)
    }

    /// All of them, by number.
    pub(super) fn oldest_first(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        self.older.iter().chain(std::iter::once(&self.newest)).map(|(number, it)| (*number, it))
    }

    /// What `make` makes of each, under the same numbers.
    pub(super) fn map<U>(&self, make: impl Fn(&T) -> U) -> Numbered<U> {
        Numbered {
            newest: (self.newest.0, make(&self.newest.1)),
            older: self.older.iter().map(|(number, it)| (*number, make(it))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_makes_and_every_number_finds_its_own() {
        let keys = Numbered::oldest_first_from(vec![(1, "a"), (2, "b"), (7, "c")]).unwrap();
        assert_eq!(keys.newest(), (7, &"c"));
        assert_eq!([1, 2, 7].map(|number| keys.get(number).copied()), [Some("a"), Some("b"), Some("c")]);
        assert_eq!(keys.get(3), None);
        assert_eq!(keys.map(|it| it.len()).get(2), Some(&1));
        let more = keys.with("d").unwrap();
        assert_eq!((more.newest(), more.get(7)), ((8, &"d"), Some(&"c")));
        assert!(Numbered::one(u32::MAX, "z").with("a").is_none());
    }

    #[test]
    fn no_keys_doubled_numbers_and_falling_numbers_are_refused() {
        for keys in [vec![], vec![(1, "a"), (1, "b")], vec![(2, "a"), (1, "b")]] {
            assert!(Numbered::oldest_first_from(keys).is_none());
        }
    }
}
