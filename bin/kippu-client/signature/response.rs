//! Signed answers: each covers the signature of the request that it answers, so that it is the answer to that one alone.

use data_encoding::BASE64URL_NOPAD;
use sfv::{BareItem, Item, KeyRef};

use super::base::{Message, base};
use super::input::{self, Input, part};
use super::{
    CONTENT_DIGEST, CONTENT_TYPE, LABEL, Refused, Request, Response, SIGNATURE, Signed, Signer, Verify, digest,
};

/// What an answer may have, and says what it means: where it is there, it is covered.
const COVERED: [&str; 3] = [CONTENT_TYPE, "kippu-position", "etag"];
/// Bytes of a request's signature that its answer repeats. They prove nothing, since the signature itself is covered, but tell an answer to another
/// request from an altered one.
const NONCE_BYTES: usize = 16;

/// Signs the answer to `request`, whose signature is called `label`, at `now`, in seconds since 1970. `response` MUST have the digest of
/// its body, of an empty one too, and all else that is to count.
///
/// # Errors
/// Where there is no digest, no such signature, or a value that cannot be signed.
pub fn sign(
    response: Response<'_>,
    request: Request<'_>,
    label: &str,
    signer: &Signer,
    now: i64,
) -> Result<Signed, Refused> {
    let present = COVERED.into_iter().filter(|name| (response.field)(name).is_some());
    let parts = ["@status", CONTENT_DIGEST].into_iter().chain(present).map(part).chain([answered(label)?]).collect();
    let nonce = nonce(request, label);
    input::sign(Message::Response(response, request), parts, &[("created", now)], nonce.as_deref(), signer)
}

/// The request's signature that is called `label`, as an answer covers it.
fn answered(label: &str) -> Result<Item, Refused> {
    let label = sfv::String::from_string(label.to_owned()).map_err(|_| Refused::Malformed(SIGNATURE))?;
    let mut item = part(SIGNATURE);
    item.params.insert(KeyRef::constant("req").to_owned(), BareItem::Boolean(true));
    item.params.insert(KeyRef::constant("key").to_owned(), BareItem::String(label));
    Ok(item)
}

fn nonce(request: Request<'_>, label: &str) -> Option<String> {
    let signatures = input::dictionary(&(request.field)(SIGNATURE)?)?;
    let signature = signatures.get(label).and_then(input::bytes)?;
    signature.get(..NONCE_BYTES).map(|start| BASE64URL_NOPAD.encode(start))
}

/// Whether `response` with `body`, the whole of it, is the answer of `party` to `request`, which [`super::request::sign`] has signed.
/// `keys` finds a key of that party by its id, if it counts.
///
/// Its times are not looked at: an answer is as old as the request's signature at most, whatever its signer's clock says.
///
/// # Errors
/// Where it is not.
pub fn verify(
    response: Response<'_>,
    body: &[u8],
    request: Request<'_>,
    party: &str,
    keys: impl FnOnce(&str) -> Option<Verify>,
) -> Result<(), Refused> {
    let input = Input::find(response.field)?;
    if input.party != party {
        return Err(Refused::Party { signer: input.party, asked: party.to_owned() });
    }
    let present = COVERED.into_iter().filter(|name| (response.field)(name).is_some());
    input.demand(["@status", CONTENT_DIGEST].into_iter().chain(present).map(part).chain([answered(LABEL)?]))?;
    if input.nonce().is_some_and(|told| nonce(request, LABEL).as_deref() != Some(told)) {
        return Err(Refused::OtherRequest);
    }
    let signed = base(&input.covered, Message::Response(response, request))?;
    let has_signed = keys(&input.key).ok_or(Refused::Key(input.key))?;
    if !has_signed(signed.as_bytes(), &input.signature) {
        return Err(Refused::Signature);
    }
    let field = (response.field)(CONTENT_DIGEST).unwrap_or_default();
    Ok(digest::check(&field, body)?)
}
