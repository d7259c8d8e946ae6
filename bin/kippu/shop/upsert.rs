//! Brings what is listed up to what is wanted: compared first, so that what is so already is left alone.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use indicatif::ProgressBar;
use kippu_actors::Commands;
use kippu_actors::approvals::products::{Change, Open, Reprice};
use kippu_events::access::Caller;
use kippu_events::approvals::products::{self, Content, Kind};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Family};
use kippu_projections::queries::{MOST_ROWS, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::ShopError;
use super::product::Wanted;
use crate::import::{Answer, Line, Target};
use crate::node;
use crate::output::Output;

/// The view of what is listed.
const VIEW: &str = "products";

/// How many products ended how.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub(super) struct Counts {
    /// Of the file.
    products: u64,
    /// New, and for sale now.
    listed: u64,
    /// Something else is said of them.
    changed: u64,
    /// They cost something else.
    repriced: u64,
    /// They were so already.
    unchanged: u64,
    /// They are withdrawn, and were left so.
    withdrawn: u64,
    /// A rule said no.
    refused: u64,
    /// A defect.
    failed: u64,
}

impl Counts {
    pub(super) const fn is_clean(&self) -> bool {
        self.refused + self.failed == 0
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { products, listed, changed, repriced, unchanged, withdrawn, refused, failed } = self;
        write!(
            f,
            "shop import: {products} products, {listed} listed, {changed} changed, {repriced} repriced, {unchanged} unchanged, \
             {withdrawn} left withdrawn, {refused} refused, {failed} failed"
        )
    }
}

/// A product as it is listed.
#[derive(Deserialize)]
pub(super) struct Known {
    id: EntityId,
    state: String,
    version: u64,
    price: Minor,
    currency: Currency,
    name: String,
    about: Option<String>,
    kind: Kind,
    genre: Option<String>,
    picture: Option<String>,
    #[serde(default)]
    contents: Vec<Content>,
}

/// What one command does to a product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Does {
    List,
    Change,
    Reprice,
}

/// What is to be done for a product.
pub(super) enum Plan {
    /// Nothing.
    Unchanged,
    /// Nothing, since somebody has withdrawn it.
    Withdrawn,
    /// Nothing, since it cannot become so.
    No(String),
    /// These commands, one after the other.
    Give(Vec<(Does, Line)>),
}

/// See the module.
pub(super) struct Upsert<'a> {
    pub(super) target: &'a Target,
    pub(super) output: &'a Output,
    pub(super) bar: &'a ProgressBar,
    pub(super) in_flight: usize,
    pub(super) deadline: Duration,
}

/// A product that was not listed so.
#[derive(Serialize)]
struct Remark<'a> {
    line: u64,
    outcome: &'a str,
    problem: &'a str,
    detail: &'a str,
}

impl Upsert<'_> {
    /// Does it for every product.
    pub(super) async fn run(&self, wanted: &[Wanted]) -> Result<Counts, ShopError> {
        let known = self.known().await?;
        let mut counts = Counts::default();
        let each = stream::iter(wanted).map(|wanted| self.one(wanted, &known));
        let mut ended = each.buffer_unordered(self.in_flight);
        while let Some(one) = ended.next().await {
            let one = one?;
            counts.products += 1;
            counts.listed += one.listed;
            counts.changed += one.changed;
            counts.repriced += one.repriced;
            counts.unchanged += one.unchanged;
            counts.withdrawn += one.withdrawn;
            counts.refused += one.refused;
            counts.failed += one.failed;
            self.bar.inc(1);
        }
        Ok(counts)
    }

    async fn one(&self, wanted: &Wanted, known: &HashMap<EntityId, Known>) -> Result<Counts, ShopError> {
        let line = wanted.line;
        let mut counts = Counts::default();
        let given = match plan(&wanted.open, known.get(&products::id_of(wanted.open.sku.as_str())))? {
            Plan::Unchanged => return Ok(Counts { unchanged: 1, ..counts }),
            Plan::Withdrawn => return Ok(Counts { withdrawn: 1, ..counts }),
            Plan::No(reason) => {
                self.remark(line, "refused", "not-to-be-so", &reason);
                return Ok(Counts { refused: 1, ..counts });
            }
            Plan::Give(given) => given,
        };
        for (does, command) in &given {
            match self.target.settle(command, self.deadline).await {
                Answer::Applied => match does {
                    Does::List => counts.listed += 1,
                    Does::Change => counts.changed += 1,
                    Does::Reprice => counts.repriced += 1,
                },
                // An import that was interrupted has done it, and the view was behind.
                Answer::Replayed => counts.unchanged = 1,
                Answer::Refused { problem, detail } => {
                    self.remark(line, "refused", &problem, &detail);
                    counts.refused += 1;
                    break;
                }
                Answer::Failed { problem, detail } => {
                    self.remark(line, "failed", &problem, &detail);
                    counts.failed += 1;
                    break;
                }
                Answer::Later { detail, .. } | Answer::Never { detail } => {
                    return Err(ShopError::Stopped { line, reason: detail });
                }
            }
        }
        Ok(counts)
    }

    fn remark(&self, line: u64, outcome: &str, problem: &str, detail: &str) {
        if self.output.is_json() {
            self.output.result(&Remark { line, outcome, problem, detail }, "");
        } else {
            self.bar.suspend(|| self.output.note(format_args!("line {line}: {outcome}: {problem}: {detail}")));
        }
    }

    /// What is listed, by id.
    async fn known(&self) -> Result<HashMap<EntityId, Known>, ShopError> {
        let told = |error: &dyn fmt::Display| ShopError::Listed(error.to_string());
        let (mut known, mut cursor) = (HashMap::new(), None::<String>);
        if let Target::Local(node) = self.target {
            node.queries.caught_up(node::CLIENTS_WAIT).await.map_err(|error| told(&error))?;
        }
        loop {
            let (rows, next) = match self.target {
                Target::Local(node) => {
                    let page = Page { cursor, limit: MOST_ROWS, ..Page::default() };
                    let listed = node.queries.list(VIEW, &Caller::OPERATOR, &page).map_err(|error| told(&error))?;
                    let read = listed.rows.iter().map(|row| serde_json::from_slice::<Known>(row.as_bytes()));
                    (read.collect::<Result<Vec<_>, _>>(), listed.next)
                }
                Target::Server { node, .. } => {
                    // Cursors are of base64url: they need no escaping.
                    let from = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
                    let path = format!("/v1/{VIEW}?limit={MOST_ROWS}{from}");
                    let mut page = node.done(node.query(&path, None)).await.map_err(|error| told(&error))?;
                    let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
                    let data = page.get_mut("data").map(Value::take).unwrap_or_default();
                    (serde_json::from_value::<Vec<Known>>(data), next)
                }
            };
            known.extend(rows.map_err(|error| told(&error))?.into_iter().map(|row| (row.id, row)));
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(known),
            }
        }
    }
}

/// What is to be done so that the product is as `open` says.
pub(super) fn plan(open: &Open, known: Option<&Known>) -> Result<Plan, ShopError> {
    let Some(known) = known else {
        return Ok(Plan::Give(vec![(Does::List, line("open", None, 0, open)?)]));
    };
    if known.state == "withdrawn" {
        return Ok(Plan::Withdrawn);
    }
    if known.currency != open.currency {
        let reason = format!("{} is listed in {}, and a product keeps its currency", open.sku.as_str(), known.currency);
        return Ok(Plan::No(reason));
    }
    let mut given = Vec::new();
    if !is_same(open, known) {
        let Open { name, about, kind, genre, picture, contents, .. } = open;
        let (name, about, genre) = (name.clone(), about.clone(), genre.clone());
        let change = Change { name, about, kind: *kind, genre, picture: picture.clone(), contents: contents.clone() };
        given.push((Does::Change, line("change", Some(known.id), known.version, &change)?));
    }
    if open.price != known.price {
        let reprice = Reprice { price: open.price };
        given.push((Does::Reprice, line("reprice", Some(known.id), known.version, &reprice)?));
    }
    Ok(if given.is_empty() { Plan::Unchanged } else { Plan::Give(given) })
}

/// Whether the same is said of both, but for the price.
fn is_same(open: &Open, known: &Known) -> bool {
    let Open { name, about, kind, genre, picture, contents, .. } = open;
    let same_file = |wanted: &kippu_actors::approvals::products::Content, there: &Content| {
        wanted.name.as_str() == there.name
            && wanted.media_type.as_str() == there.media_type
            && wanted.sha256.as_str() == there.sha256
            && wanted.size == there.size
    };
    name.as_str() == known.name
        && about.as_ref().map(|text| text.as_str()) == known.about.as_deref()
        && *kind == known.kind
        && genre.as_ref().map(|text| text.as_str()) == known.genre.as_deref()
        && picture.as_ref().map(|text| text.as_str()) == known.picture.as_deref()
        && contents.len() == known.contents.len()
        && contents.iter().zip(&known.contents).all(|(wanted, there)| same_file(wanted, there))
}

/// The command `name` with a key that follows from what it asks, of which product and on which version: the same in every run,
/// and another one once the product was changed by somebody else.
fn line(name: &str, id: Option<EntityId>, version: u64, body: &impl Serialize) -> Result<Line, ShopError> {
    let listed = |error: serde_json::Error| ShopError::Listed(error.to_string());
    let body = serde_json::to_string(body).map_err(listed)?;
    let spec = Commands::spec(Family::Products, name, id)
        .ok_or_else(|| ShopError::Listed(format!("products have no command {name}")))?;
    let named = id.map_or_else(String::new, |id| id.to_string());
    let hash = Sha256::new().chain_update(format!("{name}/{named}/{version}/")).chain_update(&body).finalize();
    let key = format!("shop-import-{}", data_encoding::HEXLOWER.encode(&hash[..20]));
    let body = RawValue::from_string(body).map_err(listed)?;
    Ok(Line { family: Family::Products, spec, id, key, body })
}
