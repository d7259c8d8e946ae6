//! Who calls, as whoever let the call in has established it.

use super::clients::Role;
use crate::id::EntityId;
use crate::principal::Principal;

/// Who gives a command or asks a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// As events name it.
    pub principal: Principal,
    /// What grants are given to. Deadlines and reactions have none: nothing is granted to them, they give only commands
    /// that no caller can send.
    pub role: Option<Role>,
    /// The user whose identification is stored in the calling terminal.
    pub user: Option<EntityId>,
}

impl Caller {
    /// Somebody with the data folder in hand.
    pub const OPERATOR: Self = Self { principal: Principal::Operator, role: Some(Role::Operator), user: None };
    /// The node itself, for a deadline that passed.
    pub const DEADLINE: Self = Self { principal: Principal::Deadline, role: None, user: None };

    /// An API client.
    #[must_use]
    pub const fn of_client(id: EntityId, role: Role, user: Option<EntityId>) -> Self {
        Self { principal: Principal::Client(id), role: Some(role), user }
    }

    /// The calling API client, where one calls.
    #[must_use]
    pub const fn client(&self) -> Option<EntityId> {
        self.principal.client()
    }

    /// Whether something that is granted to `roles` is granted to this caller.
    #[must_use]
    pub fn is_among(&self, roles: &[Role]) -> bool {
        self.role.is_some_and(|role| roles.contains(&role))
    }
}
