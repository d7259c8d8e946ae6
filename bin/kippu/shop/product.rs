//! Products as rows say them. White space and control characters at the ends of text are left out, as real catalogues have some;
//! whatever else is no product's is wrong, by line and column.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use kippu_actors::approvals::products::text::{Sha256Text, Sku};
use kippu_actors::approvals::products::{Content, Open};
use kippu_events::money::{Currency, Minor};
use sha2::{Digest as _, Sha256};

use super::mapping::{self, Field, Mapping};
use crate::table::{Cell, Place, Row, Table, Value, Wrong};

/// A product that is to be listed so.
pub(super) struct Wanted {
    /// Where the file says so.
    pub(super) line: u64,
    pub(super) open: Open,
}

/// The products of `table`.
///
/// # Errors
/// Every row that is wrong.
pub(super) fn wanted(table: &Table, mapping: &Mapping) -> Result<Vec<Wanted>, Vec<Wrong>> {
    let (mut wanted, mut wrong, mut taken) = (Vec::new(), Vec::new(), Taken::default());
    for row in &table.rows {
        match (Reading { table, mapping, row }).product(&mut taken) {
            Ok(product) => wanted.push(product),
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() { Ok(wanted) } else { Err(wrong) }
}

/// SKUs that rows have, with the first line of each, and how often.
#[derive(Default)]
struct Taken(HashMap<String, (u64, u32)>);

/// One row.
struct Reading<'a> {
    table: &'a Table,
    mapping: &'a Mapping,
    row: &'a Row,
}

impl Reading<'_> {
    fn product(&self, taken: &mut Taken) -> Result<Wanted, Wrong> {
        let currency = match self.text(Field::Currency)? {
            Some(text) => self.parsed(Field::Currency, text.parse::<Currency>())?,
            // Mappings have one where no column does.
            None => self.mapping.currency.ok_or_else(|| self.missing(Field::Currency))?,
        };
        let price = self.text(Field::Price)?.ok_or_else(|| self.missing(Field::Price))?;
        let name = self.text(Field::Name)?.ok_or_else(|| self.missing(Field::Name))?;
        let kind = match self.text(Field::Kind)? {
            Some(text) => self.parsed(Field::Kind, mapping::kind(&text))?,
            None => self.mapping.kind,
        };
        let about = self.text(Field::About)?.map(|text| self.parsed(Field::About, text.try_into())).transpose()?;
        let genre = self.text(Field::Genre)?.map(|text| self.parsed(Field::Genre, text.try_into())).transpose()?;
        let picture = self.text(Field::Picture)?;
        let picture = picture.map(|text| self.parsed(Field::Picture, Sha256Text::try_from(text))).transpose()?;
        let open = Open {
            name: self.parsed(Field::Name, name.try_into())?,
            about,
            kind,
            genre,
            price: self.parsed(Field::Price, Minor::from_decimal(&price, currency))?,
            currency,
            picture,
            contents: self.contents()?,
            sku: self.sku(taken)?,
        };
        Ok(Wanted { line: self.row.line, open })
    }

    /// The cells of `field` that hold something.
    fn cells(&self, field: Field) -> impl Iterator<Item = &Cell> {
        let cells = self.mapping.columns(field).iter().filter_map(|column| self.row.cells.get(*column));
        cells.filter(|cell| cell.value != Value::Missing)
    }

    /// What the columns of `field` say, put together with commas.
    fn text(&self, field: Field) -> Result<Option<String>, Wrong> {
        let mut parts = Vec::new();
        for cell in self.cells(field) {
            let Value::Text(text) = &cell.value else {
                return Err(self.wrong_at(field, cell.place, "it is no text and no number"));
            };
            let text = text.trim_matches(|character: char| character.is_whitespace() || character.is_control());
            if let Some(control) = text.chars().find(|character| character.is_control()) {
                let reason = format!("there is a control character in it, U+{:04X}", u32::from(control));
                return Err(self.wrong_at(field, cell.place, reason));
            }
            if !text.is_empty() {
                parts.push(text.to_owned());
            }
        }
        Ok((!parts.is_empty()).then(|| parts.join(", ")))
    }

    /// The SKU: of one column as it is there, of several a hash of them; one that is there again gets a number.
    fn sku(&self, taken: &mut Taken) -> Result<Sku, Wrong> {
        let text = self.text(Field::Sku)?.ok_or_else(|| self.missing(Field::Sku))?;
        let (prefix, is_hash) = (&self.mapping.sku_prefix, self.mapping.columns(Field::Sku).len() > 1);
        let sku =
            if is_hash { format!("{prefix}{}", hashed(self.cells(Field::Sku))) } else { format!("{prefix}{text}") };
        let sku = match taken.0.entry(sku.clone()) {
            Entry::Vacant(free) => {
                free.insert((self.row.line, 1));
                sku
            }
            Entry::Occupied(mut before) if is_hash => {
                before.get_mut().1 += 1;
                format!("{sku}-{}", before.get().1)
            }
            Entry::Occupied(before) => {
                let reason = format!("the sku {sku:?} is that of line {} too", before.get().0);
                return Err(self.wrong(Field::Sku, reason));
            }
        };
        self.parsed(Field::Sku, Sku::try_from(sku))
    }

    fn contents(&self) -> Result<Vec<Content>, Wrong> {
        let Some(cell) = self.cells(Field::Contents).next() else { return Ok(Vec::new()) };
        match &cell.value {
            Value::Json(text) => self.parsed(Field::Contents, serde_json::from_str(text)),
            Value::Missing | Value::Text(_) => Err(self.wrong(Field::Contents, "it is no list")),
        }
    }

    fn parsed<T, E: std::fmt::Display>(&self, field: Field, parsed: Result<T, E>) -> Result<T, Wrong> {
        parsed.map_err(|error| self.wrong(field, error.to_string()))
    }

    fn missing(&self, field: Field) -> Wrong {
        self.wrong(field, format!("there is no {}", field.name()))
    }

    /// Something is wrong with the first column of `field`.
    fn wrong(&self, field: Field, reason: impl Into<String>) -> Wrong {
        let cell = self.mapping.columns(field).first().and_then(|column| self.row.cells.get(*column));
        let place = cell.map_or(Place { line: self.row.line, column: 1 }, |cell| cell.place);
        self.wrong_at(field, place, reason)
    }

    fn wrong_at(&self, field: Field, place: Place, reason: impl Into<String>) -> Wrong {
        let column = self.mapping.columns(field).first().and_then(|column| self.table.columns.get(*column));
        Wrong { place, name: column.cloned(), reason: reason.into() }
    }
}

/// Twenty hexadecimal digits of what `cells` say, each with its length.
fn hashed<'a>(cells: impl Iterator<Item = &'a Cell>) -> String {
    let mut hash = Sha256::new();
    for cell in cells {
        if let Value::Text(text) = &cell.value {
            let text = text.trim();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    data_encoding::HEXLOWER.encode(&hash.finalize()[..10])
}
