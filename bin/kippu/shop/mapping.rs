//! Which columns of a table are what of a product: as given, as known of a catalogue in the field, or by their own names.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use kippu_events::approvals::products::Kind;
use kippu_events::money::Currency;

use super::Args;
use crate::table::Table;

/// Something of a product.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Field {
    Sku,
    Name,
    About,
    Kind,
    Genre,
    Price,
    Currency,
    Picture,
    Contents,
}

impl Field {
    const ALL: [Self; 9] = [
        Self::Sku,
        Self::Name,
        Self::About,
        Self::Kind,
        Self::Genre,
        Self::Price,
        Self::Currency,
        Self::Picture,
        Self::Contents,
    ];

    /// As it is written, and the name of a column of its own.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Name => "name",
            Self::About => "about",
            Self::Kind => "kind",
            Self::Genre => "genre",
            Self::Price => "price",
            Self::Currency => "currency",
            Self::Picture => "picture",
            Self::Contents => "contents",
        }
    }
}

/// One `FIELD=COLUMN+COLUMN`.
#[derive(Clone, Debug)]
pub(super) struct Given {
    field: Field,
    columns: Vec<String>,
}

/// What was given at the command line.
///
/// # Errors
/// What is wrong with it.
pub(super) fn given(text: &str) -> Result<Given, String> {
    let (name, columns) = text.split_once('=').ok_or("it is written FIELD=COLUMN")?;
    let names = || Field::ALL.map(Field::name).join(", ");
    let field = Field::ALL.into_iter().find(|field| field.name() == name.trim());
    let field = field.ok_or_else(|| format!("a field is one of {}", names()))?;
    let columns: Vec<String> = columns.split('+').map(|column| column.trim().to_owned()).collect();
    if columns.iter().any(String::is_empty) {
        return Err("a column has a name".to_owned());
    }
    Ok(Given { field, columns })
}

/// The kind of this name.
///
/// # Errors
/// Where there is none.
pub(super) fn kind(text: &str) -> Result<Kind, String> {
    let kinds = [Kind::Digital, Kind::Goods, Kind::Service];
    let found = kinds.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| format!("a kind is {}", kinds.map(Kind::name).join(", ")))
}

/// What is known of a catalogue in the field.
struct Known {
    /// By these columns.
    columns: &'static [&'static str],
    fields: &'static [(Field, &'static [&'static str])],
    kind: Kind,
    sku_prefix: &'static str,
    currency: &'static str,
}

const KNOWN: [Known; 2] = [
    // One title may be there for several years, and at several prices for one year.
    Known {
        columns: &["Name", "Author", "Price", "Year", "Genre"],
        fields: &[
            (Field::Sku, &["Name", "Author", "Year"]),
            (Field::Name, &["Name"]),
            (Field::About, &["Author", "Year"]),
            (Field::Genre, &["Genre"]),
            (Field::Price, &["Price"]),
        ],
        kind: Kind::Goods,
        sku_prefix: "book-",
        currency: "USD",
    },
    // Joined with the tables next to it.
    Known {
        columns: &["TrackId", "Name", "UnitPrice", "Album", "Artist", "Genre"],
        fields: &[
            (Field::Sku, &["TrackId"]),
            (Field::Name, &["Name"]),
            (Field::About, &["Artist", "Album"]),
            (Field::Genre, &["Genre"]),
            (Field::Price, &["UnitPrice"]),
        ],
        kind: Kind::Digital,
        sku_prefix: "track-",
        currency: "USD",
    },
];

/// See the module.
#[derive(Debug)]
pub(super) struct Mapping {
    /// Places of the columns of each field.
    fields: BTreeMap<Field, Vec<usize>>,
    /// Where no column says so.
    pub(super) kind: Kind,
    /// Where no column says so.
    pub(super) currency: Option<Currency>,
    pub(super) sku_prefix: String,
}

impl Mapping {
    /// The mapping of `table` as `args` say.
    ///
    /// # Errors
    /// Where a column is not there, or a field has none that needs one.
    pub(super) fn new(table: &Table, args: &Args) -> Result<Self, String> {
        let known = KNOWN.iter().find(|known| known.columns.iter().all(|column| table.column(column).is_some()));
        let mut fields = BTreeMap::new();
        match known {
            Some(known) => {
                for (field, columns) in known.fields {
                    fields.insert(*field, columns.iter().filter_map(|column| table.column(column)).collect());
                }
            }
            None => {
                for field in Field::ALL {
                    if let Some(column) = table.column(field.name()) {
                        fields.insert(field, vec![column]);
                    }
                }
            }
        }
        for Given { field, columns } in &args.map {
            let place = |column: &String| {
                let there = || table.columns.join(", ");
                table.column(column).ok_or_else(|| format!("there is no column {column:?}; there are: {}", there()))
            };
            fields.insert(*field, columns.iter().map(place).collect::<Result<_, _>>()?);
        }
        for field in [Field::Sku, Field::Name, Field::Price] {
            if !fields.contains_key(&field) {
                let (name, there) = (field.name(), table.columns.join(", "));
                return Err(format!("no column is the {name}: say which with --map {name}=COLUMN; there are: {there}"));
            }
        }
        let of_known = known.map(|known| Currency::from_str(known.currency)).transpose().map_err(|e| e.to_string())?;
        let currency = args.currency.or(of_known);
        if currency.is_none() && !fields.contains_key(&Field::Currency) {
            return Err("no column is the currency: say which it is with --currency".to_owned());
        }
        let prefix = args.sku_prefix.clone();
        Ok(Self {
            fields,
            kind: args.kind.or(known.map(|known| known.kind)).unwrap_or(Kind::Goods),
            currency,
            sku_prefix: prefix.unwrap_or_else(|| known.map_or("", |known| known.sku_prefix).to_owned()),
        })
    }

    /// The places of the columns of `field`.
    pub(super) fn columns(&self, field: Field) -> &[usize] {
        self.fields.get(&field).map_or(&[], Vec::as_slice)
    }
}
