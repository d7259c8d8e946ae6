//! What a caller can be told when something was not done, as RFC 9457 has it: one documented type for each, listed beside
//! the code that answers with it.

/// A documented type of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Stable: clients match on it. The `type` member is `/problems/{slug}`.
    pub slug: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The same for every occurrence.
    pub title: &'static str,
    /// What a client should do; a sentence or two for the documentation.
    pub advice: &'static str,
}

/// Statics for problem types, and the list of them all.
#[macro_export]
macro_rules! problem_types {
    (
        $(#[$list_doc:meta])* $list:ident:
        $($(#[$doc:meta])* $name:ident = $status:literal $slug:literal $title:literal $advice:literal;)*
    ) => {
        $(
            $(#[$doc])*
            pub static $name: $crate::problem::ProblemType =
                $crate::problem::ProblemType { slug: $slug, status: $status, title: $title, advice: $advice };
        )*
        $(#[$list_doc])*
        pub static $list: &[&$crate::problem::ProblemType] = &[$(&$name),*];
    };
}
