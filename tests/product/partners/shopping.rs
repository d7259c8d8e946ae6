//! Sites whose pages visitors ask for things on, and the programs that do behind them what a shop does.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Sites;
use super::pages::{revise, row, shows, write};
use crate::fixture::first;
use crate::http::Reply;
use crate::parties::{Party, key};

/// A tie-up page of the main site.
pub(super) const TIE_UP: &str = "offers/index.html";
/// A page of its own of each site.
pub(super) const ORIGINAL: &str = "own.html";
pub(super) const BOOK: &str = "book-1";

/// Terms that say this of requests and of what is collected.
pub(super) fn terms(delegation: &Value, collecting: &Value) -> Value {
    let mut terms = super::logs::terms();
    terms["delegation"] = delegation.clone();
    if !collecting.is_null() {
        terms["collecting"] = collecting.clone();
    }
    terms
}

/// A main site and its partner, which shows a page of it, and has one of its own.
pub(super) async fn open(delegation: &Value, collecting: &Value) -> Sites {
    open_on(&terms(delegation, collecting)).await
}

/// The same, on these terms.
pub(super) async fn open_on(terms: &Value) -> Sites {
    let sites = Sites::on(terms).await;
    revise(&sites, "offers").await;
    shows(&sites.partner, TIE_UP, "offers").await;
    row(&sites.main, "page-deliveries", |row| row["state"] == json!("applied")).await;
    for party in [&sites.main, &sites.partner] {
        write(party, ORIGINAL, "original", &json!({})).await.expect(201);
    }
    sites
}

/// A program behind a site, which answers these steps for as long as it lives.
pub(super) struct Worker {
    child: Child,
    _folder: TempDir,
}

impl Worker {
    pub(super) async fn of(party: &Party, steps: &[&str]) -> Self {
        let client = json!({ "role": "shop", "name": "a shop's program" });
        let opened = party.do_once("/v1/clients", &key("client"), &client).await.expect(201);
        let folder = TempDir::with_prefix("kippu-test-").expect("a temporary folder");
        let file = folder.path().join("key");
        std::fs::write(&file, opened.field("key")).expect("a file of ours");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strangers/shop_worker.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(party.node.url()).arg(&file).args(steps).stdin(Stdio::null());
        Self { child: command.spawn().expect("python3 runs"), _folder: folder }
    }

    /// All that a purchase needs.
    pub(super) async fn shop(party: &Party) -> Self {
        Self::of(party, &["price", "payment", "delivery"]).await
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // An error here says that it has ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Adds to the stock of an article at `party`.
pub(super) async fn receives(party: &Party, article: &str, quantity: u32) {
    let body = json!({ "article": article, "quantity": quantity });
    party.do_once("/v1/stocks", &key("stock"), &body).await.expect(201);
}

/// The stock of the book at `party`: on hand, reserved, sold, and how often it changed.
pub(super) async fn stock(party: &Party) -> [u64; 4] {
    let rows = party.rows("stocks").await;
    let row = rows.iter().find(|row| row["article"] == json!(BOOK)).expect("there is a stock");
    ["on_hand", "reserved", "sold", "version"].map(|name| row[name].as_u64().expect("a number"))
}

/// What a visitor was given who asked.
pub(super) struct Asked {
    pub(super) id: String,
    capability: String,
}

/// A visitor of `party` asks on a page.
pub(super) async fn ask(party: &Party, page: &str, (kind, article, quantity): (&str, &str, u32)) -> Asked {
    let body = json!({ "kind": kind, "article": article, "quantity": quantity });
    let opened = party.guest().post(&format!("/site/{page}"), &key("visitor"), &body).await.expect(201);
    Asked { id: opened.field("id"), capability: opened.field("capability") }
}

/// The request as its visitor sees it, once that is so.
pub(super) async fn sees(party: &Party, asked: &Asked, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/page-requests/{}", asked.id);
    let visitor = party.node.caller(&asked.capability);
    // The site may be down meanwhile.
    let look = async || visitor.try_get(&path, None).await.ok();
    let so = |reply: &Option<Reply>| reply.as_ref().is_some_and(|reply| reply.status == 200 && is_so(&reply.json()));
    first(look, so).await.expect("it was waited for").json()
}

/// What became of it.
pub(super) async fn over(party: &Party, asked: &Asked) -> Value {
    sees(party, asked, |row| row["state"] == json!("done") || row["state"] == json!("failed")).await
}

/// Asks, and waits for the end: state, and why it failed.
pub(super) async fn outcome(party: &Party, page: &str, what: (&str, &str, u32)) -> (Value, Value) {
    let row = over(party, &ask(party, page, what).await).await;
    (row["state"].clone(), row["failure"]["reason"].clone())
}

pub(super) fn done() -> (Value, Value) {
    (json!("done"), Value::Null)
}

pub(super) fn failed(reason: &str) -> (Value, Value) {
    (json!("failed"), json!(reason))
}
