//! Signed requests: how they are made, and which ones count.
//!
//! A signature lets nobody in by itself. [`parse`] says whose it claims to be, the caller finds that key in whatever it keeps keys in,
//! and [`Unverified::verify`] checks the signature with it.

use super::base::{Message, base};
use super::input::{self, Input, part};
use super::{
    AUDIENCE, CONTENT_DIGEST, CONTENT_TYPE, IDEMPOTENCY_KEY, LABEL, Refused, Request, SIGNATURE, Signed, Signer, digest,
};

/// For how long our signatures count: a request is on its way for seconds, and each try is signed anew.
pub const LIFETIME_S: i64 = 60;
/// For how long those of others may count: what was overheard must not be good for long.
pub const MOST_LIFETIME_S: i64 = 300;
/// By how much two clocks may differ. Those that nobody sets drift by seconds in a month.
pub const SKEW_S: i64 = 60;

/// Signs `request` at `now`, in seconds since 1970. All that is to count MUST be there, the digest of a body and the audience too.
///
/// # Errors
/// Where there is no audience, or a value that cannot be signed.
pub fn sign(request: Request<'_>, signer: &Signer, now: i64) -> Result<Signed, Refused> {
    let always = ["@method", "@path", "@query"].map(part);
    let present = [CONTENT_DIGEST, CONTENT_TYPE, IDEMPOTENCY_KEY].into_iter().filter(|name| has(request, name));
    let parts = always.into_iter().chain(present.map(part)).chain([part(AUDIENCE)]).collect();
    let times = [("created", now), ("expires", now.saturating_add(LIFETIME_S))];
    input::sign(Message::Request(request), parts, &times, None, signer)
}

fn has(request: Request<'_>, name: &str) -> bool {
    (request.field)(name).is_some()
}

/// Who checks requests.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    /// The party whose node this is.
    pub party: &'a str,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// A signed request whose signature is not checked yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unverified {
    /// The party that is said to have signed it.
    pub party: String,
    /// The key that is said to be its signer's.
    pub key: String,
    /// What the signature is called; [`super::response::sign`] wants it.
    pub label: String,
    /// The signature.
    pub signature: [u8; 64],
    signed: String,
}

/// Whether `request` with `body`, the whole of it, is one that may count: signed once by a party for this one, just now, over its method, path,
/// query, audience, body and idempotency key.
///
/// # Errors
/// Where it is not. Nothing is known of its signer then.
pub fn parse(request: Request<'_>, body: &[u8], here: Here<'_>) -> Result<Unverified, Refused> {
    let input = Input::find(request.field)?;
    counts_now(input.time("created")?, input.time("expires")?, here.now)?;
    input.demand(["@method", "@path", "@query", AUDIENCE].map(part))?;
    input.demand((!body.is_empty()).then(|| part(CONTENT_DIGEST)))?;
    // Also one that somebody on the way has put there.
    input.demand(has(request, IDEMPOTENCY_KEY).then(|| part(IDEMPOTENCY_KEY)))?;
    let signed = base(&input.covered, Message::Request(request))?;
    match (request.field)(AUDIENCE) {
        Some(audience) if audience == here.party => {}
        audience => return Err(Refused::Audience(audience.unwrap_or_default())),
    }
    if let Some(field) = (request.field)(CONTENT_DIGEST) {
        digest::check(&field, body)?;
    }
    let Input { label, covered: _, signature, party, key } = input;
    Ok(Unverified { party, key, label, signature, signed })
}

fn counts_now(created: i64, expires: i64, now: i64) -> Result<(), Refused> {
    // Both have fifteen digits at most.
    let seconds = expires - created;
    if !(0..=MOST_LIFETIME_S).contains(&seconds) {
        Err(Refused::Lifetime { seconds, most: MOST_LIFETIME_S })
    } else if created > now.saturating_add(SKEW_S) {
        Err(Refused::Early { created, now })
    } else if expires < now.saturating_sub(SKEW_S) {
        Err(Refused::Late { expires, now })
    } else {
        Ok(())
    }
}

impl Unverified {
    /// Whether it was signed with the key that `has_signed` knows, which MUST be the one that it names, of the party that it names.
    ///
    /// # Errors
    /// [`Refused::Signature`].
    pub fn verify(&self, has_signed: impl FnOnce(&[u8], &[u8]) -> bool) -> Result<(), Refused> {
        if has_signed(self.signed.as_bytes(), &self.signature) { Ok(()) } else { Err(Refused::Signature) }
    }
}

/// What the signature of `request` is called, where it has one, whether it counts or not: a refusal is to be signed too, so that
/// its reader can tell it from somebody else's.
#[must_use]
pub fn label(request: Request<'_>) -> Option<String> {
    if let Ok(input) = Input::find(request.field) {
        return Some(input.label);
    }
    let signatures = input::dictionary(&(request.field)(SIGNATURE)?)?;
    let mut labels =
        signatures.iter().filter(|(_, entry)| input::bytes(entry).is_some()).map(|(label, _)| label.as_str());
    if signatures.get(LABEL).and_then(input::bytes).is_some() {
        return Some(LABEL.to_owned());
    }
    labels.next().map(str::to_owned)
}
