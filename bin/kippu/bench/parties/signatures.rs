//! SIGNATURES: microseconds to sign a request and to check one, as a node does, compared with an Ed25519 signature of as many bytes
//! and its check.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kippu_client::signature::{
    AUDIENCE, CONTENT_DIGEST, Refused, Request, SIGNATURE, SIGNATURE_INPUT, Signed, Signer, digest, request,
};
use kippu_events::secrets::{PublicKey, SigningUse};

use super::super::figure::{BenchError, Figure, Goal, median, round};
use super::super::{Effort, scene};
use super::echo::now_s;
use super::keys::Pair;
use crate::node::Node;

/// A redemption, which is what is asked most often.
const PATH: &str = "/v1/approvals/redeem";
const BODY: &str = r#"{"token":"kpa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","amount":125,"currency":"EUR"}"#;
/// Whom it is for.
const ANSWERER: &str = "answerer";

/// In microseconds each.
#[derive(Default)]
struct Times {
    sign: Vec<f64>,
    check: Vec<f64>,
}

impl Times {
    fn sums(&self) -> Vec<f64> {
        self.sign.iter().zip(&self.check).map(|(sign, check)| sign + check).collect()
    }
}

pub(in super::super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let (node, _) = scene::open(&dir.join("node"), 0).await?;
    let bytes = signed_bytes()?;
    let key = node.secrets.public_key(SigningUse::Http, 0);
    let (mut ours, mut bare) = (Times::default(), Times::default());
    for _ in 0..effort.rounds {
        as_a_node_does(&node, key, effort.signatures, &mut ours).await?;
        barely(&bytes, effort.signatures, &mut bare)?;
    }
    node.stop().await;
    Ok(Figure::new(median(ours.sums()), median(bare.sums()), "µs", Goal::Told)
        .with("sign_micros", round(median(ours.sign)))
        .with("check_micros", round(median(ours.check)))
        .with("bare_sign_micros", round(median(bare.sign)))
        .with("bare_check_micros", round(median(bare.check)))
        .with("signed_bytes", bytes.len()))
}

/// A request, as its parts are looked at.
struct Asked {
    signed: Option<Signed>,
}

impl Asked {
    fn with<T>(&self, digest: &str, take: impl FnOnce(Request<'_>) -> T) -> T {
        let field = |name: &str| {
            let text = match name {
                CONTENT_DIGEST => digest,
                "content-type" => "application/json",
                "idempotency-key" => "00000000000000000000000000000000",
                AUDIENCE => ANSWERER,
                SIGNATURE_INPUT => &self.signed.as_ref()?.input,
                SIGNATURE => &self.signed.as_ref()?.signature,
                _ => return None,
            };
            Some(text.to_owned())
        };
        take(Request { method: "POST", path: PATH, query: "", field: &field })
    }
}

/// What is signed of a request.
fn signed_bytes() -> Result<Vec<u8>, BenchError> {
    let signed = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&signed);
    // As long as those of a node.
    let (party, key) = ("a".repeat(24), "a".repeat(43));
    let signer = Signer::new(&party, &key, move |message| {
        *sees.lock().unwrap_or_else(PoisonError::into_inner) = message.to_vec();
        [0; 64]
    });
    let digest = digest::of(BODY.as_bytes());
    Asked { signed: None }.with(&digest, |asked| request::sign(asked, &signer, now_s())).map_err(BenchError::load)?;
    Ok(signed.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Signs and checks as often as that, with everything that a node does for it.
async fn as_a_node_does(node: &Node, key: PublicKey, count: u64, times: &mut Times) -> Result<(), BenchError> {
    let mut asked = Asked { signed: None };
    let begun = Instant::now();
    for _ in 0..count {
        let signer = node.identity.signer().await.map_err(BenchError::load)?;
        let digest = digest::of(BODY.as_bytes());
        let signed = Asked { signed: None }.with(&digest, |asked| request::sign(asked, &signer, now_s()));
        asked.signed = Some(signed.map_err(BenchError::load)?);
    }
    times.sign.push(micros(begun, count));
    let digest = digest::of(BODY.as_bytes());
    let here = || request::Here { party: ANSWERER, now: now_s() };
    let begun = Instant::now();
    for _ in 0..count {
        let checked = asked.with(&digest, |asked| {
            let unverified = request::parse(asked, BODY.as_bytes(), here())?;
            unverified.verify(|message, signature| key.has_signed(message, signature))
        });
        checked.map_err(|refused: Refused| BenchError::load(refused))?;
    }
    times.check.push(micros(begun, count));
    Ok(())
}

/// Signs `bytes`, and checks that, as often as that.
fn barely(bytes: &[u8], count: u64, times: &mut Times) -> Result<(), BenchError> {
    let pair = Pair::new(ANSWERER, 1);
    let mut signature = [0; 64];
    let begun = Instant::now();
    for _ in 0..count {
        signature = std::hint::black_box(pair.sign(std::hint::black_box(bytes)));
    }
    times.sign.push(micros(begun, count));
    let begun = Instant::now();
    for _ in 0..count {
        if !pair.has_signed(std::hint::black_box(bytes), &signature) {
            return Err(BenchError::load("a signature does not count"));
        }
    }
    times.check.push(micros(begun, count));
    Ok(())
}

/// Each, in microseconds.
fn micros(begun: Instant, count: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // counts are far below 2^52
    let count = count as f64;
    begun.elapsed().as_secs_f64() * 1e6 / count
}
