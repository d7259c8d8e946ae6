//! Who sees which rows: what a table grants to each role, as data. `queries/visible.rs` is where it is checked.

use kippu_events::access::{Caller, Role};
use kippu_events::{EntityId, Family};

/// What a role may see of a table. A role without one is shown nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// To whom.
    pub role: Role,
    /// Which rows.
    pub rows: Scope,
    /// Members of a row that this role is not shown, and cannot narrow lists by.
    pub hidden: &'static [&'static str],
}

/// Which rows of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Every row.
    All,
    /// Every row, to this party's own API clients: another party has the same role, and is shown nothing by this.
    Staff,
    /// Those that belong to the caller.
    Own(Owner),
}

/// As what a row may belong to a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The user whose identification is stored in the calling terminal.
    User,
    /// The API client or the other party that calls.
    Client,
    /// The API client that asked for what the row is about.
    Requester,
    /// Who holds the capability of the entity whose row it is.
    Holder,
}

/// Whose a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Owners {
    /// The user's.
    pub user: Option<EntityId>,
    /// The API client's, or the other party's.
    pub client: Option<EntityId>,
    /// The API client's that asked for it.
    pub requester: Option<EntityId>,
}

impl Grant {
    /// `role` sees every row.
    #[must_use]
    pub const fn all(role: Role) -> Self {
        Self { role, rows: Scope::All, hidden: &[] }
    }

    /// API clients of the role `role` see every row, and other parties of that role do not.
    #[must_use]
    pub const fn staff(role: Role) -> Self {
        Self { role, rows: Scope::Staff, hidden: &[] }
    }

    /// `role` sees the rows that belong to the caller as this.
    #[must_use]
    pub const fn own(role: Role, owner: Owner) -> Self {
        Self { role, rows: Scope::Own(owner), hidden: &[] }
    }

    /// The same, without these members.
    #[must_use]
    pub const fn without(self, hidden: &'static [&'static str]) -> Self {
        Self { hidden, ..self }
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.rows {
            Scope::All => "every row",
            Scope::Staff => "every row, as an API client",
            Scope::Own(Owner::User) => "rows of its own user",
            Scope::Own(Owner::Client) => "its own rows",
            Scope::Own(Owner::Requester) => "rows that it asked for",
            Scope::Own(Owner::Holder) => "the row whose capability it holds",
        })?;
        if self.hidden.is_empty() { Ok(()) } else { write!(f, " without {}", self.hidden.join(", ")) }
    }
}

impl Owner {
    /// Whom `caller` stands for, as this, in a table about entities of the family `subject`.
    pub(crate) fn of(self, caller: &Caller, subject: Option<Family>) -> Option<EntityId> {
        match self {
            Self::User => caller.user,
            Self::Client | Self::Requester => caller.party(),
            Self::Holder => caller.holds.filter(|held| Some(held.family) == subject).map(|held| held.id),
        }
    }
}

impl Owners {
    /// A row of the API client or party `client`.
    #[must_use]
    pub const fn client(client: EntityId) -> Self {
        Self { user: None, client: Some(client), requester: None }
    }

    /// A row of `user`.
    #[must_use]
    pub const fn user(user: EntityId) -> Self {
        Self { user: Some(user), client: None, requester: None }
    }

    /// Whose the row is, as this.
    pub(crate) const fn get(&self, owner: Owner) -> Option<EntityId> {
        match owner {
            Owner::User => self.user,
            Owner::Client => self.client,
            Owner::Requester => self.requester,
            // That is the row's own key.
            Owner::Holder => None,
        }
    }
}
