//! Whether a caller may see a row: the one place where what tables grant is checked, for a row, a list, and a row as it was.

use kippu_events::EntityId;
use kippu_events::access::{Caller, Role};

use super::QueryError;
use crate::grants::{Grant, Owner, Scope};
use crate::view::{Ask, Filters, Presented, Table};

/// Whether `caller` is shown everything as it is stored: an operator, and an auditor, who reads what an operator reads.
pub(super) const fn sees_everything(caller: &Caller) -> bool {
    caller.roles.has(Role::Operator) || caller.roles.has(Role::Auditor)
}

/// Whether there can be rows of `table` that `caller` may see.
pub(super) fn may_be_shown_rows(table: &dyn Table, caller: &Caller) -> bool {
    grant(table, caller).and_then(|grant| own(table, grant, caller, &Filters::default())).is_ok()
}

/// Whether `caller` may see the row of `table` under `key`. Who is refused its rows may not.
///
/// # Errors
/// As [`shown`].
pub(super) fn may_see(table: &dyn Table, key: &[u8], row: &[u8], caller: &Caller) -> Result<bool, QueryError> {
    let filters = Filters::default();
    let Ok(grant) = grant(table, caller) else { return Ok(false) };
    let Ok(own) = own(table, grant, caller, &filters) else { return Ok(false) };
    Ok(shown(table, key, row, &Ask { own, hidden: grant.hidden, filters: &filters, decrypt: None })?.is_some())
}

/// What `table` grants to `caller`.
///
/// # Errors
/// `Forbidden` where that is nothing.
pub(super) fn grant(table: &dyn Table, caller: &Caller) -> Result<&'static Grant, QueryError> {
    // An auditor reads what an operator reads.
    let has = |role| caller.roles.has(role) || (role == Role::Operator && caller.roles.has(Role::Auditor));
    let granted = || table.grants().iter().filter(|grant| has(grant.role));
    // The first under which the caller stands for somebody: a terminal that stores nobody sees what it asked for.
    let stands = |grant: &&Grant| match grant.rows {
        Scope::All => true,
        Scope::Staff => !caller.is_peer(),
        Scope::Own(owner) => owner.of(caller, table.subject()).is_some(),
    };
    let first = granted().find(stands).or_else(|| granted().next());
    first.ok_or_else(|| refused(caller, "this view is not shown to the key's role"))
}

/// What a caller is told of what it may not see: a guest, to say who calls.
pub(crate) fn refused(caller: &Caller, why: &'static str) -> QueryError {
    if caller.is_guest() { QueryError::Unauthenticated } else { QueryError::Forbidden(why) }
}

/// Whose rows `caller` sees by `grant`; nothing where those of all.
///
/// # Errors
/// `Forbidden` where nobody's, and where `filters` ask for rows or members that are not this caller's to see.
pub(super) fn own(
    table: &dyn Table,
    grant: &Grant,
    caller: &Caller,
    filters: &Filters,
) -> Result<Option<(Owner, EntityId)>, QueryError> {
    let mut asked = Vec::new();
    for filter in table.filters() {
        if let (Some(owner), Some(_)) = (filter.owner, filters.text(filter.name)) {
            asked.push((owner, filters.value::<EntityId>(filter.name)?));
        }
    }
    let own = match grant.rows {
        Scope::Staff if caller.is_peer() => {
            return Err(QueryError::Forbidden("these rows are shown to API clients alone"));
        }
        Scope::All | Scope::Staff => None,
        Scope::Own(owner) => {
            let id = owner.of(caller, table.subject()).ok_or_else(|| refused(caller, nobody(owner)))?;
            Some((owner, id))
        }
    };
    if grant.hidden.iter().any(|name| filters.text(name).is_some()) {
        return Err(QueryError::Forbidden("what this narrows the list by is not shown to the key's role"));
    }
    match own {
        Some((owner, id)) if asked.iter().any(|(as_what, asked)| *as_what == owner && *asked != Some(id)) => {
            Err(QueryError::Forbidden("the rows of others are not shown"))
        }
        Some(_) | None => Ok(own),
    }
}

/// Why a caller sees no rows who stands for nobody as this.
const fn nobody(owner: Owner) -> &'static str {
    match owner {
        Owner::User => "this terminal stores no user's identification",
        Owner::Client | Owner::Requester => "these rows are shown to API clients and to other parties",
        Owner::Holder => "a row is shown to who holds its capability",
    }
}

/// The row as `ask` may see it; nothing where it is not this caller's, or is left out by the filters.
///
/// # Errors
/// As [`Table::present`].
pub(super) fn shown(table: &dyn Table, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
    if let Some((owner, id)) = ask.own {
        let is_own = match owner {
            Owner::Holder => key == id.as_bytes().as_slice(),
            Owner::User | Owner::Client | Owner::Requester => table.owners(key, row)?.get(owner) == Some(id),
        };
        if !is_own {
            return Ok(None);
        }
    }
    let Some(presented) = table.present(key, row, ask)? else { return Ok(None) };
    let row = presented.row.without(ask.hidden)?;
    Ok(Some(Presented { row, ..presented }))
}
