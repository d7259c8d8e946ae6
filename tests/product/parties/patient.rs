//! Somebody who buys from parties that may be killed at any moment: each request is repeated under its key until it is
//! answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Buyer, OVER, Party, key};
use crate::fixture::PATIENCE;
use crate::http::{Caller, Lost, Reply};

/// Repeats what may not be answered, or only by a node that is about to end or has just begun.
pub(crate) async fn answered<F: Future<Output = Result<Reply, Lost>>>(ask: impl Fn() -> F) -> Reply {
    answered_so(ask, |reply| reply.status != 503).await
}

/// Repeats it until the answer `is_so`.
async fn answered_so<F>(ask: impl Fn() -> F, is_so: impl Fn(&Reply) -> bool) -> Reply
where
    F: Future<Output = Result<Reply, Lost>>,
{
    let (mut pace, begun) = (tokio::time::interval(Duration::from_millis(20)), Instant::now());
    loop {
        let answer = ask().await;
        match answer {
            Ok(reply) if is_so(&reply) => return reply,
            answer => assert!(begun.elapsed() < PATIENCE, "still {answer:?}"),
        }
        pace.tick().await;
    }
}

/// A purchase, with the keys of its requests.
pub(crate) struct Patient {
    shop: Caller,
    settler: Caller,
    terminal: Caller,
    offer: String,
    approval: String,
    collection: String,
    settlement: String,
    receipt: String,
    /// What was received is not to be had again.
    received: AtomicBool,
}

/// An approval and its offer, as they are presented.
#[derive(Debug)]
pub(crate) struct Approved(Value);

/// How a purchase ended.
#[derive(Debug)]
pub(crate) enum End {
    /// There was no approval, for this reason.
    Refused(String),
    /// The settlement ended in this row, and these files came.
    Over(Value, Vec<String>),
}

impl Patient {
    /// `buyer` at `shop`, who has it settled at `settler`.
    pub(crate) fn new(buyer: &Buyer, shop: &Party, settler: &Party) -> Self {
        Self::of(&buyer.terminal, &shop.guest(), &settler.guest())
    }

    /// The same, where the parties are in the hands of somebody else.
    pub(crate) fn of(terminal: &Caller, shop: &Caller, settler: &Caller) -> Self {
        let (shop, settler, terminal) = (shop.clone(), settler.clone(), terminal.clone());
        let [offer, approval, collection, settlement, receipt] =
            ["offer", "approval", "collection", "settlement", "receipt"].map(key);
        Self {
            shop,
            settler,
            terminal,
            offer,
            approval,
            collection,
            settlement,
            receipt,
            received: AtomicBool::new(false),
        }
    }

    /// Has one piece of `product` approved; or says why it is not.
    pub(crate) async fn approve(&self, product: &str) -> Result<Approved, String> {
        let wanted = json!({ "items": [{ "product": product, "quantity": 1 }] });
        let offer = answered(|| self.shop.try_post("/v1/offers", &self.offer, &wanted)).await;
        let statement = offer.expect(201).json()["statement"].clone();
        let body = json!({ "offer": statement });
        let asked = answered(|| self.terminal.try_post("/v1/approvals", &self.approval, &body)).await;
        if asked.status != 201 {
            return Err(asked.slug().unwrap_or(asked.text));
        }
        let approval = self.token(asked.json()).await?;
        Ok(Approved(json!({ "issuer": approval["issuer"], "token": approval["token"], "offer": statement })))
    }

    /// Presents what was approved; the answer.
    pub(crate) async fn present(&self, Approved(body): &Approved) -> Value {
        answered(|| self.settler.try_post("/v1/settlements", &self.settlement, body)).await.expect(201).json()
    }

    /// Buys one piece of `product`. Called again, it says the same again, and nothing more is bought.
    pub(crate) async fn buy(&self, product: &str) -> End {
        let opened = match self.approve(product).await {
            Ok(approved) => self.present(&approved).await,
            Err(reason) => return End::Refused(reason),
        };
        let holder = self.settler.with_key(opened["capability"].as_str().expect("a capability"));
        let id = opened["id"].as_str().expect("an id");
        let path = format!("/v1/settlements/{id}");
        let ended = async |states: &[&str]| {
            let is_there = |reply: &Reply| states.iter().any(|state| reply.json()["state"] == **state);
            answered_so(|| holder.try_get(&path, None), |reply| reply.status == 200 && is_there(reply)).await.json()
        };
        let row = ended(&OVER).await;
        let mut files = Vec::new();
        let is_delivered = [json!("available"), json!("settled")].contains(&row["state"]);
        if !is_delivered || self.received.load(Ordering::Relaxed) {
            return End::Over(row, files);
        }
        for content in row["contents"].as_array().into_iter().flatten() {
            let path = format!("/v1/settlements/{id}/content/{}", content["n"]);
            files.push(answered(|| holder.try_get(&path, None)).await.expect(200).text);
        }
        if row["state"] != json!("available") {
            return End::Over(row, files);
        }
        let path = format!("/v1/settlements/{id}/received");
        let nothing = json!({});
        self.received.store(true, Ordering::Relaxed);
        answered(|| holder.try_post(&path, &self.receipt, &nothing)).await.expect(200);
        End::Over(ended(&["settled"]).await, files)
    }

    /// The approval with its token, which is fetched where a financial reference was asked before; or its state.
    async fn token(&self, mut approval: Value) -> Result<Value, String> {
        if approval["state"] != json!("pending") {
            return Ok(approval);
        }
        let path = format!("/v1/approvals/{}", approval["id"].as_str().expect("an id"));
        let decided = |reply: &Reply| reply.status == 200 && reply.json()["state"] != json!("pending");
        let row = answered_so(|| self.terminal.try_get(&path, None), decided).await.json();
        if row["state"] == json!("refused") {
            return Err("refused".to_owned());
        }
        let path = format!("{path}/collect");
        let nothing = json!({});
        let collected = answered(|| self.terminal.try_post(&path, &self.collection, &nothing)).await;
        approval["token"] = collected.expect(200).field("token").into();
        Ok(approval)
    }
}
