//! The settlement server gets the approval and settles; what was bought is fetched.

use serde::Deserialize;
use serde_json::json;

use super::directory::{Held, Settings, Settler};
use super::error::Error;
use super::files;
use super::offer::{self, Offer};
use super::parties::{Parties, Party, Who};
use super::purchase::{Approval, Handed, Stage};

/// What a settlement server tells who holds the capability.
#[derive(Clone, Deserialize)]
pub(super) struct Row {
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) refused_by: Option<String>,
    pub(super) settled_at: Option<String>,
    pub(super) settled_amount: Option<u64>,
    pub(super) total: u64,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) contents: Vec<Content>,
}

/// A file as the settlement server names it.
#[derive(Clone, Deserialize)]
pub(super) struct Content {
    pub(super) n: u64,
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) size: u64,
    /// Where it is fetched: here, or at the shop. Nothing where it is not to be had, or not any more.
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
struct Opened {
    id: String,
    capability: String,
}

#[derive(Deserialize)]
struct AtShop {
    shop_capability: String,
}

#[derive(Deserialize)]
struct Card {
    party: String,
}

/// What a settlement server says of itself.
pub(super) async fn settler_at(url: &str, parties: &Parties) -> Result<Settler, Error> {
    let node = parties.at(Who::Settler, url, "")?;
    let Card { party } = node.ask("/.well-known/kippu-party.json").await?;
    Ok(Settler { party, url: node.url().to_owned() })
}

/// The settlement server that the offer names: the one that the user names, or the first that is known.
async fn settler(
    approval: &Approval,
    offer: &Offer,
    named: Option<&str>,
    settings: &Settings,
    parties: &Parties,
) -> Result<String, Error> {
    if let Some(url) = named.or(approval.settler.as_deref()) {
        let Settler { party, url } = settler_at(url, parties).await?;
        if offer.settlers.contains(&party) {
            return Ok(url);
        }
        return Err(Error::Usage(format!(
            "the offer does not name the settlement server at {url}: it gets no approval"
        )));
    }
    let known = offer.settlers.iter().find_map(|party| settings.settlers.iter().find(|it| it.party == *party));
    let none =
        || Error::Usage("none of the settlement servers of the offer is known: name one with --settler".to_owned());
    known.map(|settler| settler.url.clone()).ok_or_else(none)
}

/// Presents the approval, unless that is done.
pub(super) async fn presented(
    held: &mut Held,
    named: Option<&str>,
    settings: &Settings,
    parties: &Parties,
) -> Result<(), Error> {
    let Stage::Approved(approval) = &held.purchase.stage else { return Ok(()) };
    let offer = offer::read(&approval.statement)?;
    let url = settler(approval, &offer, named, settings, parties).await?;
    let node = parties.at(Who::Settler, &url, "")?;
    let Approval { id, issuer, token, statement, .. } = approval.clone();
    let body = json!({ "issuer": issuer, "token": token, "offer": statement });
    // Who says no has not taken it: the approval stays, for another settlement server that the offer names.
    let opened: Opened = node.give("/v1/settlements", &held.purchase.keys.settlement, &body).await?;
    held.purchase.stage = Stage::Presented(Handed {
        approval: id,
        settler: url,
        settlement: opened.id,
        capability: opened.capability,
        total: offer.total,
        currency: offer.currency,
    });
    held.save()
}

/// Waits for the settlement and fetches what was bought.
pub(super) async fn settled(held: &mut Held, parties: &Parties) -> Result<(), Error> {
    if let Stage::Presented(handed) = &held.purchase.stage {
        let handed = handed.clone();
        let node = parties.at(Who::Settler, &handed.settler, &handed.capability)?;
        let row = reached(&node, &handed, parties, &["available", "settled"]).await?;
        if !["available", "settled"].contains(&row.state.as_str()) {
            return Err(came_to_nothing(held, row)?);
        }
        let is_at_shop = |content: &Content| content.url.as_ref().is_some_and(|url| url.contains("://"));
        let at_shop = if row.contents.iter().any(is_at_shop) {
            let path = format!("/v1/settlements/{}/collect", handed.settlement);
            Some(node.give::<AtShop>(&path, &held.purchase.keys.at_shop, &json!({})).await?.shop_capability)
        } else {
            None
        };
        let mut all = Vec::new();
        for content in &row.contents {
            let file = files::fetched(held, content, &handed, at_shop.as_deref(), parties).await?;
            all.push(file);
        }
        held.purchase.stage = Stage::Held { handed, files: all };
        held.save()?;
    }
    if let Stage::Held { handed, files } = &held.purchase.stage {
        let (handed, files) = (handed.clone(), files.clone());
        let node = parties.at(Who::Settler, &handed.settler, &handed.capability)?;
        let path = format!("/v1/settlements/{}/received", handed.settlement);
        match node.give::<serde_json::Value>(&path, &held.purchase.keys.received, &json!({})).await {
            // Where the shop itself delivers, the settlement server has nothing that could have come from it.
            Ok(_) => {}
            Err(Error::Refused { problem, .. }) if problem.slug() == "nothing-to-receive" => {}
            Err(error) => return Err(error),
        }
        let row = reached(&node, &handed, parties, &["settled"]).await?;
        if row.state != "settled" {
            return Err(came_to_nothing(held, row)?);
        }
        held.purchase.stage = Stage::Settled { handed, files, settled_at: row.settled_at };
        held.save()?;
    }
    Ok(())
}

/// Keeps why nothing was settled, and says so.
fn came_to_nothing(held: &mut Held, row: Row) -> Result<Error, Error> {
    let who = match row.refused_by.as_deref() {
        Some("issuer") => Who::Authenticator.to_string(),
        Some("shop") => Who::Shop.to_string(),
        Some(other) => format!("{} ({other})", Who::Settler),
        None => Who::Settler.to_string(),
    };
    let reason = row.reason.unwrap_or_else(|| row.state.replace('_', "-"));
    held.purchase.stage = Stage::Over { who, reason };
    held.save()?;
    Ok(held.said_before().unwrap_or(Error::NotConfirmed))
}

/// The row once its state is one of `states`, or one that ends it.
async fn reached(node: &Party, handed: &Handed, parties: &Parties, states: &[&str]) -> Result<Row, Error> {
    let path = format!("/v1/settlements/{}", handed.settlement);
    let mut wait = parties.wait();
    loop {
        match node.ask::<Row>(&path).await {
            Ok(row) if states.contains(&row.state.as_str()) => return Ok(row),
            Ok(row) if ["refused", "timed_out", "cancelled"].contains(&row.state.as_str()) => return Ok(row),
            Ok(_) => {}
            // The row comes a moment after the answer.
            Err(Error::Refused { problem, .. }) if problem.status == 404 => {}
            Err(error) => return Err(error),
        }
        if !wait.again().await {
            return Err(Error::UnderWay(format!("the settlement {} is under way", handed.settlement)));
        }
    }
}

/// How it stands at the settlement server now.
pub(super) async fn row(handed: &Handed, parties: &Parties) -> Result<Row, Error> {
    let node = parties.at(Who::Settler, &handed.settler, &handed.capability)?;
    node.ask(&format!("/v1/settlements/{}", handed.settlement)).await
}
