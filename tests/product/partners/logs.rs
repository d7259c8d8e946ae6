//! Access logs between nodes: lines that are certified at one are on record at the other, once.

use std::io::Write as _;

use serde_json::{Value, json};

use super::Sites;
use crate::fixture::first;
use crate::http::Reply;
use crate::parties::Party;

/// Terms of a contract.
pub(crate) fn terms() -> Value {
    let mut terms =
        serde_json::from_str::<Value>(include_str!("../../../examples/data/terms.json")).expect("the sample is JSON");
    terms["time_zone"] = json!("Asia/Tokyo");
    terms
}

/// A day of `lines` requests, to tie-up and original pages.
fn log(lines: usize) -> String {
    let line = |n: usize| {
        let (host, minute, second) = (n % 200, n / 60 % 60, n % 60);
        let page = ["/tie-up/a.html", "/own/b.html", "/own/c.html"][n % 3];
        format!(
            "192.0.2.{host} - - [15/Oct/2026:12:{minute:02}:{second:02} +0900] \"GET {page}?n={n} HTTP/1.1\" 200 1000 \"-\" \"Mozilla/5.0\"\n"
        )
    };
    (0..lines).map(line).collect()
}

/// The batches that `party` has, as far as they say what the lines are.
async fn batches(party: &Party) -> Vec<Value> {
    let mut rows = party.rows("access-batches").await;
    rows.sort_by_key(|row| (row["segment"].as_str().map(str::to_owned), row["offset"].as_u64()));
    let what = |row: &Value| json!([row["id"], row["segment"], row["offset"], row["lines"], row["bytes"], row["root"]]);
    rows.iter().map(what).collect()
}

/// The batches of both sites, once both have so many lines of them and nothing is owed.
async fn both_have(sites: &Sites, lines: u64) -> Vec<Value> {
    let here = first(async || batches(&sites.partner).await, |batches| lines_of(batches) >= lines).await;
    assert_eq!(lines_of(&here), lines, "{here:?}");
    assert_eq!(first(async || batches(&sites.main).await, |there| *there == here).await, here);
    sites.partner.owes_nothing().await;
    here
}

fn lines_of(batches: &[Value]) -> u64 {
    batches.iter().map(|batch| batch[3].as_u64().expect("a number")).sum()
}

pub(super) fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the folder takes files");
    path
}

#[tokio::test]
async fn lines_certified_at_the_partner_are_on_record_at_the_main_site_once_however_often_they_come() {
    let sites = Sites::on(&terms()).await;
    let folder = tempfile::tempdir().unwrap();
    let text = log(2_500);
    let whole = file(&folder, "access.log", text.as_bytes());
    let counts = |ended: crate::fixture::Ended| ended.ok().json()[0].clone();
    let first_time = counts(sites.import(&sites.partner, &whole, &["--json"]));
    assert_eq!((&first_time["lines"], &first_time["known"]), (&json!(2_500), &json!(0)), "{first_time}");
    let again = counts(sites.import(&sites.partner, &whole, &["--json"]));
    assert_eq!((&again["certified"], &again["known"]), (&json!(0), &first_time["batches"]), "{again}");
    both_have(&sites, 2_500).await;
    // The same bytes, compressed.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let compressed = file(&folder, "access.log.gz", &gzip.finish().unwrap());
    let again = counts(sites.import(&sites.partner, &compressed, &["--json", "--segment", "access.log"]));
    assert_eq!((&again["certified"], &again["lines"]), (&json!(0), &json!(2_500)), "{again}");
    // What was added since is what is new, and half a last line waits.
    let more = [text.as_bytes(), log(3).as_bytes(), b"192.0.2.1 - - [15/Oct"].concat();
    let grown = counts(sites.import(&sites.partner, &file(&folder, "access.log", &more), &["--json"]));
    assert_eq!((&grown["lines"], &grown["unfinished_bytes"]), (&json!(2_503), &json!(21)), "{grown}");
    sites.assert_sound();
}

/// Keeps S1.
#[tokio::test]
async fn no_address_is_in_the_log_or_the_views_of_either_site() {
    let mut sites = Sites::on(&terms()).await;
    let folder = tempfile::tempdir().unwrap();
    let canary = "198.51.100.77";
    let text = log(10).replace("192.0.2.3 ", &format!("{canary} ")).replace("?n=3", &format!("?from={canary}"));
    sites.import(&sites.partner, &file(&folder, "access.log", text.as_bytes()), &[]).ok();
    both_have(&sites, 10).await;
    for party in [&mut sites.main, &mut sites.partner] {
        party.node.stop();
        for path in crate::fixture::files_below(&party.node.data()) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(memchr::memmem::find(&bytes, canary.as_bytes()).is_none(), "{}", path.display());
        }
    }
}

/// A batch that a third party claims to have certified is none, and one whose lines were changed on the way is none either.
#[tokio::test]
async fn lines_that_nobody_of_the_contract_certified_are_refused() {
    let sites = Sites::on(&terms()).await;
    let body = json!({
        "contract": sites.contract, "source": "www", "segment": "forged", "offset": 0, "format": "combined", "encoding": "utf-8",
        "text": log(3), "certificate": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
    });
    let refused = async |body: &Value| -> Reply {
        let operator = sites.main.operator();
        first(
            async || operator.post("/v1/access-batches", &crate::parties::key("forged"), body).await,
            |reply| reply.status != 503,
        )
        .await
    };
    refused(&body).await.expect_problem(409, "access-batch-not-genuine");
    let mut unknown = body.clone();
    unknown["contract"] = json!(sites.main.id);
    assert_eq!(refused(&unknown).await.status, 404);
    let mut strange = body;
    strange["format"] = json!("morse");
    strange.as_object_mut().unwrap().remove("certificate");
    refused(&strange).await.expect_problem(422, "invalid-body");
}

/// Shows B25.
#[tokio::test]
async fn what_terms_do_not_push_the_main_site_calls_for_without_a_gap_and_without_a_double() {
    let mut terms = terms();
    terms["push_sources"] = json!(["other"]);
    let mut sites = Sites::on(&terms).await;
    let folder = tempfile::tempdir().unwrap();
    let text = log(1_500);
    let whole = file(&folder, "access.log", text.as_bytes());
    sites.import(&sites.partner, &whole, &[]).ok();
    sites.import(&sites.partner, &file(&folder, "other.log", log(5).as_bytes()), &["--source", "other"]).ok();
    both_have(&sites, 1_505).await;
    let states = async |party: &Party| -> Vec<(String, String)> {
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let mut states: Vec<_> =
            party.rows("access-batches").await.iter().map(|row| (text(row, "source"), text(row, "state"))).collect();
        states.sort();
        states.dedup();
        states
    };
    let of = |www: &str, other: &str| vec![("other".to_owned(), other.to_owned()), ("www".to_owned(), www.to_owned())];
    // The main site has the lines of one server, and of the other one what they hash to.
    assert_eq!(
        first(async || states(&sites.main).await, |found| *found == of("announced", "kept")).await,
        of("announced", "kept")
    );
    assert_eq!(
        first(async || states(&sites.partner).await, |found| *found == of("held", "kept")).await,
        of("held", "kept")
    );
    let path = format!("/v1/contracts/{}/fees/2026-10", sites.contract);
    let lines = |statement: &Value| statement["stretches"][0]["lines"].as_u64();
    assert_eq!(lines(&sites.main.row(&path).await), Some(5));
    // It calls for the rest, twice each, and its partner dies meanwhile.
    sites.partner.node.kill();
    for row in sites.main.rows("access-batches").await {
        if row["state"] == json!("announced") {
            let call = format!("/v1/access-batches/{}/call", row["id"].as_str().unwrap());
            sites.main.do_once(&call, &crate::parties::key("call"), &json!({})).await.expect(200);
            let again = sites.main.do_once(&call, &crate::parties::key("call"), &json!({})).await;
            again.expect_problem(409, "access-batch-known");
        }
    }
    sites.partner.node.start_again();
    for party in [&sites.main, &sites.partner] {
        let found = first(async || states(party).await, |found| *found == of("kept", "kept")).await;
        assert_eq!(found, of("kept", "kept"));
    }
    let statement = sites.agreed().await;
    assert_eq!((lines(&statement), &statement["missing"]), (Some(1_505), &json!(0)), "{statement}");
    // What comes again counts once.
    sites.take(&whole, &[]).await;
    assert_eq!(lines(&sites.agreed().await), Some(1_505));
    sites.assert_sound();
}
