//! Members: registered once at the central node, and identified there for every site.

mod central;
mod data;
mod payments;

use serde_json::{Value, json};

use super::Sites;
use super::logs;
use crate::fixture::first;
use crate::http::{Caller, Reply};
use crate::parties::{Party, key};

/// What identifies everybody here.
pub(super) const PASSWORD: &str = "Zwölf Boxkämpfer jagen";

/// Terms that say this of members.
pub(super) fn terms(members: &Value) -> Value {
    let mut terms = logs::terms();
    terms["members"] = members.clone();
    terms
}

/// A registration.
pub(super) fn registration(login: &str) -> Value {
    json!({
        "login": login, "password": PASSWORD, "email": format!("{login}@example.org"), "region": "JP-13",
        "preferences": ["books"], "agreed": "privacy-2026-1", "marketing": true, "one_time_codes": true,
    })
}

/// One more partner of the main site, on these terms.
pub(super) async fn another(sites: &Sites, name: &str, terms: &Value) -> (Party, String) {
    let partner = Party::start(name).await;
    sites.main.knows(&partner, &["partner_site"]).await;
    partner.knows(&sites.main, &["main_site"]).await;
    let body = json!({ "partner": partner.id, "number": 1, "from": super::sites::FROM, "terms": terms });
    let proposed = sites.main.do_once("/v1/contracts", &key("terms"), &body).await.expect(201);
    let (contract, sha256) = (proposed.field("id"), proposed.field("sha256"));
    let has = async |party: &Party, state: &str| {
        let row = async || party.operator().get(&format!("/v1/contracts/{contract}")).await;
        first(row, |reply: &Reply| reply.status == 200 && reply.json()["state"] == json!(state)).await
    };
    has(&partner, "proposed").await;
    let body = json!({ "number": 1, "sha256": sha256 });
    partner.do_once(&format!("/v1/contracts/{contract}/accept"), &key("accept"), &body).await.expect(200);
    has(&sites.main, "in_force").await;
    has(&partner, "in_force").await;
    (partner, contract)
}

/// What members did, as `party` has it, once that is so much.
pub(super) async fn actions(party: &Party, count: usize) -> Vec<Value> {
    let rows = first(async || party.rows("member-actions").await, |rows| rows.len() >= count).await;
    assert_eq!(rows.len(), count, "{rows:?}");
    rows
}

/// Says something to `party` as a member.
pub(super) async fn say(party: &Party, contract: &str, what: &str, body: &Value) -> Reply {
    party.guest().post(&format!("/v1/contracts/{contract}/members/{what}"), &key(what), body).await
}

pub(super) async fn register(party: &Party, contract: &str, login: &str) -> Reply {
    say(party, contract, "register", &registration(login)).await
}

pub(super) async fn sign_in(party: &Party, contract: &str, login: &str, password: &str) -> Reply {
    say(party, contract, "sign-in", &json!({ "login": login, "password": password })).await
}

/// A visit that goes on.
pub(super) struct Visit {
    pub(super) id: String,
    pub(super) contract: String,
    pub(super) ticket: String,
    pub(super) member: String,
    pub(super) opened: Value,
    /// Who holds its capability.
    pub(super) holder: Caller,
}

impl Visit {
    /// Opens one by a ticket.
    pub(super) async fn open(party: &Party, contract: &str, ticket: &str) -> Self {
        let body = json!({ "contract": contract, "ticket": ticket });
        let opened = party.guest().post("/v1/member-visits", &key("visit"), &body).await.expect(201);
        Self {
            id: opened.field("id"),
            contract: contract.to_owned(),
            ticket: ticket.to_owned(),
            member: opened.field("member"),
            holder: party.node.caller(&opened.field("capability")),
            opened: opened.json(),
        }
    }

    /// Signs a member in, and opens one.
    pub(super) async fn of(party: &Party, contract: &str, login: &str) -> Self {
        let ticket = sign_in(party, contract, login, PASSWORD).await.expect(200).field("ticket");
        Self::open(party, contract, &ticket).await
    }

    /// Does something on a page, under this key.
    pub(super) async fn acts(&self, key: &str, kind: &str, page: &str) -> Reply {
        let body = json!({ "contract": self.contract, "visit": self.id, "kind": kind, "page": page });
        self.holder.post("/v1/member-actions", key, &body).await
    }

    /// Orders goods.
    pub(super) async fn orders(&self, item: &str) -> Reply {
        let body = json!({ "contract": self.contract, "item": item, "page": "/tie-up/a" });
        self.holder.post(&format!("/v1/member-visits/{}/order", self.id), &key("order"), &body).await
    }

    /// Pays an order.
    pub(super) async fn pays(&self, order: &Value, confirmation: Option<&str>) -> Reply {
        let mut body = json!({ "contract": self.contract, "order": order });
        if let Some(confirmation) = confirmation {
            body["confirmation"] = json!(confirmation);
        }
        self.holder.post(&format!("/v1/member-visits/{}/pay", self.id), &key("pay"), &body).await
    }

    /// Confirms an order with a code.
    pub(super) async fn confirms(&self, party: &Party, ordered: &Value, code: &str) -> Reply {
        let body = json!({
            "ticket": self.ticket, "code": code, "visit": self.id, "order": ordered["order"], "amount": ordered["amount"],
            "currency": ordered["currency"],
        });
        say(party, &self.contract, "confirm", &body).await
    }
}

/// The code of a member with this secret, so many steps from now, by another implementation.
pub(super) fn code(secret: &str, steps: &str) -> String {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/totp.py");
    let ended = std::process::Command::new("python3").arg(script).args([secret, steps]).output().expect("python3 runs");
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).expect("digits").trim().to_owned()
}
