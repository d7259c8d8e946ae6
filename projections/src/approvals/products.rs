//! `products`: what a shop sells, by name. Everybody sees it but for what files hash to.
//!
//! ```text
//! 0 ‖ id                          the row
//! 1 ‖ name ‖ 0 ‖ id               by name
//! 2 ‖ hash of genre ‖ name ‖ 0 ‖ id
//! 3 ‖ picture ‖ id                by what its picture hashes to
//! ```
//!
//! Names lie there as [`ordered`] cuts them.

use kippu_events::access::Role;
use kippu_events::approvals::products::{self, Content, Details, Event, Kind, Listing, Product};
use kippu_events::money::{Currency, Minor};
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::QueryError;
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{Dated, decode, encode, main_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Plan, Presented, Table, View, entity_of, row_key};

/// See the module.
pub struct Products;

const STATES: [&str; 2] = ["listed", "withdrawn"];
const KINDS: [&str; 3] = [Kind::Digital.name(), Kind::Goods.name(), Kind::Service.name()];
const GENRE: &str = "genre";
const KIND: &str = "kind";
const PICTURE: &str = "picture";
const SKU: &str = "sku";
const STATE: &str = "state";

/// A product.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// What tells it from others of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    changed_at: Time,
    /// The files that come with it, and what they hash to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    contents: Vec<HashedFile>,
    /// In which currency.
    currency: Currency,
    /// The files that come with it.
    files: Vec<File>,
    /// What it is found under.
    #[serde(skip_serializing_if = "Option::is_none")]
    genre: Option<String>,
    id: EntityId,
    /// How it comes to its buyer.
    kind: Kind,
    listed_at: Time,
    /// What buyers call it.
    name: String,
    /// Its picture: SHA-256 of the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    /// What one costs, in minor units.
    price: Minor,
    /// What the shop calls it.
    sku: String,
    /// Whether it is for sale.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

/// A file that comes with a product.
#[derive(Serialize, schemars::JsonSchema)]
struct File {
    /// Its media type.
    media_type: String,
    /// What buyers call it.
    name: String,
    /// Its bytes.
    size: u64,
}

/// A file that comes with a product, and what it hashes to.
#[derive(Serialize, schemars::JsonSchema)]
struct HashedFile {
    /// Its media type.
    media_type: String,
    /// What buyers call it.
    name: String,
    /// SHA-256 of the bytes.
    sha256: String,
    /// Its bytes.
    size: u64,
}

impl From<Content> for HashedFile {
    fn from(content: Content) -> Self {
        let Content { name, media_type, sha256, size } = content;
        Self { media_type, name, sha256, size }
    }
}

impl View for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn revision(&self) -> u32 {
        revision_with::<Product>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != Product::FAMILY {
            return Ok(());
        }
        let (id, decoded) = (event.entity.id, event.decode::<Product>()?);
        let before = main_row::<Dated<Product>>(rows, &id);
        let (begun_at, mut row) = match before {
            Some(Dated { begun_at, row, .. }) => (begun_at, row),
            None if matches!(decoded, Event::Listed { .. }) => (event.time, Product::Absent),
            None => return Ok(()),
        };
        for key in row.listing().map(|listing| indexes(&listing.details, &id)).unwrap_or_default() {
            rows.unindex(&key);
        }
        row.evolve(decoded, event.time);
        for key in row.listing().map(|listing| indexes(&listing.details, &id)).unwrap_or_default() {
            rows.index(&key, Vec::new());
        }
        let row = Dated { begun_at, changed_at: event.time, version: event.version, row };
        rows.put(&row_key(&id), encode(&row));
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

const BY_NAME: u8 = 1;
const BY_GENRE: u8 = 2;
const BY_PICTURE: u8 = 3;

/// Keys stay short, and names that are as long are rare.
const MOST_NAME_BYTES: usize = 64;
/// So many bytes tell genres apart.
const GENRE_BYTES: usize = 16;

/// What names are ordered by: in one case, as far as ASCII has them, so that no table of another version orders otherwise.
fn ordered(name: &str) -> Vec<u8> {
    let mut bytes = name.to_ascii_lowercase().into_bytes();
    bytes.truncate(MOST_NAME_BYTES);
    bytes
}

fn of_genre(genre: &str) -> Vec<u8> {
    [&[BY_GENRE][..], &Sha256::digest(genre)[..GENRE_BYTES]].concat()
}

/// Where lists find it.
fn indexes(details: &Details, id: &EntityId) -> Vec<Vec<u8>> {
    let named = |front: Vec<u8>| [&front[..], &ordered(&details.name)[..], &[0], &id.as_bytes()[..]].concat();
    let pictured = |picture: &String| [&[BY_PICTURE], picture.as_bytes(), &id.as_bytes()[..]].concat();
    let picture = details.picture.as_ref().map(pictured);
    let genre = details.genre.as_ref().map(|genre| named(of_genre(genre)));
    [named(vec![BY_NAME])].into_iter().chain(genre).chain(picture).collect()
}

/// The keys that begin with `front`.
fn all_of(front: Vec<u8>) -> Plan {
    let mut until = front.clone();
    until.extend([0xff; MOST_NAME_BYTES + 1 + EntityId::BYTES + 1]);
    Plan::Range { from: front, until }
}

impl Table for Products {
    fn summary(&self) -> &'static str {
        "What the shop sells, by name."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Products)
    }

    fn grants(&self) -> &'static [Grant] {
        const HASHED: &[&str] = &["contents"];
        const {
            &[
                Grant::all(Role::Operator),
                Grant::staff(Role::Shop),
                Grant::all(Role::Shop).without(HASHED),
                Grant::all(Role::Settler).without(HASHED),
                Grant::all(Role::Terminal).without(HASHED),
                Grant::all(Role::Authenticator).without(HASHED),
                Grant::all(Role::Reference).without(HASHED),
                Grant::all(Role::Subscriber).without(HASHED),
                Grant::all(Role::Guest).without(HASHED),
            ]
        }
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::any(GENRE, "what it is found under"),
                Filter::of(KIND, "how it comes to its buyer", &KINDS),
                Filter::any(PICTURE, "what its picture hashes to"),
                Filter::any(SKU, "what the shop calls it"),
                Filter::of(STATE, "whether it is for sale", &STATES),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        // The narrowest index leads; what it does not know, each row is asked.
        Ok(if let Some(sku) = ask.filters.text(SKU) {
            Plan::One(products::id_of(sku).as_bytes().to_vec())
        } else if let Some(picture) = ask.filters.text(PICTURE) {
            all_of([&[BY_PICTURE][..], picture.as_bytes()].concat())
        } else if let Some(genre) = ask.filters.text(GENRE) {
            all_of(of_genre(genre))
        } else {
            all_of(vec![BY_NAME])
        })
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Dated { begun_at: listed_at, changed_at, version, row }: Dated<Product> = decode(row)?;
        let (state, listing) = match row {
            Product::Absent => return Ok(None),
            Product::Listed(listing) => (STATES[0], listing),
            Product::Withdrawn(listing) => (STATES[1], listing),
        };
        let Listing { sku, details, price, currency } = listing;
        let Details { name, about, kind, genre, picture, contents } = details;
        let is = |filter, value: Option<&String>| ask.filters.admits(filter, value.map_or("", String::as_str));
        let filters = ask.filters;
        if !filters.admits(STATE, state)
            || !filters.admits(KIND, kind.name())
            || !filters.admits(SKU, &sku)
            || !is(GENRE, genre.as_ref())
            || !is(PICTURE, picture.as_ref())
        {
            return Ok(None);
        }
        let file = |content: &Content| File {
            media_type: content.media_type.clone(),
            name: content.name.clone(),
            size: content.size,
        };
        let (id, files) = (entity_of(key)?, contents.iter().map(file).collect());
        let contents = contents.into_iter().map(HashedFile::from).collect();
        #[rustfmt::skip]
        let shown = Shown {
            about, changed_at, contents, currency, files, genre, id, kind, listed_at, name, picture, price, sku, state, version,
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
