//! What a caller can be told when something was not done, as RFC 9457 has it: one documented type for each, listed next to
//! the code that answers with it.

use serde::Serialize;

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

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

impl ProblemType {
    /// The problem document of one occurrence. Its members are in the order in which RFC 9457 names them.
    #[must_use]
    pub fn document(&self, detail: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
        }
        let Self { slug, status, title, .. } = *self;
        // Strings and a number always serialise; an empty body would still hold its status.
        serde_json::to_vec(&Document { r#type: format!("/problems/{slug}"), title, status, detail }).unwrap_or_default()
    }
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
