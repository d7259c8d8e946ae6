//! Who this node is to other parties: its party id, its URL, and the keys that it signs with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kippu_actors::Problem;
use kippu_actors::runtime::Runtime;
use kippu_client::signature::Signer;
use kippu_events::access::signing_keys::{SigningKeys, id_of};
use kippu_events::secrets::{PublicKey, Secrets, SigningUse};
use kippu_events::{EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};

/// Where every node tells who it is.
pub(crate) const CARD: &str = "/.well-known/kippu-party.json";
/// Where it tells the same, signed by itself, for who does not know it yet.
pub(crate) const SIGNED_CARD: &str = "/.well-known/kippu-party.jws";
/// How long the state of signing keys is gone by before it is asked for again.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// What one party sends another to be registered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    /// The party.
    pub(crate) party: EntityId,
    /// What it calls itself.
    pub(crate) name: String,
    /// Where its node answers.
    pub(crate) url: String,
    /// Its keys, those that sign later among them.
    pub(crate) keys: Vec<CardKey>,
}

/// A key on a card.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CardKey {
    /// What it is for.
    pub(crate) r#use: SigningUse,
    /// The key, as the `x` of its JWK.
    pub(crate) x: PublicKey,
}

/// The node's own party.
pub(crate) struct Identity {
    secrets: Arc<Secrets>,
    runtime: Runtime,
    known: Mutex<Option<Known>>,
}

/// Which key signs, as it was found not long ago.
#[derive(Clone)]
struct Known {
    at: Instant,
    keys: SigningKeys,
    number: u32,
    signer: Arc<Signer>,
}

impl Identity {
    /// The party of the node with these.
    pub(crate) fn new(secrets: Arc<Secrets>, runtime: Runtime) -> Self {
        Self { secrets, runtime, known: Mutex::default() }
    }

    /// The party.
    pub(crate) fn party(&self) -> EntityId {
        self.secrets.party
    }

    /// Signs HTTP messages with the key that does so now.
    ///
    /// # Errors
    /// Where the partition that knows which one cannot be asked now.
    pub(crate) async fn signer(&self) -> Result<Arc<Signer>, Problem> {
        let (known, now) = (self.known().clone(), Time::now());
        let asked_at = known.as_ref().map(|known| known.at).filter(|at| at.elapsed() < KNOWN_FOR);
        let (keys, at) = match (&known, asked_at) {
            (Some(known), Some(at)) => (known.keys.clone(), at),
            (Some(_) | None, _) => (self.keys(SigningUse::Http).await?, Instant::now()),
        };
        let number = keys.number_at(now);
        let signer = known.filter(|known| known.number == number).map_or_else(
            || {
                let (key, sign) = self.secrets.signer(SigningUse::Http, number);
                Arc::new(Signer::new(&self.party().to_string(), &key.id(), sign))
            },
            |known| known.signer,
        );
        *self.known() = Some(Known { at, keys, number, signer: Arc::clone(&signer) });
        Ok(signer)
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        // Nothing in here can be left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keys(&self, of: SigningUse) -> Result<SigningKeys, Problem> {
        let found = self.runtime.peek(EntityKey::of::<SigningKeys>(id_of(of))).await?;
        Ok(found.state.as_any().downcast_ref::<SigningKeys>().cloned().unwrap_or_default())
    }

    /// The number of the key that signs for this use now.
    ///
    /// # Errors
    /// As [`Identity::signer`].
    pub(crate) async fn number(&self, of: SigningUse) -> Result<u32, Problem> {
        Ok(self.keys(of).await?.number_at(Time::now()))
    }

    /// Every key, oldest first, by use: those that have signed, the one that signs, and the one that will.
    ///
    /// # Errors
    /// As [`Identity::signer`].
    pub(crate) async fn all_keys(&self) -> Result<Vec<CardKey>, Problem> {
        let mut all = Vec::new();
        for of in SigningUse::ALL {
            let newest = self.keys(of).await?.newest();
            all.extend((0..=newest).map(|number| CardKey { r#use: of, x: self.secrets.public_key(of, number) }));
        }
        Ok(all)
    }
}
