//! Statements that a party of a contract signs: this node's own with its key, another party's checked against the key that it is known
//! by.

use kippu_events::access::peers::{Peer, PeerKey};
use kippu_events::access::signing_keys::{self, SigningKeys};
use kippu_events::secrets::SigningUse;
use kippu_events::statement::{self, Unverified};
use kippu_events::{EntityId, EntityKey, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::actor::Preparing;

/// A signed statement, and the other party's key that signed it, which is to count when it is decided.
pub(super) type Signed = (String, Option<PeerKey>);

/// What is looked up to sign a statement, or to check one that the other party has signed.
pub(super) fn lookup(given: Option<&str>) -> Option<EntityKey> {
    match given {
        None => Some(EntityKey::of::<SigningKeys>(signing_keys::id_of(SigningUse::Statements))),
        Some(text) => Some(EntityKey::of::<Peer>(Unverified::parse(text).ok()?.signer)),
    }
}

/// The statement of the type `typ` that says `content`: the `given` one, or one that this node signs. Nothing where `by` has not
/// signed what is given, or says something else there.
pub(super) fn statement<T: Serialize + DeserializeOwned + PartialEq>(
    given: Option<&str>,
    typ: &str,
    content: &T,
    by: EntityId,
    with: &Preparing<'_>,
) -> Option<Signed> {
    let Some(text) = given else {
        if by != with.secrets.party {
            return None;
        }
        let keys = with.looked_up::<SigningKeys>(signing_keys::id_of(SigningUse::Statements));
        let number = keys.map_or(0, |(keys, _)| keys.number_at(Time::now()));
        return Some((statement::sign(with.secrets, number, typ, content), None));
    };
    let parsed = Unverified::parse(text).ok()?;
    let peer = with.looked_up::<Peer>(parsed.signer).filter(|_| parsed.signer == by);
    let known = peer.and_then(|(peer, _)| peer.known())?;
    let named = |key: &&PeerKey| key.r#use == SigningUse::Statements && key.x.id() == parsed.key;
    let key = known.keys.iter().find(named)?;
    let said: T = parsed.verify(Some(key.x), typ).ok()?;
    (said == *content).then(|| (text.to_owned(), Some(key.clone())))
}
