//! Lists: pages of rows along the narrowest index, with a cursor that stays good while rows come and go.

use kippu_events::EntityId;
use kippu_events::access::Caller;
use kippu_events::log::Cut;
use sha2::{Digest as _, Sha256};

use super::opened::Opened;
use super::{Queries, QueryError, visible};
use crate::cursor::cut;
use crate::json::Json;
use crate::view::{Ask, Filters, MAIN, Plan, Table, main_key};
use crate::view_store::Snap;

/// Rows in a page, where nothing else is asked for.
pub const DEFAULT_ROWS: usize = 100;
/// Rows in a page at most: about half a megabyte of JSON.
pub const MOST_ROWS: usize = 1000;
/// Keys that one page looks at, so that a filter that fits almost nothing cannot hold a thread for long. Such a page
/// has fewer rows than asked for, and a cursor that goes on.
const MOST_EXAMINED: usize = 20_000;

/// Which part of a list is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Name and value of each filter.
    pub filters: Vec<(String, String)>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Rows, from 1 to [`MOST_ROWS`].
    pub limit: usize,
    /// Opens personal fields, for operators only.
    pub decrypt: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self { filters: Vec::new(), cursor: None, limit: DEFAULT_ROWS, decrypt: false }
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// As this caller may see them.
    pub rows: Vec<Json>,
    /// Where the next page begins, if there may be one.
    pub next: Option<String>,
    /// What the rows reflect.
    pub cut: Cut,
    /// Whose personal fields they show. The access log MUST have them before anybody is answered.
    pub opened: Vec<EntityId>,
}

impl Queries {
    /// One page of `view`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn list(&self, view: &str, caller: &Caller, page: &Page) -> Result<Listed, QueryError> {
        let (view, table) = self.table(view, caller)?;
        if !(1..=MOST_ROWS).contains(&page.limit) {
            return Err(QueryError::parameter("limit", "it is a number from 1 to 1000"));
        }
        let filters = Filters::new(table.filters(), page.filters.iter().cloned())?;
        let opening = self.opening(table, caller, page.decrypt)?;
        let ask = Self::ask(table, caller, &filters, opening.as_ref())?;
        let plan = table.plan(&ask)?;
        let snap = self.0.store.snapshot();
        let (instance, cursors) = self.live(view, &snap)?;
        let cut = cut(&cursors);
        let (rows, next) = match plan {
            Plan::One(key) => {
                let row = snap.row(instance, &main_key(&key))?;
                let shown = row.map(|row| visible::shown(table, &key, &row, &ask)).transpose()?.flatten();
                (shown.into_iter().map(|shown| shown.row).collect(), None)
            }
            Plan::Range { from, until } => {
                let list = List { view: view.name(), from: &from, until: &until };
                let from = page.cursor.as_deref().map_or(Ok(from.clone()), |cursor| list.resume(cursor))?;
                let scan = Scan { snap: &snap, instance, table, ask: &ask, limit: page.limit };
                let (rows, next) = scan.run(&from, &until)?;
                (rows, next.map(|key| list.cursor(key)))
            }
        };
        Ok(Listed { rows, next, cut, opened: opening.map(Opened::persons).unwrap_or_default() })
    }
}

/// A list that pages are cut from. A cursor is the last key that a page looked at, and a digest of that and of the list.
struct List<'a> {
    view: &'a str,
    from: &'a [u8],
    until: &'a [u8],
}

/// Bytes of the digest: enough to tell one list's cursor from another's, and from a cursor that was cut off.
const DIGEST_BYTES: usize = 6;

impl List<'_> {
    fn digest(&self, key: &[u8]) -> [u8; DIGEST_BYTES] {
        let whole = Sha256::new().chain_update(self.view).chain_update(self.from).chain_update(self.until);
        let whole = whole.chain_update(key).finalize();
        std::array::from_fn(|index| whole[index])
    }

    fn cursor(&self, mut key: Vec<u8>) -> String {
        key.extend(self.digest(&key));
        data_encoding::BASE64URL_NOPAD.encode(&key)
    }

    /// The first key behind the one that `cursor` names.
    fn resume(&self, cursor: &str) -> Result<Vec<u8>, QueryError> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap_or_default();
        match bytes.split_last_chunk() {
            Some((key, digest)) if *digest == self.digest(key) => Ok([key, &[0]].concat()),
            _ => Err(QueryError::parameter("cursor", "it is not the `next` of a page of this list")),
        }
    }
}

struct Scan<'a> {
    snap: &'a Snap<'a>,
    instance: u32,
    table: &'a dyn Table,
    ask: &'a Ask<'a>,
    limit: usize,
}

impl Scan<'_> {
    /// The rows from `from` on, and the last key looked at where there may be more behind it.
    fn run(&self, from: &[u8], until: &[u8]) -> Result<(Vec<Json>, Option<Vec<u8>>), QueryError> {
        let mut rows = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        let mut examined = 0;
        let mut more = false;
        self.snap.rows::<QueryError>(self.instance, from, until, |key, value| {
            if examined == MOST_EXAMINED {
                more = true;
                return Ok(false);
            }
            examined += 1;
            let is_full = rows.len() == self.limit;
            match self.shown(key, value, is_full)? {
                Some(_) if is_full => {
                    more = true;
                    return Ok(false);
                }
                shown => rows.extend(shown),
            }
            last = Some(key.to_vec());
            Ok(true)
        })?;
        Ok((rows, last.filter(|_| more)))
    }

    /// The row under a key; of one that is only looked for, nothing is opened.
    fn shown(&self, stored: &[u8], value: &[u8], is_looked_for: bool) -> Result<Option<Json>, QueryError> {
        let indexed;
        let (key, row) = if let Some((&MAIN, key)) = stored.split_first() {
            (key, value)
        } else {
            let Some(key) = self.table.indexed(stored) else { return Ok(None) };
            let Some(row) = self.snap.row(self.instance, &main_key(key))? else { return Ok(None) };
            indexed = row;
            (key, indexed.as_slice())
        };
        let ask = Ask { decrypt: self.ask.decrypt.filter(|_| !is_looked_for), ..*self.ask };
        Ok(visible::shown(self.table, key, row, &ask)?.map(|presented| presented.row))
    }
}
