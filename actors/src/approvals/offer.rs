//! Checking what claims to be an offer: that a shop which is a peer has signed it, that it says what an offer says, and that it
//! adds up.

use kippu_events::access::Role;
use kippu_events::access::peers::{Peer, PeerKey};
use kippu_events::approvals::offer_content::{OFFER, OfferContent};
use kippu_events::secrets::SigningUse;
use kippu_events::statement::{MOST_CHARS, Unverified, sha256};
use kippu_events::{EntityId, EntityKey, Time};

use crate::actor::Preparing;
use crate::text::Text;

/// The text of an offer.
pub(super) type Statement = Text<MOST_CHARS>;

/// How the text of an offer looks.
pub(super) fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let pattern = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$";
    schemars::json_schema!({ "type": "string", "maxLength": MOST_CHARS, "pattern": pattern })
}

/// Why a text is no offer that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotGenuine;

/// An offer that a shop has signed.
pub(super) struct Genuine {
    /// What it says.
    pub(super) content: OfferContent,
    /// What its text hashes to.
    pub(super) sha256: String,
    /// The version of the shop's peer.
    pub(super) shop_version: u64,
    /// The key that signed it: whether that counts is decided when the time is known.
    pub(super) key: PeerKey,
}

/// The shop that the text names as its signer, to be looked up.
pub(super) fn signer(text: &Statement) -> Option<EntityId> {
    Unverified::parse(text.as_str()).ok().map(|parsed| parsed.signer)
}

/// What is to be looked up to check it.
pub(super) fn lookup(text: &Statement) -> Option<EntityKey> {
    signer(text).map(EntityKey::of::<Peer>)
}

/// Checks the text, whose signer was looked up.
pub(super) fn check(text: &Statement, with: &Preparing<'_>) -> Result<Genuine, NotGenuine> {
    let parsed = Unverified::parse(text.as_str()).map_err(|_| NotGenuine)?;
    let (peer, shop_version) = with.looked_up::<Peer>(parsed.signer).ok_or(NotGenuine)?;
    let (content, key) = signed(&parsed, peer)?;
    Ok(Genuine { content, sha256: sha256(text.as_str()), shop_version, key })
}

/// What `text` says, if `shop`, whom it MUST name as its signer, has signed it as an offer by a key that counts at `now`: so that it can be
/// shown to who is to approve it.
///
/// # Errors
/// Where the command that asks for its approval would take it for none either.
pub fn content(text: &str, shop: &Peer, now: Time) -> Result<OfferContent, NotGenuine> {
    let parsed = Unverified::parse(text).map_err(|_| NotGenuine)?;
    let (content, key) = signed(&parsed, shop)?;
    if key.counts_at(now) { Ok(content) } else { Err(NotGenuine) }
}

fn signed(parsed: &Unverified<'_>, shop: &Peer) -> Result<(OfferContent, PeerKey), NotGenuine> {
    let shop = shop.known().filter(|known| known.roles().has(Role::Shop)).ok_or(NotGenuine)?;
    let named = |key: &&PeerKey| key.r#use == SigningUse::Statements && key.x.id() == parsed.key;
    let key = shop.keys.iter().find(named).ok_or(NotGenuine)?.clone();
    let content: OfferContent = parsed.verify(Some(key.x), OFFER).map_err(|_| NotGenuine)?;
    if content.iss == parsed.signer && content.is_whole() { Ok((content, key)) } else { Err(NotGenuine) }
}
