//! What shops sell and offer, as everybody sees it.

use std::collections::{BTreeMap, BTreeSet};

use kippu_events::access::{Caller, Role};
use kippu_events::{EntityId, EntityKey, Family};

use super::seed;
use super::shown::{page, rows, told};
use crate::queries::QueryError;

/// Shows D2.
#[test]
fn everybody_sees_products_by_name_and_only_who_sells_what_their_files_hash_to() {
    let (_sample, running) = told(seed());
    let queries = running.caught_up();
    let shop = Caller { roles: [Role::Shop].into_iter().collect(), ..Caller::GUEST };
    let (shown, whole) = (rows(&queries, "products", &Caller::GUEST, &[]), rows(&queries, "products", &shop, &[]));
    assert!(shown.len() > 1 && shown.iter().all(|row| row.get("contents").is_none() && row["files"].is_array()));
    assert!(whole.iter().any(|row| row["contents"][0]["sha256"].is_string()));
    let names: Vec<String> =
        shown.iter().map(|row| row["name"].as_str().expect("a name").to_ascii_lowercase()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let mut narrowed = 0;
    for name in ["genre", "kind", "picture", "sku", "state"] {
        let values: BTreeSet<&str> = shown.iter().filter_map(|row| row[name].as_str()).collect();
        for value in values {
            let expected: Vec<_> = shown.iter().filter(|row| row[name] == value).cloned().collect();
            // Ids follow from SKUs, and those of the sample do not: by SKU none of them is found.
            let expected = if name == "sku" { Vec::new() } else { expected };
            narrowed += expected.len();
            assert_eq!(rows(&queries, "products", &Caller::GUEST, &[(name, value.to_owned())]), expected, "{name}");
        }
    }
    assert!(narrowed > 0);
    assert!(rows(&queries, "products", &Caller::GUEST, &[("genre", "Lat".to_owned())]).is_empty());
}

#[test]
fn a_genre_counts_the_products_for_sale_under_it() {
    let (_sample, running) = told(seed());
    let queries = running.caught_up();
    let listed = rows(&queries, "products", &Caller::GUEST, &[("state", "listed".to_owned())]);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for genre in listed.iter().filter_map(|row| row["genre"].as_str()) {
        *counts.entry(genre.to_owned()).or_default() += 1;
    }
    let shown = rows(&queries, "genres", &Caller::GUEST, &[]);
    let shown = shown
        .iter()
        .map(|row| (row["genre"].as_str().expect("a genre").to_owned(), row["products"].as_u64().expect("a count")));
    assert_eq!(shown.collect::<BTreeMap<_, _>>(), counts);
}

#[test]
fn an_offer_is_shown_to_who_holds_its_capability_and_to_no_other_guest() {
    let (_sample, running) = told(seed());
    let queries = running.caught_up();
    let all = rows(&queries, "offers", &Caller::OPERATOR, &[]);
    assert!(all.len() > 1);
    let id: EntityId = all[0]["id"].as_str().expect("an id").parse().expect("an id");
    let holder = Caller::holder_of(EntityKey { family: Family::Offers, id });
    assert_eq!(rows(&queries, "offers", &holder, &[]), [all[0].clone()]);
    assert!(queries.get("offers", &id.to_string(), &holder, false).is_ok());
    let other = all[1]["id"].as_str().expect("an id");
    assert_eq!(queries.get("offers", other, &holder, false), Err(QueryError::NotFound));
    assert_eq!(queries.list("offers", &Caller::GUEST, &page(&[])).err(), Some(QueryError::Unauthenticated));
}
