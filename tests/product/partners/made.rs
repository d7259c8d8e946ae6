//! Pages that are made of several things: with a difference of the partner, in a layout of the main site, by links; and how many there are.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Sites;
use super::fees::{requests, total};
use super::pages::{contract, get, sha256, shows, terms, upload};
use crate::fixture::{first, utf8};
use crate::http::Reply;
use crate::parties::{Party, key};

pub(super) const PATH: &str = "offers/index.html";
pub(super) const LAYOUT: &str = "layout.html";

/// The operator of `party` writes a page there.
pub(super) async fn write(party: &Party, path: &str, text: &str, more: Value) {
    let media = if path.ends_with(".json") { "application/json" } else { "text/html" };
    let mut body = json!({ "path": path, "sha256": upload(party, text).await, "media_type": media });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    party.do_once("/v1/pages", &key("page"), &body).await.expect(201);
}

/// Terms with these parts, which say this of pages.
fn with(parts: &[&str], pages: &Value) -> Value {
    let mut terms = terms(pages);
    terms["parts"] = json!(parts);
    terms["tariff"]["rules"][0]["by"]["type"][0]["parts"] = json!(parts);
    terms
}

/// One more partner of `main` on these terms.
pub(super) async fn partner(main: &Party, name: &str, terms: &Value) -> Party {
    let partner = Party::start(name).await;
    main.knows(&partner, &["partner_site"]).await;
    partner.knows(main, &["main_site"]).await;
    contract(main, &partner, terms).await;
    partner
}

/// The row of `view` at `party` about `path`, once that is so.
pub(super) async fn row_at(party: &Party, view: &str, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let query = format!("/v1/{view}?path={path}");
    let so = |reply: &Reply| {
        reply.status == 200 && reply.json()["data"].as_array().is_some_and(|rows| rows.iter().any(&is_so))
    };
    let reply = first(async || party.operator().get(&query).await, so).await;
    assert!(so(&reply), "{}", reply.text);
    reply.json()["data"].as_array().unwrap().iter().find(|row| is_so(row)).unwrap().clone()
}

/// Has `party` show the page with this difference.
async fn overlay(party: &Party, path: &str, contract: &Value, form: &str, patch: &str) -> Reply {
    let page = row_at(party, "pages", path, |_| true).await;
    let sha256 = upload(party, patch).await;
    let body = json!({ "contract": contract, "form": form, "sha256": sha256 });
    party.do_once(&format!("/v1/pages/{}/overlay", page["id"].as_str().unwrap()), &key("overlay"), &body).await
}

/// What `party` shows hashes to what its history says of it.
async fn is_on_record(party: &Party, path: &str) {
    let shown = get(party, path).await;
    let is_it = |row: &Value| row["sha256"] == json!(sha256(shown.text.as_bytes()));
    let page = row_at(party, "pages", path, is_it).await;
    assert_eq!(page["bytes"], json!(shown.text.len()), "{page}");
    let history = crate::fixture::run(&[
        "replay",
        "history",
        &format!("pages/{}", page["id"].as_str().unwrap()),
        "--data",
        utf8(&party.node.data()),
    ]);
    assert!(history.out.contains(&sha256(shown.text.as_bytes())), "{history:?}");
}

const ONE: &str = "a\nb\nc\nd\ne\nf\ng\n";

/// Shows B7.
#[tokio::test]
async fn a_partners_difference_is_applied_to_each_revision_and_one_that_no_longer_applies_is_refused_by_name() {
    let repair = terms(&json!({ "rights": "repair" }));
    let sites = Sites::on(&repair).await;
    let (main, one) = (&sites.main, &sites.partner);
    let two = partner(main, "second", &repair).await;
    let json_path = "prices.json";
    write(main, PATH, ONE, json!({ "tie_up": true })).await;
    write(main, json_path, r#"{"a":1,"b":2}"#, json!({ "tie_up": true })).await;
    shows(one, PATH, ONE).await;
    shows(one, json_path, r#"{"a":1,"b":2}"#).await;
    let contract = json!(sites.contract);
    let patch = "--- a\n+++ b\n@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+ours\n e\n f\n g\n";
    overlay(one, PATH, &contract, "text_patch", patch).await.expect(200);
    overlay(one, json_path, &contract, "merge_patch", r#"{"b":null,"c":"ours"}"#).await.expect(200);
    shows(one, PATH, "a\nb\nc\nours\ne\nf\ng\n").await;
    shows(one, json_path, r#"{"a":1,"c":"ours"}"#).await;
    is_on_record(one, PATH).await;
    // The main site revises both: each partner has the new revision, the first one with its own difference.
    write(main, PATH, &format!("new\n{ONE}"), json!({ "tie_up": true })).await;
    write(main, json_path, r#"{"a":7,"b":2}"#, json!({ "tie_up": true })).await;
    shows(one, PATH, "new\na\nb\nc\nours\ne\nf\ng\n").await;
    shows(one, json_path, r#"{"a":7,"c":"ours"}"#).await;
    shows(&two, PATH, &format!("new\n{ONE}")).await;
    shows(&two, json_path, r#"{"a":7,"b":2}"#).await;
    is_on_record(one, PATH).await;
    is_on_record(one, json_path).await;
    // It revises the very line that the difference is about.
    let changed = ONE.replace('d', "theirs");
    write(main, PATH, &changed, json!({ "tie_up": true })).await;
    shows(&two, PATH, &changed).await;
    let page = row_at(one, "pages", PATH, |row| row["not_made"] == json!("page-overlay-conflict")).await;
    assert_eq!(page["revision"], json!(2), "{page}");
    shows(one, PATH, "new\na\nb\nc\nours\ne\nf\ng\n").await;
    let of_one = |row: &Value| row["contract"] == contract && row["state"] == json!("declined");
    let delivery = row_at(main, "page-deliveries", PATH, of_one).await;
    assert_eq!(
        (&delivery["declined_by"], &delivery["reason"], &delivery["applied"]),
        (&json!("node"), &json!("page-overlay-conflict"), &json!(2)),
        "{delivery}"
    );
    // Another difference, and the revision once more.
    overlay(one, PATH, &contract, "text_patch", patch.replace("-d\n", "-theirs\n").as_str()).await.expect(200);
    let again = format!("/v1/page-deliveries/{}/again", delivery["id"].as_str().unwrap());
    main.do_once(&again, &key("again"), &json!({})).await.expect(200);
    shows(one, PATH, "a\nb\nc\nours\ne\nf\ng\n").await;
    row_at(main, "page-deliveries", PATH, |row| row["contract"] == contract && row["applied"] == json!(3)).await;
    // Without it, the page is that of the main site.
    let page = row_at(one, "pages", PATH, |_| true).await;
    let bare = format!("/v1/pages/{}/remove-overlay", page["id"].as_str().unwrap());
    one.do_once(&bare, &key("bare"), &json!({ "contract": contract })).await.expect(200);
    shows(one, PATH, &changed).await;
    sites.assert_sound();
}

/// Shows B8.
#[tokio::test]
async fn a_layout_of_the_main_site_changes_pages_of_those_who_inherit_it_and_of_nobody_else() {
    let sites = Sites::on(&with(&["content", "layout"], &json!({}))).await;
    let (main, both) = (&sites.main, &sites.partner);
    let layout_only = partner(main, "layout", &with(&["layout"], &json!({}))).await;
    let links_only = partner(main, "links", &with(&["links"], &json!({}))).await;
    write(main, LAYOUT, "<one><!--content--></one>", json!({ "tie_up": true, "part": "layout" })).await;
    write(main, PATH, "offers", json!({ "tie_up": true, "layout": LAYOUT })).await;
    // Each partner has a page of its own: the one that inherits the layout alone puts it in there.
    for (party, layout) in [(both, None), (&layout_only, Some(LAYOUT)), (&links_only, Some(LAYOUT))] {
        write(party, "home.html", "home", layout.map_or(json!({}), |layout| json!({ "layout": layout }))).await;
    }
    for (version, tag) in [(1, "one"), (2, "two")] {
        if version == 2 {
            let two = "<two><!--content--></two>";
            write(main, LAYOUT, two, json!({ "tie_up": true, "part": "layout" })).await;
        }
        let within = |text: &str| format!("<{tag}>{text}</{tag}>");
        shows(main, PATH, &within("offers")).await;
        shows(both, PATH, &within("offers")).await;
        shows(&layout_only, "home.html", &within("home")).await;
        for party in [both, &links_only] {
            shows(party, "home.html", "home").await;
        }
        for party in [&layout_only, &links_only] {
            assert_eq!(get(party, PATH).await.status, 404);
        }
    }
    is_on_record(both, PATH).await;
    is_on_record(&layout_only, "home.html").await;
    // A layout without a place for pages is refused by name at each site, and what was shown stays.
    write(main, LAYOUT, "no place", json!({ "tie_up": true, "part": "layout" })).await;
    let named = |row: &Value| row["not_made"] == json!("page-layout-without-place");
    row_at(both, "pages", PATH, named).await;
    row_at(&layout_only, "pages", "home.html", named).await;
    shows(both, PATH, "<two>offers</two>").await;
    shows(&layout_only, "home.html", "<two>home</two>").await;
    sites.assert_sound();
}

/// Shows B49.
#[tokio::test]
async fn of_a_site_that_has_the_layout_alone_accesses_to_its_own_pages_lower_the_fee() {
    let sites = Sites::on(&with(&["layout"], &json!({}))).await;
    write(&sites.main, LAYOUT, "<one><!--content--></one>", json!({ "tie_up": true, "part": "layout" })).await;
    write(&sites.partner, "home.html", "home", json!({ "layout": LAYOUT })).await;
    shows(&sites.partner, "home.html", "<one>home</one>").await;
    sites.logged("layout.log", &requests("tie-up", 10, 30)).await;
    let before = total(&sites.agreed().await);
    sites.logged("own.log", &requests("own", 11, 30)).await;
    let after = total(&sites.agreed().await);
    assert!(after < before, "{after} {before}");
    sites.assert_sound();
}

/// Shows B9.
#[tokio::test]
async fn a_page_outside_of_the_partnership_is_brought_to_nobody() {
    let sites = Sites::on(&terms(&json!({}))).await;
    write(&sites.main, "internal.html", "internal", json!({ "tie_up": false })).await;
    write(&sites.main, PATH, "one", json!({ "tie_up": true })).await;
    shows(&sites.main, "internal.html", "internal").await;
    // Pages are brought in one look: what was written before and is not brought with the later one is not brought.
    shows(&sites.partner, PATH, "one").await;
    assert_eq!(get(&sites.partner, "internal.html").await.status, 404);
    let brought: Vec<Value> = sites.main.rows("page-deliveries").await.iter().map(|row| row["path"].clone()).collect();
    assert_eq!(brought, [json!(PATH)]);
    // Published later, it is brought; and taken out again, no later revision of it is.
    write(&sites.main, "internal.html", "public", json!({ "tie_up": true })).await;
    shows(&sites.partner, "internal.html", "public").await;
    write(&sites.main, "internal.html", "internal again", json!({ "tie_up": false })).await;
    write(&sites.main, PATH, "two", json!({ "tie_up": true })).await;
    shows(&sites.partner, PATH, "two").await;
    shows(&sites.partner, "internal.html", "public").await;
}

/// What `party` says of how many pages it shows, once that is so.
async fn amounts(party: &Party, is_so: impl Fn(&Value) -> bool) -> Value {
    let so = |reply: &Reply| reply.status == 200 && is_so(&reply.json());
    let reply = first(async || party.operator().get("/v1/page-amounts/site").await, so).await;
    assert!(so(&reply), "{}", reply.text);
    reply.json()
}

/// What `find` and `wc` count below `folder`: files, and bytes.
fn counted(folder: &Path) -> (u64, u64) {
    let script = "find \"$0\" -type f | wc -l; find \"$0\" -type f -exec cat {} + | wc -c";
    let out = Command::new("sh").args(["-c", script]).arg(folder).output().expect("there is a shell");
    let text = String::from_utf8(out.stdout).unwrap();
    let mut counts = text.lines().map(|line| line.trim().parse().expect("a count"));
    (counts.next().unwrap(), counts.next().unwrap())
}

/// Shows B5, B6, B57.
#[tokio::test]
async fn amounts_of_pages_are_those_of_what_is_really_served() {
    let sites = Sites::on(&terms(&json!({ "rights": "repair" }))).await;
    let (main, partner) = (&sites.main, &sites.partner);
    let tie_ups = ["offers/a.html", "offers/b.html", "offers/c/d.html", "offers/e.html"];
    for (n, path) in tie_ups.iter().enumerate() {
        let more = json!({ "tie_up": true, "category": "nationwide service" });
        write(main, path, &"t".repeat(100 * (n + 1)), more).await;
    }
    let originals = ["own/a.html", "own/b.html", "own/c.html", "own/d.html", "own/e.html", "own/f.html"];
    for (n, path) in originals.iter().enumerate() {
        let category = if n < 2 { "regional information" } else { "regional goods" };
        write(partner, path, &"o".repeat(70 + n), json!({ "category": category })).await;
    }
    // One is revised and one is repaired: what counts is what is shown now.
    write(partner, originals[0], "shorter", json!({ "category": "regional information" })).await;
    shows(partner, tie_ups[0], &"t".repeat(100)).await;
    write_repair(&sites, tie_ups[0], "repaired").await;
    shows(partner, tie_ups[0], "repaired").await;
    amounts(partner, |row| row["tie_up"]["pages"] == json!(4) && row["original"]["pages"] == json!(6)).await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    for (class, paths) in [("tie_up", &tie_ups[..]), ("original", &originals[..])] {
        for path in paths {
            let file = folder.path().join(class).join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, get(partner, path).await.expect(200).text).unwrap();
        }
    }
    let [tie_up, original] = ["tie_up", "original"].map(|class| counted(&folder.path().join(class)));
    let is_so = |row: &Value| row["tie_up"] == json!({ "bytes": tie_up.1, "pages": tie_up.0 });
    let row = amounts(partner, is_so).await;
    assert_eq!(row["original"], json!({ "bytes": original.1, "pages": original.0 }), "{row}");
    let [by_pages, by_bytes] = ["pages", "bytes"].map(|by| {
        let text = row["originals_to_tie_ups"][by].as_str().unwrap();
        let (of, to) = text.split_once('/').unwrap();
        (of.parse::<u64>().unwrap(), to.parse::<u64>().unwrap())
    });
    assert_eq!(by_pages, (3, 2));
    assert_eq!(by_bytes.0 * tie_up.1, by_bytes.1 * original.1, "{row}");
    assert_eq!(row["maintained_here"], json!(7), "{row}");
    // By category, at both sites.
    let of = async |party: &Party, category: &str| {
        let path = format!("pages?category={category}");
        party.operator().get(&format!("/v1/{path}")).await.expect(200).json()["data"].as_array().unwrap().len()
    };
    assert_eq!(of(partner, "regional%20information").await, 2);
    assert_eq!(of(partner, "regional%20goods").await, 4);
    assert_eq!(of(partner, "nationwide%20service").await, 4);
    assert_eq!(of(main, "nationwide%20service").await, 4);
    sites.assert_sound();
}

async fn write_repair(sites: &Sites, path: &str, text: &str) {
    let sha256 = upload(&sites.partner, text).await;
    let body = json!({ "path": path, "sha256": sha256, "media_type": "text/html", "contract": sites.contract });
    sites.partner.do_once("/v1/pages", &key("repair"), &body).await.expect(200);
}
