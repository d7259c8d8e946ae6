//! The names of families, from the list.

macro_rules! names {
    ($($(#[$about:meta])* $family:ident = $code:literal, $name:literal, $state:ty;)*) => {
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

            /// The family of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$family),)*
                    _ => None,
                }
            }

            /// The byte that names the family in the keys of caches.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$family => $code,)*
                }
            }

            /// The family of this code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$family),)*
                    _ => None,
                }
            }
        }
    };
}

families!(names);

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
