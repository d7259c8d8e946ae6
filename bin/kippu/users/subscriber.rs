//! Subscribers as rows say them; whatever is none's is wrong, by line and column. What a row holds is personal, and is not repeated.

use std::collections::HashMap;

use kippu_actors::Commands;
use kippu_actors::access::users::request::{DEFAULT_REALM, Open};
use kippu_events::money::{Currency, Minor};
use kippu_events::{Family, caseless};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use crate::import::Line;
use crate::table::{Cell, Place, Row, Table, Value, Wrong};

/// The columns that there may be.
const COLUMNS: [&str; 9] = ["login", "limit", "currency", "pin", "name", "realm", "source", "charging", "period"];

/// A subscriber who is to be registered.
pub(super) struct Subscriber {
    /// Where the file says so.
    pub(super) line: u64,
    /// The command that does it.
    pub(super) command: Line,
}

/// Checks the head; `has_currency` where a currency is given besides.
///
/// # Errors
/// What is missing, or belongs to no subscriber.
pub(super) fn check_columns(table: &Table, has_currency: bool) -> Result<(), String> {
    let missing = |name: &&&str| table.column(name).is_none() && !(**name == "currency" && has_currency);
    if let Some(name) = ["login", "limit", "currency"].iter().find(missing) {
        let more = if *name == "currency" { ", and --currency says none" } else { "" };
        return Err(format!("there is no column {name}{more}; there are: {}", table.columns.join(", ")));
    }
    match table.columns.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(format!("a subscriber has no {name:?}; columns are {}", COLUMNS.join(", "))),
    }
}

/// The subscribers of `table`.
///
/// # Errors
/// Every row that is wrong.
pub(super) fn subscribers(table: &Table, currency: Option<Currency>) -> Result<Vec<Subscriber>, Vec<Wrong>> {
    let (mut wanted, mut wrong, mut taken) = (Vec::new(), Vec::new(), HashMap::new());
    for row in &table.rows {
        match (Reading { table, row, currency }).subscriber(&mut taken) {
            Ok(subscriber) => wanted.push(subscriber),
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() { Ok(wanted) } else { Err(wrong) }
}

/// One row.
struct Reading<'a> {
    table: &'a Table,
    row: &'a Row,
    currency: Option<Currency>,
}

impl Reading<'_> {
    fn subscriber(&self, taken: &mut HashMap<(String, String), u64>) -> Result<Subscriber, Wrong> {
        let login = self.text("login")?.ok_or_else(|| self.wrong("login", "there is no login"))?;
        let currency = match self.text("currency")? {
            Some(code) => Some(code.parse().map_err(|error| self.wrong("currency", format!("{error}")))?),
            None => self.currency,
        };
        let currency: Currency = currency.ok_or_else(|| self.wrong("currency", "there is no currency"))?;
        let limit = self.text("limit")?.ok_or_else(|| self.wrong("limit", "there is no limit"))?;
        let limit = Minor::from_decimal(limit, currency).map_err(|error| self.wrong("limit", error.to_string()))?;
        let source = self.text("source")?.unwrap_or("fixed");
        let mut body = Map::new();
        body.insert("login".to_owned(), login.into());
        for name in ["pin", "name", "realm", "charging", "period"] {
            if let Some(text) = self.text(name)? {
                body.insert(name.to_owned(), text.into());
                self.check(name, &body, login)?;
            }
        }
        body.insert("limit".to_owned(), json!({ "source": source, "amount": limit, "currency": currency }));
        let body = Json::from(body);
        serde_json::from_value::<Open>(body.clone()).map_err(|error| self.wrong("source", error.to_string()))?;
        let realm = self.text("realm")?.unwrap_or(DEFAULT_REALM);
        if let Some(before) = taken.insert((caseless::fold(realm), caseless::fold(login)), self.row.line) {
            return Err(self.wrong("login", format!("it is the login of line {before} too")));
        }
        let unsaid = |error: &dyn std::fmt::Display| Wrong::row(self.row.line, error.to_string());
        let body = RawValue::from_string(body.to_string()).map_err(|error| unsaid(&error))?;
        let spec = Commands::spec(Family::Users, "open", None).ok_or_else(|| unsaid(&"users cannot be registered"))?;
        // Of nobody's data, which would stay in the log when the person is forgotten: that a login is registered once is what counts.
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| unsaid(&error))?;
        let key = format!("users-import-{}", data_encoding::HEXLOWER.encode(&random));
        Ok(Subscriber { line: self.row.line, command: Line { family: Family::Users, spec, id: None, key, body } })
    }

    /// Whether the command takes what was put in last, with the least that it needs.
    fn check(&self, name: &'static str, body: &Map<String, Json>, login: &str) -> Result<(), Wrong> {
        let limit = json!({ "source": "fixed", "amount": 0, "currency": "EUR" });
        let mut least = json!({ "login": login, "limit": limit });
        least[name] = body.get(name).cloned().unwrap_or_default();
        serde_json::from_value::<Open>(least).map(drop).map_err(|error| self.wrong(name, error.to_string()))
    }

    fn cell(&self, name: &str) -> Option<&Cell> {
        self.table.column(name).and_then(|column| self.row.cells.get(column))
    }

    /// What the column `name` says, without white space around it.
    fn text(&self, name: &'static str) -> Result<Option<&str>, Wrong> {
        match self.cell(name).map(|cell| &cell.value) {
            None | Some(Value::Missing) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(Value::Json(_)) => Err(self.wrong(name, "it is no text and no number")),
        }
    }

    /// Something is wrong with the column `name`.
    fn wrong(&self, name: &str, reason: impl Into<String>) -> Wrong {
        let place = self.cell(name).map_or(Place { line: self.row.line, column: 1 }, |cell| cell.place);
        Wrong { place, name: Some(name.to_owned()), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Subscriber>, String> {
        let told = |wrong: Vec<Wrong>| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let table = Table::parse(text).map_err(told)?;
        let euro = "EUR".parse().unwrap();
        check_columns(&table, true)?;
        subscribers(&table, Some(euro)).map_err(told)
    }

    /// Shows D40.
    #[test]
    fn a_row_is_a_subscriber_with_identifier_pin_and_limit() {
        let text =
            "login,pin,limit,currency,name,source\r\naiko,1234,100.00,,\"Sato, Aiko\",\r\nbob,,7,JPY,,prepaid\r\n";
        let read = read(text).unwrap();
        let bodies: Vec<Json> = read.iter().map(|one| serde_json::from_str(one.command.body.get()).unwrap()).collect();
        let limit = json!({"source": "fixed", "amount": 10_000, "currency": "EUR"});
        assert_eq!(bodies[0], json!({"login": "aiko", "pin": "1234", "name": "Sato, Aiko", "limit": limit}));
        assert_eq!(bodies[1], json!({"login": "bob", "limit": {"source": "prepaid", "amount": 7, "currency": "JPY"}}));
        assert_ne!(read[0].command.key, read[1].command.key);
    }

    /// Shows D40.
    #[test]
    fn a_row_that_is_wrong_is_named_by_line_and_column_and_not_repeated() {
        for (text, expected) in [
            ("login,limit\na,1\n,1\n", "line 3, column 1 (login): there is no login"),
            ("login,limit\na,1.001\n", "line 2, column 2 (limit): "),
            ("login,limit,pin\na,1,12\n", "line 2, column 3 (pin): a PIN has 4 to 12 digits"),
            ("login,limit,source\na,1,loan\n", "line 2, column 3 (source): "),
            ("login,limit,currency\na,1,euros\n", "line 2, column 3 (currency): "),
            ("login,limit\nA,1\nb,1\na,1\n", "line 4, column 1 (login): it is the login of line 2 too"),
            ("login,limit\na\n", "line 2, column 1: it has 1 fields, and the head has 2"),
            ("login,limit,shoe\na,1,2\n", "a subscriber has no \"shoe\""),
            ("login\na\n", "there is no column limit"),
        ] {
            let error = read(text).err().unwrap_or_default();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        let error = read("login,limit,pin\nsecretive,1,98765432109876\nother,1,x\n").err().unwrap();
        assert!(!error.contains("secretive") && !error.contains("98765432109876"), "{error}");
    }
}
