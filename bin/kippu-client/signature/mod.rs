//! HTTP message signatures between parties (RFC 9421, Ed25519): what a party asks of another and what that one answers, each
//! signed over what counts of it, the body by its digest (RFC 9530).
//!
//! ```text
//! request   kippu-audience: <party that is asked>            answer   content-digest: sha-256=:…:
//!           content-digest: sha-256=:…:                               signature-input: kippu=("@status" "content-digest" …
//!           signature-input: kippu=("@method" "@path" …                    "signature";req;key="kippu");…
//!           signature: kippu=:…:          ◄──────────────────────── covered by the answer's signature
//! ```
//!
//! Keys stay where they are: who signs gives a function, and so does who checks. Nothing here knows a server or a client, so that both
//! use it; [`call`] does for the client. What is covered and why is in `docs/adr/0005-http-message-signatures.md`.

mod base;
pub mod call;
pub mod digest;
mod input;
mod refused;
pub mod request;
pub mod response;
#[cfg(test)]
mod tests;

pub use self::refused::Refused;

/// Whom a request is for: the id of the party.
pub const AUDIENCE: &str = "kippu-audience";
/// What a body hashes to (RFC 9530).
pub const CONTENT_DIGEST: &str = "content-digest";
/// What a signature covers, and its parameters.
pub const SIGNATURE_INPUT: &str = "signature-input";
/// A signature's bytes.
pub const SIGNATURE: &str = "signature";
/// What our signatures are called within these two fields. Those of others may be called otherwise.
pub const LABEL: &str = "kippu";

pub(crate) const CONTENT_TYPE: &str = "content-type";
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request, as far as its signature may cover it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// As it is sent.
    pub method: &'a str,
    /// The path as it is sent, nothing decoded.
    pub path: &'a str,
    /// The query as it is sent, without its question mark; empty where there is none.
    pub query: &'a str,
    /// The header field with this name, in lower case, as [`combined`] makes it. It MAY also know `@authority`, `@scheme`,
    /// `@target-uri` and `@request-target`: those that it does not know cover nothing here.
    pub field: &'a dyn Fn(&str) -> Option<String>,
}

/// An answer, as far as its signature may cover it.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// HTTP status.
    pub status: u16,
    /// The header field with this name, in lower case, as [`combined`] makes it.
    pub field: &'a dyn Fn(&str) -> Option<String>,
}

/// One value of all lines of a header field, in their order (RFC 9421, section 2.1); none where there is no line.
///
/// Bytes that are no UTF-8 are replaced: a value that is not ASCII can be neither signed nor checked.
#[must_use]
pub fn combined<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let trimmed = |line: &'a [u8]| String::from_utf8_lossy(line).trim_matches([' ', '\t']).to_owned();
    lines.into_iter().map(trimmed).reduce(|before, line| format!("{before}, {line}"))
}

/// Ed25519 with a key that stays where it is.
type Sign = dyn Fn(&[u8]) -> [u8; 64] + Send + Sync;
/// Whether the second argument is a key's signature over the first one.
type HasSigned = dyn Fn(&[u8], &[u8]) -> bool + Send + Sync;
/// A key that checks signatures.
pub type Verify = Box<HasSigned>;
/// Finds a party's key by its id, if it counts.
pub type Keys = Box<dyn Fn(&str) -> Option<Verify> + Send + Sync>;

/// Signs in the name of a party.
pub struct Signer {
    keyid: String,
    sign: Box<Sign>,
}

impl Signer {
    /// Signs as `party` with the key whose id (the thumbprint of its JWK) is `key`: `sign` MUST be Ed25519 with that key.
    pub fn new(party: &str, key: &str, sign: impl Fn(&[u8]) -> [u8; 64] + Send + Sync + 'static) -> Self {
        Self { keyid: format!("{party}.{key}"), sign: Box::new(sign) }
    }
}

/// What makes a message a signed one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// The value of the header field [`SIGNATURE_INPUT`].
    pub input: String,
    /// The value of the header field [`SIGNATURE`].
    pub signature: String,
}

impl Signed {
    /// Both header fields, by their names.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 2] {
        [(SIGNATURE_INPUT, &self.input), (SIGNATURE, &self.signature)]
    }
}
