//! Who calls, as whoever let the call in has established it.

use super::roles::{Role, Roles};
use crate::entity::EntityKey;
use crate::id::EntityId;
use crate::principal::{Principal, ReactionName};

/// Who gives a command or asks a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// As events name it.
    pub principal: Principal,
    /// What grants are given to. Deadlines, reactions and activities have none: nothing is granted to them, they give only
    /// commands that no caller can send.
    pub roles: Roles,
    /// The user who calls, or whose identification is stored in the calling terminal.
    pub user: Option<EntityId>,
    /// The entity whose capability the caller holds.
    pub holds: Option<EntityKey>,
}

impl Caller {
    /// Somebody with the data folder in hand.
    pub const OPERATOR: Self = Self::new(Principal::Operator, Roles::one(Role::Operator));
    /// The node itself, for a deadline that passed.
    pub const DEADLINE: Self = Self::new(Principal::Deadline, Roles::NONE);
    /// The node itself, for an activity that came to an end.
    pub const ACTIVITY: Self = Self::new(Principal::Activity, Roles::NONE);
    /// Somebody who does not say who they are.
    pub const GUEST: Self = Self::new(Principal::Guest, Roles::one(Role::Guest));

    const fn new(principal: Principal, roles: Roles) -> Self {
        Self { principal, roles, user: None, holds: None }
    }

    /// The node itself, because of an event of another entity.
    #[must_use]
    pub const fn of_reaction(name: ReactionName) -> Self {
        Self::new(Principal::Reaction(name), Roles::NONE)
    }

    /// An API client.
    #[must_use]
    pub const fn of_client(id: EntityId, role: Role, user: Option<EntityId>) -> Self {
        Self { user, ..Self::new(Principal::Client(id), Roles::one(role)) }
    }

    /// Another party.
    #[must_use]
    pub const fn of_peer(id: EntityId, roles: Roles) -> Self {
        Self::new(Principal::Peer(id), roles)
    }

    /// An end user, signed in.
    #[must_use]
    pub const fn of_user(id: EntityId) -> Self {
        Self { user: Some(id), ..Self::new(Principal::User(id), Roles::one(Role::Subscriber)) }
    }

    /// Somebody who does not say who they are, and holds the capability of `entity`.
    #[must_use]
    pub const fn holder_of(entity: EntityKey) -> Self {
        Self { holds: Some(entity), ..Self::GUEST }
    }

    /// The calling API client or peer, where one calls.
    #[must_use]
    pub const fn party(&self) -> Option<EntityId> {
        self.principal.party()
    }

    /// Whether another party calls: it has a role here as some of this party's own API clients have, and is none of them.
    #[must_use]
    pub const fn is_peer(&self) -> bool {
        matches!(self.principal, Principal::Peer(_))
    }

    /// Whether nobody has said who calls.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.principal == Principal::Guest
    }

    /// Whether something that is granted to `roles` is granted to this caller.
    #[must_use]
    pub fn is_among(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.has(*role))
    }
}
