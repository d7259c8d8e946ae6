//! How a family declares what it can be asked, and why it refuses.

/// The commands of a family: a `Request` with a struct per command, and `COMMANDS`, what the edge, the documentation and
/// the access check know of each.
///
/// ```text
/// commands! {
///     /// A replica is to be placed.
///     Open = "open" New [Operator] "Opens a placement for a replica of some data." {
///         /// Which data; no personal data.
///         label: Name,
///     }
/// }
/// ```
macro_rules! commands {
    ($(
        $(#[$about:meta])*
        $command:ident = $name:literal $target:ident [$($role:ident),+] $summary:literal {
            $($(#[$field_about:meta])* $field:ident: $type:ty,)*
        }
    )+) => {
        /// What callers send.
        #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(tag = "command", content = "body")]
        pub enum Request {
            $(
                #[doc = concat!("See [`", stringify!($command), "`].")]
                #[serde(rename = $name)]
                $command($command),
            )+
        }

        $(
            #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(deny_unknown_fields)]
            $(#[$about])*
            pub struct $command {
                $($(#[$field_about])* pub $field: $type,)*
            }
        )+

        /// The commands, in the order of the documentation.
        pub const COMMANDS: &[$crate::actor::CommandSpec] = &[$(
            $crate::actor::CommandSpec {
                name: $name,
                target: $crate::actor::Target::$target,
                roles: &[$(kippu_events::access::Role::$role),+],
                summary: $summary,
            },
        )+];
    };
}

/// Why a family refuses: `Refused`, whose variants state the fact, and `TYPES`, the problem types that only it has. A
/// variant stands under the problem type that its callers are told: one that others have too, or one of its own with
/// status, slug, title and advice.
///
/// ```text
/// refusals! {
///     shared NOT_FOUND {
///         /// This id opened nothing.
///         Unknown "there is no placement with this id";
///     }
///     own CLOSED = 409 "placement-closed" "The placement is closed" "Open another placement; a closed one stays closed." {
///         /// It is gone.
///         Closed "the placement is closed";
///     }
/// }
/// ```
macro_rules! refusals {
    (
        $(shared $shared:ident {
            $($(#[$shared_about:meta])* $shared_fact:ident $(($($shared_data:tt)*))? $({$($shared_fields:tt)*})?
                $shared_text:literal $(, $shared_argument:expr)*;)+
        })*
        $(own $own:ident = $status:literal $slug:literal $title:literal $advice:literal {
            $($(#[$own_about:meta])* $own_fact:ident $(($($own_data:tt)*))? $({$($own_fields:tt)*})?
                $own_text:literal $(, $own_argument:expr)*;)+
        })*
    ) => {
        /// The rule that said no.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum Refused {
            $($(
                $(#[$shared_about])*
                #[error($shared_text $(, $shared_argument)*)]
                $shared_fact $(($($shared_data)*))? $({$($shared_fields)*})?,
            )+)*
            $($(
                $(#[$own_about])*
                #[error($own_text $(, $own_argument)*)]
                $own_fact $(($($own_data)*))? $({$($own_fields)*})?,
            )+)*
        }

        $(
            #[doc = $title]
            pub static $own: $crate::problem::ProblemType =
                $crate::problem::ProblemType { slug: $slug, status: $status, title: $title, advice: $advice };
        )*

        /// The types of problems that only this family has.
        pub static TYPES: &[&$crate::problem::ProblemType] = &[$(&$own),*];

        impl $crate::problem::Refusal for Refused {
            fn kind(&self) -> &'static $crate::problem::ProblemType {
                match self {
                    $($(Self::$shared_fact { .. })|+ => &$crate::problem::$shared,)*
                    $($(Self::$own_fact { .. })|+ => &$own,)*
                }
            }
        }
    };
}
