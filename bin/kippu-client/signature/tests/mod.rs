//! Messages and keys of the tests.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use super::base::Message;
use super::request::{Here, Unverified};
use super::*;

mod answers;
mod calls;
mod requests;
mod strangers;
mod times;
mod vectors;

/// When the tests' messages are signed.
const NOW: i64 = 1_795_254_300;
/// Who signs requests, and whom they are for.
const SHOP: &str = "shopaaaaaaaaaaaaaaaaaaaa";
const BANK: &str = "bankaaaaaaaaaaaaaaaaaaaa";
const HERE: Here<'_> = Here { party: BANK, now: NOW };

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// The thumbprint of the JWK (RFC 7638, RFC 8037).
fn id(key: &SigningKey) -> String {
    let x = BASE64URL_NOPAD.encode(key.verifying_key().as_bytes());
    BASE64URL_NOPAD.encode(&Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

fn signer(party: &str, key: &SigningKey) -> Signer {
    let sign = key.clone();
    Signer::new(party, &id(key), move |message| sign.sign(message).to_bytes())
}

fn has_signed(key: &SigningKey, message: &[u8], signature: &[u8]) -> bool {
    let signature = Signature::from_slice(signature);
    signature.is_ok_and(|signature| key.verifying_key().verify_strict(message, &signature).is_ok())
}

/// Those of a party that has this one.
fn keys(key: &SigningKey) -> impl Fn(&str) -> Option<Verify> + use<> {
    let key = key.clone();
    move |named| {
        let key = key.clone();
        (named == id(&key))
            .then(|| -> Verify { Box::new(move |message, signature| has_signed(&key, message, signature)) })
    }
}

/// A message as it comes.
#[derive(Clone, PartialEq, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn of(fields: &[(&str, &str)], body: &[u8]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (method, path, query) = ("POST".to_owned(), "/v1/approvals/redeem".to_owned(), "dry=1".to_owned());
        Self { method, path, query, status: 200, fields, body: body.to_owned() }
    }

    /// A command for the bank.
    fn command() -> Self {
        let body = br#"{"token":"kpa_secret"}"#;
        let fields = [
            (CONTENT_TYPE, "application/json"),
            (CONTENT_DIGEST, &digest::of(body)),
            (IDEMPOTENCY_KEY, "a-key"),
            (AUDIENCE, BANK),
        ];
        Self::of(&fields, body)
    }

    /// A query for the bank.
    fn query() -> Self {
        let asked = Self::of(&[(AUDIENCE, BANK)], b"");
        Self { method: "GET".to_owned(), path: "/v1/approvals".to_owned(), query: String::new(), ..asked }
    }

    /// An answer of the bank.
    fn answer() -> Self {
        let body = br#"{"state":"redeemed"}"#;
        let fields = [
            (CONTENT_TYPE, "application/json"),
            (CONTENT_DIGEST, &digest::of(body)),
            ("kippu-position", "0-7"),
            ("etag", "\"3\""),
        ];
        Self::of(&fields, body)
    }

    fn field(&self, name: &str) -> Option<String> {
        combined(self.fields.iter().filter(|(its, _)| its == name).map(|(_, value)| value.as_bytes()))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(its, _)| its != name);
        self
    }

    fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    fn sealed(self, signed: &Signed) -> Self {
        signed.fields().into_iter().fold(self, |sent, (name, value)| sent.with(name, value))
    }

    fn as_request<T>(&self, look: impl FnOnce(Request<'_>) -> T) -> T {
        look(Request { method: &self.method, path: &self.path, query: &self.query, field: &|name| self.field(name) })
    }

    fn signed_by(self, signer: &Signer) -> Self {
        let signed = self.as_request(|request| request::sign(request, signer, NOW)).unwrap();
        self.sealed(&signed)
    }

    /// Signed over `parts`, with the parameters as they are written here: without our own code.
    fn written(self, input: &str, label: &str, key: &SigningKey, values: &[(&str, &str)]) -> Self {
        let lines = values.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>();
        let signature = key.sign(format!("{lines}\"@signature-params\": {input}").as_bytes()).to_bytes();
        let signature = data_encoding::BASE64.encode(&signature);
        self.with(SIGNATURE_INPUT, &format!("{label}={input}")).with(SIGNATURE, &format!("{label}=:{signature}:"))
    }

    fn parse(&self, here: Here<'_>) -> Result<Unverified, Refused> {
        self.as_request(|request| request::parse(request, &self.body, here))
    }

    /// Whether it counts as signed with `key`.
    fn checked(&self, key: &SigningKey) -> Result<(), Refused> {
        self.parse(HERE)?.verify(|message, signature| has_signed(key, message, signature))
    }

    fn answering(self, request: &Self, label: &str, signer: &Signer) -> Self {
        let signed = request.as_request(|request| {
            let response = Response { status: self.status, field: &|name| self.field(name) };
            response::sign(response, request, label, signer, NOW)
        });
        self.sealed(&signed.unwrap())
    }

    /// Whether it counts as the answer of the bank, which has `key`.
    fn answers(&self, request: &Self, key: &SigningKey) -> Result<(), Refused> {
        request.as_request(|request| {
            let response = Response { status: self.status, field: &|name| self.field(name) };
            response::verify(response, &self.body, request, BANK, keys(key))
        })
    }
}
