//! Who buys: a subscriber, a terminal that stores who that is, and what comes of a purchase.

use serde_json::{Value, json};

use super::{Party, answered, key};
use crate::fixture::first;
use crate::http::{Caller, Reply};

/// The states of a settlement that is no longer under way, and of one that waits for its buyer to take what is delivered.
pub(crate) const OVER: [&str; 5] = ["available", "settled", "refused", "timed_out", "cancelled"];

/// A subscriber with a terminal.
#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) terminal: Caller,
    pub(crate) user: String,
}

impl Buyer {
    /// Asks for `offer` to be approved.
    pub(crate) async fn approve(&self, offer: &Value) -> Reply {
        self.terminal.post("/v1/approvals", &key("approval"), &json!({ "offer": offer["statement"] })).await
    }

    /// Asks for a plain amount in cents.
    pub(crate) async fn approve_amount(&self, amount: u64) -> Reply {
        let body = json!({ "amount": amount, "currency": "EUR", "purchase": { "description": "a song" } });
        self.terminal.post("/v1/approvals", &key("approval"), &body).await
    }
}

/// What a buyer has in the end.
pub(crate) struct Bought {
    /// The settlement, as its holder sees it.
    pub(crate) row: Value,
    /// The files.
    pub(crate) files: Vec<Vec<u8>>,
    /// Who holds its capability.
    pub(crate) holder: Caller,
}

/// Presents `approval` for `offer` at `settler`: the answer, and the buyer who holds its capability.
pub(crate) async fn present(settler: &Party, approval: &Value, offer: &Value, key: &str) -> Reply {
    let body = json!({ "issuer": approval["issuer"], "token": approval["token"], "offer": offer["statement"] });
    let guest = settler.guest();
    answered(|| guest.try_post("/v1/settlements", key, &body)).await
}

/// Waits until `settlement` is in one of these states; its row.
pub(crate) async fn settled(holder: &Caller, settlement: &str, states: &[&str]) -> Value {
    let path = format!("/v1/settlements/{settlement}");
    let is_there = |reply: &Result<Reply, _>| {
        reply.as_ref().is_ok_and(|reply: &Reply| {
            reply.status == 200 && states.contains(&reply.json()["state"].as_str().unwrap_or_default())
        })
    };
    let reply = first(async || holder.try_get(&path, None).await, is_there).await;
    assert!(is_there(&reply), "not {states:?}: {reply:?}");
    reply.expect("it was answered").json()
}

/// Presents, waits, and fetches every file.
pub(crate) async fn settle(settler: &Party, approval: &Value, offer: &Value) -> Bought {
    let opened = present(settler, approval, offer, &key("settlement")).await.expect(201).json();
    finish(settler, opened).await
}

/// Waits for a settlement that was `opened`, and fetches every file.
pub(crate) async fn finish(settler: &Party, opened: Value) -> Bought {
    let holder = settler.node.caller(opened["capability"].as_str().expect("a capability"));
    let id = opened["id"].as_str().expect("an id");
    let row = settled(&holder, id, &OVER).await;
    let mut files = Vec::new();
    for content in row["contents"].as_array().cloned().unwrap_or_default() {
        let path = format!("/v1/settlements/{id}/content/{}", content["n"]);
        let file = holder.get(&path).await.expect(200);
        files.push(file.text.into_bytes());
    }
    Bought { row, files, holder }
}
