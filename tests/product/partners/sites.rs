//! A main site and a partner site that know each other by their cards.

use std::path::Path;

use serde_json::{Value, json};

use crate::fixture::{Ended, first, run, utf8};
use crate::http::Reply;
use crate::parties::{Party, key};

/// When the first terms of every contract here begin.
pub(crate) const FROM: &str = "2026-10-01T00:00:00+09:00";

/// The two.
pub(crate) struct Sites {
    pub(crate) main: Party,
    pub(crate) partner: Party,
    /// Their contract, by its id, which is the same at both.
    pub(crate) contract: String,
}

impl Sites {
    /// Two sites without a contract.
    pub(crate) async fn strangers() -> Self {
        let (main, partner) = (Party::start("main").await, Party::start("partner").await);
        main.knows(&partner, &["partner_site"]).await;
        partner.knows(&main, &["main_site"]).await;
        Self { main, partner, contract: String::new() }
    }

    /// Two sites whose contract has these terms.
    pub(crate) async fn on(terms: &Value) -> Self {
        let mut sites = Self::strangers().await;
        let proposed = sites.propose(1, FROM, terms).await.expect(201);
        sites.contract = proposed.field("id");
        sites.accept(1).await.expect(200);
        sites.both_have(|row| row["state"] == json!("in_force")).await;
        sites
    }

    /// Proposes terms, at the main site.
    pub(crate) async fn propose(&self, number: u32, from: &str, terms: &Value) -> Reply {
        let body = json!({ "partner": self.partner.id, "number": number, "from": from, "terms": terms });
        self.main.do_once("/v1/contracts", &key("terms"), &body).await
    }

    /// Accepts the terms with this number as the partner's node shows them, once it was told.
    pub(crate) async fn accept(&self, number: u32) -> Reply {
        let row = self.has(&self.partner, |row| terms(row, number).is_some()).await;
        let sha256 = &terms(&row, number).expect("it was waited for")["sha256"];
        let body = json!({ "number": number, "sha256": sha256 });
        self.partner.do_once(&format!("/v1/contracts/{}/accept", self.contract), &key("accept"), &body).await
    }

    /// The contract as `party` has it, once that is so.
    pub(crate) async fn has(&self, party: &Party, is_so: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/contracts/{}", self.contract);
        let row = async || party.operator().get(&path).await;
        let so = |reply: &Reply| reply.status == 200 && is_so(&reply.json());
        let reply = first(row, so).await;
        assert!(so(&reply), "{}", reply.text);
        reply.json()
    }

    /// Waits until both have the contract so; its rows.
    pub(crate) async fn both_have(&self, is_so: impl Fn(&Value) -> bool) -> [Value; 2] {
        [self.has(&self.main, &is_so).await, self.has(&self.partner, &is_so).await]
    }

    /// `kippu access import` at `party`, with these arguments.
    pub(crate) fn import(&self, party: &Party, file: &Path, arguments: &[&str]) -> Ended {
        let key_file = party.node.data().join("operator.key");
        let node = ["--server", party.node.url(), "--key-file", utf8(&key_file)];
        let command = ["access", "import", utf8(file), "--contract", &self.contract];
        let source: &[&str] = if arguments.contains(&"--source") { &[] } else { &["--source", "www"] };
        run(&[&command[..], source, &node, arguments].concat())
    }

    /// Has the lines of a file certified at the partner, and waits until the views of both have them.
    pub(crate) async fn take(&self, file: &Path, arguments: &[&str]) {
        let before = self.partner.rows("access-batches").await.len();
        let counts = self.import(&self.partner, file, &[arguments, &["--json"]].concat()).ok().json()[0].clone();
        let expected = before + usize::try_from(counts["certified"].as_u64().expect("a number")).expect("a few");
        for party in [&self.partner, &self.main] {
            let count = async || party.rows("access-batches").await.len();
            assert_eq!(first(count, |count| *count >= expected).await, expected);
        }
        self.partner.owes_nothing().await;
    }

    /// Both histories are sound, and no rule was broken.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        for party in [&self.main, &self.partner] {
            party.node.assert_sound();
        }
    }
}

/// The terms with this number.
fn terms(row: &Value, number: u32) -> Option<&Value> {
    row["terms"].as_array()?.iter().find(|terms| terms["number"] == json!(number))
}
