//! What callers are for, and so what they may do.

use serde::{Deserialize, Serialize};

macro_rules! roles {
    ($($(#[$about:meta])* $role:ident = $name:literal;)*) => {
        /// What a caller is for, and so what it may do.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Role {
            $($(#[$about])* $role,)*
        }

        impl Role {
            /// Every role.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$role),*];
            /// Every role, by its name on the wire.
            pub const NAMES: [&'static str; [$($name),*].len()] = [$($name),*];

            /// Its name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }
        }
    };
}

roles! {
    /// Runs the service.
    Operator = "operator";
    /// Reads everything that an operator reads, and writes nothing.
    Auditor = "auditor";
    /// Sells, and hands purchase information over.
    Shop = "shop";
    /// Settles what is approved.
    Settler = "settler";
    /// Asks for approvals, for one user or for those who identify themselves.
    Terminal = "terminal";
    /// Knows its subscribers, and approves what they buy.
    Authenticator = "authenticator";
    /// A financial institution that says how its customers pay.
    Reference = "reference";
    /// Runs a main site, whose partner sites show its pages.
    MainSite = "main_site";
    /// Runs a partner site.
    PartnerSite = "partner_site";
    /// An end user, signed in.
    Subscriber = "subscriber";
    /// Anybody: who does not say who they are.
    Guest = "guest";
}

impl Role {
    /// Whether an API client can have it.
    #[must_use]
    pub const fn is_for_clients(self) -> bool {
        match self {
            Self::Operator | Self::Auditor | Self::Shop | Self::Settler | Self::Terminal => true,
            Self::Authenticator
            | Self::Reference
            | Self::MainSite
            | Self::PartnerSite
            | Self::Subscriber
            | Self::Guest => false,
        }
    }

    /// Whether another party can have it.
    #[must_use]
    pub const fn is_for_peers(self) -> bool {
        match self {
            Self::Shop | Self::Settler | Self::Authenticator | Self::Reference | Self::MainSite | Self::PartnerSite => {
                true
            }
            Self::Operator | Self::Auditor | Self::Terminal | Self::Subscriber | Self::Guest => false,
        }
    }
}

/// Some roles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Roles(u32);

impl Roles {
    /// None.
    pub const NONE: Self = Self(0);

    /// One.
    #[must_use]
    pub const fn one(role: Role) -> Self {
        Self(1 << role as u32)
    }

    /// Whether `role` is among them.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & Self::one(role).0 != 0
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | Self::one(role).0))
    }
}

#[test]
fn roles_are_those_that_were_put_in() {
    let some: Roles = [Role::Shop, Role::Guest].into_iter().collect();
    for role in Role::ALL {
        assert_eq!(some.has(role), role == Role::Shop || role == Role::Guest, "{}", role.name());
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        assert!(!Roles::NONE.has(role));
    }
}
