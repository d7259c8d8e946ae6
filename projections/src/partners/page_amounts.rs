//! `page-amounts`: how many pages of which class this site shows, how many bytes they are, and who maintains them.
//!
//! ```text
//! 0 ‖ "site"   the only row: a sum over all partitions
//! 1 ‖ id       the state of a page
//! ```

use kippu_events::access::Role;
use kippu_events::partners::pages::{Page, Writer};
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{decode, encode, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Presented, Table, View, main_key};

/// See the module.
pub struct PageAmounts;

/// The key of the only row.
const SITE: &str = "site";

/// Sums, which are never less than nothing once all is read.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    tie_up: [i64; 2],
    original: [i64; 2],
    maintained_here: i64,
    damaged: i64,
    linked: i64,
}

#[derive(Default, Serialize, Deserialize)]
struct Row {
    sums: Sums,
    changes: u64,
}

/// Pages of a class that are shown.
#[derive(Serialize, schemars::JsonSchema)]
struct Amount {
    /// Their bytes.
    bytes: u64,
    /// How many there are.
    pages: u64,
}

/// Originals to each tie-up page, as fractions in lowest terms.
#[derive(Serialize, schemars::JsonSchema)]
struct Ratio {
    /// By bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    /// By number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<String>,
}

/// The pages of this site.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// Pages whose bytes are others than those that were written. They are not shown, and not in the amounts.
    damaged: u64,
    /// Pages of main sites to which links lead, and of which nothing lies here.
    linked: u64,
    /// Pages that are shown as the operator of this site wrote them: its originals, and tie-up pages that it has repaired.
    maintained_here: u64,
    /// Pages that this site alone shows.
    original: Amount,
    /// How many originals there are to each tie-up page; nothing where there is no tie-up page.
    originals_to_tie_ups: Ratio,
    /// Which site it is: `site`.
    site: &'static str,
    /// Pages of main sites, which their partners show too.
    tie_up: Amount,
}

impl Sums {
    fn of(page: &Page) -> Self {
        let linked = i64::from(matches!(page, Page::TieUp(page) if page.linked.is_some()));
        let mut sums = Self { linked, ..Self::default() };
        let is_tie_up = match page {
            Page::Absent => return sums,
            Page::Own(own) => own.tie_up,
            Page::TieUp(_) => true,
        };
        let Some(shown) = page.shown() else { return sums };
        sums.maintained_here = i64::from(shown.by == Writer::Own);
        if shown.damaged {
            sums.damaged = 1;
            return sums;
        }
        let amount = [1, i64::try_from(shown.content.size).unwrap_or(i64::MAX)];
        if is_tie_up {
            sums.tie_up = amount
        } else {
            sums.original = amount
        }
        sums
    }

    fn each(self, other: Self, of: impl Fn(i64, i64) -> i64) -> Self {
        let pair = |a: [i64; 2], b: [i64; 2]| [of(a[0], b[0]), of(a[1], b[1])];
        Self {
            tie_up: pair(self.tie_up, other.tie_up),
            original: pair(self.original, other.original),
            maintained_here: of(self.maintained_here, other.maintained_here),
            damaged: of(self.damaged, other.damaged),
            linked: of(self.linked, other.linked),
        }
    }
}

const OF_PAGE: u8 = 1;

fn page_key(id: &EntityId) -> Vec<u8> {
    [&[OF_PAGE], &id.as_bytes()[..]].concat()
}

impl View for PageAmounts {
    fn name(&self) -> &'static str {
        "page-amounts"
    }

    fn revision(&self) -> u32 {
        revision_with::<Page>(1)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != Page::FAMILY {
            return Ok(());
        }
        let decoded = event.decode::<Page>()?;
        let key = page_key(&event.entity.id);
        let mut page: Page = rows.get(&key).and_then(|bytes| decode(bytes).ok()).unwrap_or_default();
        let before = Sums::of(&page);
        page.evolve(decoded, event.time);
        let after = Sums::of(&page);
        rows.put(&key, encode(&page));
        if before != after {
            let site = main_key(SITE.as_bytes());
            let mut row: Row = rows.get(&site).and_then(|bytes| decode(bytes).ok()).unwrap_or_default();
            let change = after.each(before, i64::saturating_sub);
            row.sums = row.sums.each(change, i64::saturating_add);
            row.changes += 1;
            rows.put(&site, encode(&row));
        }
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Table for PageAmounts {
    fn summary(&self) -> &'static str {
        "How many pages of which class this site shows, how many bytes they are, and how many it maintains itself."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        (text == SITE).then(|| text.as_bytes().to_vec())
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        String::from_utf8(key.to_vec()).map_err(|error| NotARow(error.to_string()))
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn present(&self, _key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Row { sums, changes } = decode(row)?;
        let count = |of: i64| u64::try_from(of).unwrap_or(0);
        let amount = |of: [i64; 2]| Amount { bytes: count(of[1]), pages: count(of[0]) };
        let (original, tie_up) = (amount(sums.original), amount(sums.tie_up));
        let originals_to_tie_ups =
            Ratio { bytes: fraction(original.bytes, tie_up.bytes), pages: fraction(original.pages, tie_up.pages) };
        let (damaged, linked) = (count(sums.damaged), count(sums.linked));
        let maintained_here = count(sums.maintained_here);
        let shown = Shown { damaged, linked, maintained_here, original, originals_to_tie_ups, site: SITE, tie_up };
        Ok(Some(Presented { row: Json::of(&shown)?, version: changes }))
    }
}

/// `of` to `to` in lowest terms.
fn fraction(of: u64, to: u64) -> Option<String> {
    let (mut a, mut b) = (of, to);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    (to > 0).then(|| format!("{}/{}", of / a, to / a))
}

#[test]
fn a_ratio_is_a_fraction_in_lowest_terms() {
    assert_eq!(fraction(6, 4).as_deref(), Some("3/2"));
    assert_eq!(fraction(0, 4).as_deref(), Some("0/1"));
    assert_eq!(fraction(6, 0), None);
}
