//! The names of families. A new one is a line here, and the compiler asks for it wherever families differ.

/// Each with the byte that names it in the keys of caches, and the plural noun that paths and subjects use.
macro_rules! families {
    ($($(#[$about:meta])* $family:ident = $code:literal, $name:literal;)*) => {
        /// A kind of entity.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Family {
            $($(#[$about])* $family,)*
        }

        impl Family {
            /// Every family.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$family,)*];

            /// The plural noun that paths and subjects use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$family => $name,)*
                }
            }

            /// The byte that names the family in the keys of caches.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$family => $code,)*
                }
            }
        }
    };
}

families! {
    /// API clients with scoped keys.
    Clients = 1, "clients";
    /// Subscribers with purchase limits.
    Users = 2, "users";
    /// One-time purchase approvals.
    Approvals = 3, "approvals";
    /// Placements of data replicas.
    Placements = 4, "placements";
}

impl Family {
    /// The family of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// The family of this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_family_is_found_by_its_name_and_its_code_and_by_no_other() {
        for family in Family::ALL {
            assert_eq!(Family::from_name(family.name()), Some(family));
            assert_eq!(Family::from_code(family.code()), Some(family));
        }
        assert_eq!((Family::from_name("client"), Family::from_name(""), Family::from_code(0)), (None, None, None));
        let (names, codes): (BTreeSet<_>, BTreeSet<_>) = Family::ALL.map(|f| (f.name(), f.code())).into_iter().unzip();
        assert_eq!((names.len(), codes.len()), (Family::ALL.len(), Family::ALL.len()));
    }
}
