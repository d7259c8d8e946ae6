//! PURCHASES: whole purchases a second through five parties, from the offer to the file, compared with what one node does alone for its
//! own API clients: approvals that are redeemed and settled.
//!
//! ```text
//! buyer ─▶ shop: offer ─▶ authentication server: approval ─▶ (financial reference: inquiry) ─▶ collected
//!       ─▶ settlement server or its rival: settlement ─▶ (redeemed ─▶ delivered ─▶ fetched ─▶ settled) ─▶ file ─▶ (notice)
//! ```

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::Effort;
use super::super::figure::{BenchError, Figure, Goal, median, round};
use super::buyers;
use super::follower::Follower;
use super::lines::Lines;
use super::load::{Until, Work, closed, micros, paced};
use super::owed::{Alone, cast};
use super::party::{Party, text};

/// What the shop has. A settlement server fetches each file once.
const PRODUCTS: usize = 32;
/// Of each file.
const FILE_BYTES: usize = 16 << 10;
/// For each that buys at once, so many have a terminal: nobody's purchases are queued behind each other.
const TERMINALS_EACH: usize = 4;
/// A purchase that came to nothing, since somebody did not answer in time, is tried so often: a busy machine is no failure.
const TRIES: u32 = 10;
/// The longest that a settlement waits for its permission.
const WAIT_SECS: u32 = 60;

pub(in super::super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let cast = cast(dir, "alone", effort.users).await?;
    let alone = Party::start(dir, "alone").await?;
    let alone = (Arc::new(Alone { node: alone.address, cast, settles: true }), alone);
    let parties = Parties::start(dir).await?;
    let purchases = Arc::new(parties.open(effort).await?);
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        ours.push(closed(&purchases, effort.buyers, Until::span(effort)).await?);
        limit.push(closed(&alone.0, effort.buyers, Until::span(effort)).await?);
    }
    let full = median(ours);
    let latency = paced(&purchases, full / 2.0, effort).await?;
    Ok(Figure::new(full, median(limit), "purchases/s", Goal::Told)
        .with("under_way_at_once", effort.buyers)
        .with("file_bytes", FILE_BYTES)
        .with("paced_purchases_per_second", round(full / 2.0))
        .with("p50_micros", micros(&latency, 0.5))
        .with("p99_micros", micros(&latency, 0.99))
        .with("tried_again", purchases.tried_again.load(Ordering::Relaxed)))
}

/// Five parties, which know each other.
struct Parties {
    authenticator: Party,
    reference: Party,
    shop: Party,
    settlers: [Party; 2],
}

impl Parties {
    async fn start(dir: &Path) -> Result<Self, BenchError> {
        let authenticator = Party::start(dir, "authenticator").await?;
        let reference = Party::start(dir, "reference").await?;
        let shop = Party::start(dir, "shop").await?;
        let settlers = [Party::start(dir, "settler").await?, Party::start(dir, "rival").await?];
        authenticator.knows(&shop, &["shop"]).await?;
        authenticator.knows(&reference, &["reference"]).await?;
        reference.knows(&authenticator, &["authenticator"]).await?;
        shop.knows(&authenticator, &["authenticator"]).await?;
        for settler in &settlers {
            authenticator.knows(settler, &["settler"]).await?;
            shop.knows(settler, &["settler"]).await?;
            settler.knows(&authenticator, &["authenticator"]).await?;
            settler.knows(&shop, &["shop"]).await?;
            let terms = json!({ "order": "settle_first", "wait_secs": WAIT_SECS });
            settler.give("/v1/settler-terms/set", "terms", &terms).await?;
        }
        let terms =
            json!({ "settlers": settlers.each_ref().map(|settler| &settler.id), "currency": "EUR", "direct": false });
        shop.give("/v1/shop-terms/set", "terms", &terms).await?;
        Ok(Self { authenticator, reference, shop, settlers })
    }

    /// Fills the shop, and registers buyers whom the financial reference vouches for.
    async fn open(self, effort: Effort) -> Result<Purchases, BenchError> {
        let mut products = Vec::new();
        for number in 0..PRODUCTS {
            let file = format!("song {number}, ").into_bytes().into_iter().cycle().take(FILE_BYTES).collect();
            let sha256 = self.shop.upload(file).await?;
            let content =
                json!({ "name": "song.ogg", "media_type": "audio/ogg", "sha256": sha256, "size": FILE_BYTES });
            let product = json!({
                "sku": format!("song-{number}"), "name": format!("Song {number}"), "kind": "digital", "genre": "Rock",
                "price": 125, "currency": "EUR", "contents": [content],
            });
            let opened = self.shop.give("/v1/products", &format!("product-{number}"), &product).await?;
            products.push(text(&opened, "id")?);
        }
        let Self { authenticator, reference, .. } = &self;
        let in_good_standing = async |number: usize| {
            let credit = json!({ "number": format!("number-{number}"), "standing": "good" });
            reference.give("/v1/credits", &format!("credit-{number}"), &credit).await?;
            let named = json!({ "party": reference.id, "number": format!("number-{number}") });
            Ok(json!({ "policy": "both", "reference": named }))
        };
        let terminals = buyers::terminals(authenticator, effort.buyers * TERMINALS_EACH, in_good_standing).await?;
        let approvals = Follower::start(&authenticator.operator, "approval.issued,approval.refused").await?;
        let kinds = "settlement.settled,settlement.refused,settlement.timed_out";
        let [settler, rival] = &self.settlers;
        let settlements =
            [Follower::start(&settler.operator, kinds).await?, Follower::start(&rival.operator, kinds).await?];
        Ok(Purchases { parties: self, products, terminals, approvals, settlements, tried_again: AtomicU64::new(0) })
    }
}

/// Buys.
struct Purchases {
    parties: Parties,
    products: Vec<String>,
    terminals: Vec<String>,
    approvals: Follower,
    settlements: [Follower; 2],
    tried_again: AtomicU64,
}

impl Work for Purchases {
    async fn once(&self, number: u64, due: Instant, lines: &Lines) -> Result<Vec<Duration>, BenchError> {
        let mut came = String::new();
        for attempt in 0..TRIES {
            match self.buy(number, attempt, lines).await? {
                Bought::All => return Ok(vec![due.elapsed()]),
                Bought::Nothing(kind) => came = kind,
            }
            self.tried_again.fetch_add(1, Ordering::Relaxed);
        }
        Err(BenchError::Load(format!("no purchase, but {came}")))
    }
}

/// What came of a purchase.
enum Bought {
    All,
    /// Because of this event.
    Nothing(String),
}

impl Purchases {
    /// One purchase, from the offer to the file.
    async fn buy(&self, number: u64, attempt: u32, lines: &Lines) -> Result<Bought, BenchError> {
        let Self { parties: Parties { authenticator, shop, settlers, .. }, .. } = self;
        let nth = usize::try_from(number).unwrap_or(0);
        let (product, terminal) = (&self.products[nth % PRODUCTS], &*self.terminals[nth % self.terminals.len()]);
        let (settler, settlements) = (&settlers[nth % 2], &self.settlements[nth % 2]);
        let key = &*format!("{number:024}-{attempt:08}");
        let post = async |to: SocketAddr, path: &str, bearer, body, status| {
            lines.post(to, path, (bearer, key), &body).await?.expect(status)?.json()
        };

        let wanted = json!({ "items": [{ "product": product, "quantity": 1 }] });
        let offer = post(shop.address, "/v1/offers", "", wanted, 201).await?;
        let statement = &offer["statement"];

        let asked = post(authenticator.address, "/v1/approvals", terminal, json!({ "offer": statement }), 201).await?;
        let approval = text(&asked, "id")?;
        let came = self.approvals.wait(&format!("approvals/{approval}")).await?;
        if came != "approval.issued" {
            return Ok(Bought::Nothing(came));
        }
        let path = format!("/v1/approvals/{approval}/collect");
        let token = text(&post(authenticator.address, &path, terminal, json!({}), 200).await?, "token")?;

        let presented = json!({ "issuer": authenticator.id, "token": token, "offer": statement });
        let opened = post(settler.address, "/v1/settlements", "", presented, 201).await?;
        let settlement = text(&opened, "id")?;
        let came = settlements.wait(&format!("settlements/{settlement}")).await?;
        if came != "settlement.settled" {
            return Ok(Bought::Nothing(came));
        }
        let path = format!("/v1/settlements/{settlement}/content/0");
        let file = lines.get(settler.address, &path, &text(&opened, "capability")?).await?.expect(200)?;
        if file.body.len() != FILE_BYTES {
            return Err(BenchError::Load(format!("a file of {} bytes", file.body.len())));
        }
        Ok(Bought::All)
    }
}
