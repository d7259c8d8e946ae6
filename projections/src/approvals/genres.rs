//! `genres`: what products for sale are found under, and how many of them under each.
//!
//! ```text
//! 0 ‖ genre   the row: a sum over all partitions
//! 1 ‖ id      the genre that a product counts in now
//! ```

use kippu_events::access::Role;
use kippu_events::approvals::products::{Event, Product};
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{decode, encode, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Presented, Table, View, main_key};

/// See the module.
pub struct Genres;

#[derive(Default, Serialize, Deserialize)]
struct Row {
    /// For sale now. Each product counts once, so the sum is never less than nothing once all is read.
    products: i64,
    changes: u64,
}

/// Where a product counts.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Counted {
    genre: Option<String>,
    is_listed: bool,
}

impl Counted {
    fn now(&self) -> Option<&String> {
        self.genre.as_ref().filter(|_| self.is_listed)
    }
}

/// Something that products are found under.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// What they are found under.
    genre: String,
    /// How many are for sale.
    products: u64,
}

const OF_PRODUCT: u8 = 1;

fn product_key(id: &EntityId) -> Vec<u8> {
    [&[OF_PRODUCT], &id.as_bytes()[..]].concat()
}

fn add(rows: &mut Rows<'_>, genre: &str, products: i64) {
    let key = main_key(genre.as_bytes());
    let mut row: Row = rows.get(&key).and_then(|bytes| decode(bytes).ok()).unwrap_or_default();
    row.products += products;
    row.changes += 1;
    rows.put(&key, encode(&row));
}

impl View for Genres {
    fn name(&self) -> &'static str {
        "genres"
    }

    fn revision(&self) -> u32 {
        revision_with::<Product>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != Product::FAMILY {
            return Ok(());
        }
        let key = product_key(&event.entity.id);
        let before: Option<Counted> = rows.get(&key).and_then(|bytes| decode(bytes).ok());
        let after = match (event.decode::<Product>()?, before.clone()) {
            (Event::Listed { genre, .. }, None) => Counted { genre: genre.clone(), is_listed: true },
            (Event::Changed { genre, .. }, Some(before)) => Counted { genre: genre.clone(), ..before },
            (Event::Withdrawn {}, Some(before)) => Counted { is_listed: false, ..before },
            (Event::ListedAgain {}, Some(before)) => Counted { is_listed: true, ..before },
            (
                Event::Listed { .. }
                | Event::Repriced { .. }
                | Event::Changed { .. }
                | Event::Withdrawn {}
                | Event::ListedAgain {},
                _,
            ) => return Ok(()),
        };
        let counted = before.as_ref().and_then(Counted::now);
        if counted != after.now() {
            counted.iter().for_each(|genre| add(rows, genre, -1));
            after.now().iter().for_each(|genre| add(rows, genre, 1));
        }
        rows.put(&key, encode(&after));
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Table for Genres {
    fn summary(&self) -> &'static str {
        "What products for sale are found under, and how many under each."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        Some(text.as_bytes().to_vec())
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        String::from_utf8(key.to_vec()).map_err(|error| NotARow(error.to_string()))
    }

    fn grants(&self) -> &'static [Grant] {
        const {
            &[
                Grant::all(Role::Operator),
                Grant::all(Role::Shop),
                Grant::all(Role::Settler),
                Grant::all(Role::Terminal),
                Grant::all(Role::Authenticator),
                Grant::all(Role::Reference),
                Grant::all(Role::Subscriber),
                Grant::all(Role::Guest),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn present(&self, key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Row { products, changes } = decode(row)?;
        let Some(products) = u64::try_from(products).ok().filter(|products| *products > 0) else { return Ok(None) };
        let shown = Shown { genre: self.text(key)?, products };
        Ok(Some(Presented { row: Json::of(&shown)?, version: changes }))
    }
}
