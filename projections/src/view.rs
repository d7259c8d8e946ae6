//! What a view is: how it folds events into rows, and how its rows answer queries.

use std::collections::BTreeMap;

use kippu_events::access::Role;
use kippu_events::secrets::{EncryptedField, Secrets, SecretsError};
use kippu_events::{EntityId, Family, NotAnEvent, Recorded};

use crate::error::{NotARow, NotOpened, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::rows::Rows;

/// A fold over all partitions into rows.
pub trait View: Send + Sync {
    /// A plural noun, and the path of its queries.
    fn name(&self) -> &'static str;

    /// Changes when `apply` or the layout of the rows changes meaning: the rows are then filled anew, and the view answers
    /// nothing until they are there.
    fn revision(&self) -> u32;

    /// Folds one event of a valid record into the rows. Events of one partition come in order; nothing else about the
    /// order is fixed. MUST be pure: no clock, no randomness, no I/O.
    ///
    /// # Errors
    /// [`NotAnEvent`] where the event cannot be decoded. The view then stalls before it, as after a panic, in the event's
    /// partition; the other views go on.
    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent>;

    /// How its rows answer queries; nothing where the view serves other queries only.
    fn table(&self) -> Option<&dyn Table>;
}

/// The queries that a view answers. A row lies under [`MAIN`] and its key, which is the id of an entity unless the table says
/// otherwise; every other key of the view is an index that leads to a row.
pub trait Table: Send + Sync {
    /// What the view answers, in a sentence.
    fn summary(&self) -> &'static str;

    /// The family of the entities whose ids are its keys; nothing where its rows are keyed otherwise. An answer about an entity
    /// names the position of its partition, and is given as of an earlier moment too; every other answer names a cut.
    fn subject(&self) -> Option<Family>;

    /// The key that `text` in a path names, if it names one.
    fn key(&self, text: &str) -> Option<Vec<u8>> {
        text.parse().ok().map(|id: EntityId| id.as_bytes().to_vec())
    }

    /// The text of `key`: the only one that [`key`](Self::key) takes for it, so that each row has one path.
    ///
    /// # Errors
    /// Where it is no key of this table.
    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        entity_of(key).map(|id| id.to_string())
    }

    /// The key of the row that `index` leads to, which is at its end.
    fn indexed<'k>(&self, index: &'k [u8]) -> Option<&'k [u8]> {
        index.last_chunk::<{ EntityId::BYTES }>().map(<[u8; EntityId::BYTES]>::as_slice)
    }

    /// Who may see which of its rows. A caller's first grant under which it stands for somebody counts.
    fn grants(&self) -> &'static [Grant];

    /// Whose the row under `key` is; nobody's, unless the table says otherwise. Asked where a grant is about rows of one's own.
    ///
    /// # Errors
    /// Where the bytes are none of this view's.
    fn owners(&self, _key: &[u8], _row: &[u8]) -> Result<Owners, NotARow> {
        Ok(Owners::default())
    }

    /// Who may read it at all.
    fn readers(&self) -> Vec<Role> {
        let granted = self.grants().iter().map(|grant| grant.role);
        // What operators read, auditors read (`queries/visible.rs`).
        granted.flat_map(|role| [Some(role), (role == Role::Operator).then_some(Role::Auditor)]).flatten().collect()
    }

    /// Whether it has personal fields, which `decrypt` opens.
    fn is_encrypted(&self) -> bool {
        false
    }

    /// What lists can be narrowed by.
    fn filters(&self) -> &'static [Filter] {
        &[]
    }

    /// The JSON Schema of one row as the operator sees it.
    fn schema(&self) -> schemars::Schema;

    /// Which part of the view a list goes through. Rows that the caller may not see are left out in any case.
    ///
    /// # Errors
    /// Where a filter has no such value.
    fn plan(&self, _ask: &Ask<'_>) -> Result<Plan, QueryError> {
        Ok(Plan::all())
    }

    /// The row, which this caller may see; nothing where the filters leave it out. May block where personal fields are opened.
    ///
    /// # Errors
    /// `Row` where the bytes are none of this view's, `Encrypted` where a personal field cannot be opened now.
    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError>;
}

/// What is asked of a view.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Whose rows the caller sees; nothing where those of all.
    pub own: Option<(Owner, EntityId)>,
    /// Members that the caller is not shown.
    pub hidden: &'static [&'static str],
    /// Narrowed by what.
    pub filters: &'a Filters,
    /// Opens personal fields, where the caller asked for that and may have it.
    pub decrypt: Option<&'a dyn Decrypt>,
}

impl Ask<'_> {
    /// The one whose rows the caller sees, if those are of an owner of this kind.
    #[must_use]
    pub fn only(&self, owner: Owner) -> Option<EntityId> {
        self.own.and_then(|(own, id)| (own == owner).then_some(id))
    }

    /// Whether the caller is shown the member `name`.
    #[must_use]
    pub fn shows(&self, name: &str) -> bool {
        !self.hidden.contains(&name)
    }
}

/// Something that a list can be narrowed by: a query parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filter {
    /// The parameter.
    pub name: &'static str,
    /// Its meaning and form.
    pub description: &'static str,
    /// Its values, where there are few of them.
    pub values: &'static [&'static str],
    /// Whose rows it asks for, where it is the id of an owner: a caller who sees rows of its own alone may name itself.
    pub owner: Option<Owner>,
}

impl Filter {
    /// A filter that takes any text.
    #[must_use]
    pub const fn any(name: &'static str, description: &'static str) -> Self {
        Self::of(name, description, &[])
    }

    /// A filter that takes these values alone.
    #[must_use]
    pub const fn of(name: &'static str, description: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, description, values, owner: None }
    }

    /// A filter that takes the id of an owner of rows.
    #[must_use]
    pub const fn owner(name: &'static str, description: &'static str, owner: Owner) -> Self {
        Self { name, description, values: &[], owner: Some(owner) }
    }
}

/// The filters of one query.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filters(BTreeMap<String, String>);

impl Filters {
    /// The filters `given`, all of which MUST be among `known`.
    ///
    /// # Errors
    /// The first that is not known, is given twice, or has another value than it takes.
    pub fn new(known: &[Filter], given: impl IntoIterator<Item = (String, String)>) -> Result<Self, QueryError> {
        let mut filters = BTreeMap::new();
        for (name, value) in given {
            let Some(filter) = known.iter().find(|filter| filter.name == name) else {
                return Err(QueryError::parameter(&name, "there is no such parameter here"));
            };
            if !filter.values.is_empty() && !filter.values.contains(&value.as_str()) {
                return Err(QueryError::parameter(&name, &format!("it is one of {}", filter.values.join(", "))));
            }
            if filters.insert(name.clone(), value).is_some() {
                return Err(QueryError::parameter(&name, "it is given twice"));
            }
        }
        Ok(Self(filters))
    }

    /// The value of the filter `name` as given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of the filter `name`.
    ///
    /// # Errors
    /// Where it is given and is no `T`.
    pub fn value<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, QueryError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| {
            // As which a plus sign arrives that was not written as %2B.
            let hint = if text.contains(' ') { "; in a query, + is written as %2B" } else { "" };
            QueryError::parameter(name, &format!("{error}{hint}"))
        })
    }

    /// Whether the filter `name` leaves a row with `value` in.
    #[must_use]
    pub fn admits(&self, name: &str, value: &str) -> bool {
        self.text(name).is_none_or(|text| text == value)
    }
}

/// Which rows a list goes through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Plan {
    /// No more than the row under this key.
    One(Vec<u8>),
    /// The keys from `from` up to but without `until`: rows, or indexes that lead to them.
    Range {
        /// The first key.
        from: Vec<u8>,
        /// Behind the last key.
        until: Vec<u8>,
    },
}

impl Plan {
    /// The rows of a view, by key.
    #[must_use]
    pub fn all() -> Self {
        Self::Range { from: vec![MAIN], until: vec![MAIN + 1] }
    }
}

/// The first byte of what a row lies under. Indexes begin with greater ones.
pub const MAIN: u8 = 0;

/// What the row with `key` lies under.
#[must_use]
pub fn main_key(key: &[u8]) -> Vec<u8> {
    [&[MAIN], key].concat()
}

/// The entity that the key of a row names.
///
/// # Errors
/// Where it is no entity's id.
pub fn entity_of(key: &[u8]) -> Result<EntityId, NotARow> {
    key.try_into().map(EntityId::from_bytes).map_err(|_| NotARow("its key is no entity's id".to_owned()))
}

/// What the row of the entity `id` lies under.
#[must_use]
pub fn row_key(id: &EntityId) -> [u8; 1 + EntityId::BYTES] {
    let mut key = [MAIN; 1 + EntityId::BYTES];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

/// A row as one caller may see it.
#[derive(Clone, PartialEq, Debug)]
pub struct Presented {
    /// As JSON.
    pub row: Json,
    /// Another one whenever the row is another: the version of the entity that it shows.
    pub version: u64,
}

/// Opens encrypted personal fields.
pub trait Decrypt: Send + Sync {
    /// What was encrypted for the person's `field`; nothing where the person was forgotten. May block: the person's key may
    /// have to be asked for.
    ///
    /// # Errors
    /// [`NotOpened`] where nobody can say so now: a person MUST NOT look forgotten because a key is late.
    fn decrypt(&self, person: EntityId, field: &str, encrypted: &EncryptedField) -> Result<Option<String>, NotOpened>;
}

impl Decrypt for Secrets {
    fn decrypt(&self, person: EntityId, field: &str, encrypted: &EncryptedField) -> Result<Option<String>, NotOpened> {
        match Self::decrypt(self, person, field, encrypted) {
            Ok(plain) => Ok(Some(plain)),
            Err(SecretsError::NoPerson(_) | SecretsError::Forgotten(_)) => Ok(None),
            Err(error @ (SecretsError::Io { .. } | SecretsError::Shared(_) | SecretsError::Entropy)) => {
                Err(NotOpened(error.to_string()))
            }
            // One damaged field holds up nobody else's, in a list of many.
            Err(
                error @ (SecretsError::Format { .. }
                | SecretsError::OtherLog { .. }
                | SecretsError::NotReplaced
                | SecretsError::Undecryptable),
            ) => {
                tracing::error!(%person, field, %error, "a personal field does not open");
                Ok(None)
            }
        }
    }
}
