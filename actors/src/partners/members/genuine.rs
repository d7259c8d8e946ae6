//! Whether a statement about a member counts: who has signed it, and with which key.

use kippu_events::access::peers::Peer;
use kippu_events::access::signing_keys::{self, SigningKeys};
use kippu_events::secrets::SigningUse;
use kippu_events::statement::Unverified;
use kippu_events::{EntityId, EntityKey, Time};
use serde::de::DeserializeOwned;

use crate::actor::Preparing;

/// A statement that does not count. Says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::partners) struct NotGenuine;

/// Who claims to have signed `text`.
pub(in crate::partners) fn signer(text: &str) -> Option<EntityId> {
    Unverified::parse(text).ok().map(|parsed| parsed.signer)
}

/// What it claims to say, to find out whom it concerns.
pub(in crate::partners) fn claimed<T: DeserializeOwned>(text: &str) -> Option<T> {
    Unverified::parse(text).ok()?.claimed()
}

/// What is looked up to check `text`.
pub(in crate::partners) fn lookups(text: &str) -> Vec<EntityKey> {
    let peer = signer(text).map(EntityKey::of::<Peer>);
    peer.into_iter().chain([own_keys()]).collect()
}

/// The keys that this node signs with.
pub(in crate::partners) fn own_keys() -> EntityKey {
    EntityKey::of::<SigningKeys>(signing_keys::id_of(SigningUse::Statements))
}

/// The number of the key that this node signs statements with now.
pub(in crate::partners) fn own_key(with: &Preparing<'_>) -> u32 {
    let keys = with.looked_up::<SigningKeys>(own_keys().id);
    keys.map_or(0, |(keys, _)| keys.number_at(Time::now()))
}

/// What `text` says, if it is of the type `typ` and `by` has signed it.
pub(in crate::partners) fn read<T: DeserializeOwned>(
    text: &str,
    typ: &str,
    by: EntityId,
    with: &Preparing<'_>,
) -> Result<T, NotGenuine> {
    let parsed = Unverified::parse(text).ok().filter(|parsed| parsed.signer == by).ok_or(NotGenuine)?;
    let key = if by == with.secrets.party {
        let newest = with.looked_up::<SigningKeys>(own_keys().id).map_or(0, |(keys, _)| keys.newest());
        let mut keys = (0..=newest).map(|number| with.secrets.public_key(SigningUse::Statements, number));
        keys.find(|key| key.id() == parsed.key)
    } else {
        let peer = with.looked_up::<Peer>(by).and_then(|(peer, _)| peer.known());
        peer.and_then(|known| known.key(SigningUse::Statements, &parsed.key, Time::now()))
    };
    parsed.verify(key, typ).map_err(|_| NotGenuine)
}
