//! A party that runs no node: the test holds its key, and says in its name what it likes.

use ed25519_dalek::{Signer as _, SigningKey};
use kippu_client::signature::call::{Caller, PeerAddress};
use kippu_client::signature::{Keys, Signer};
use kippu_events::EntityId;
use kippu_events::secrets::PublicKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Party, card, key};
use crate::fixture::PATIENCE;
use crate::http::Reply;

/// See the module.
pub(crate) struct Played {
    pub(crate) id: String,
    public: PublicKey,
    signer: Signer,
    caller: Caller,
}

impl Played {
    /// With a new key.
    pub(crate) fn new() -> Self {
        let (id, signing) = (EntityId::from_bytes(rand::random()).to_string(), SigningKey::from_bytes(&rand::random()));
        let x = data_encoding::BASE64URL_NOPAD.encode(signing.verifying_key().as_bytes());
        let public: PublicKey = x.parse().expect("a key");
        let signer = Signer::new(&id, &public.id(), move |message| signing.sign(message).to_bytes());
        Self::with(&id, public, signer)
    }

    /// Called `id`, with a key that `signer` signs with.
    pub(crate) fn with(id: &str, public: PublicKey, signer: Signer) -> Self {
        let http = kippu_client::builder(PATIENCE, &kippu_client::Roots::default()).build().expect("a client");
        Self { id: id.to_owned(), public, signer, caller: Caller::over(http) }
    }

    /// Has `party` know it, in these roles.
    pub(crate) async fn is_known_to(&self, party: &Party, roles: &[&str]) {
        let body = json!({
            "party": self.id, "name": "somebody", "url": "http://127.0.0.1:9", "roles": roles,
            "keys": [{ "use": "http", "x": self.public }],
        });
        party.do_once("/v1/peers", &key("peer"), &body).await.expect(201);
    }

    /// Gives `party` a command. Its answer is signed.
    pub(crate) async fn post(&self, party: &Party, path: &str, key: &str, body: &Value) -> Reply {
        self.ask(party, Method::POST, path, Some(key), Some(body.to_string().into_bytes())).await
    }

    /// Asks `party`. Its answer is signed.
    pub(crate) async fn get(&self, party: &Party, path: &str) -> Reply {
        self.ask(party, Method::GET, path, None, None).await
    }

    async fn ask(&self, of: &Party, method: Method, path: &str, key: Option<&str>, body: Option<Vec<u8>>) -> Reply {
        let at = PeerAddress { url: of.node.url().to_owned(), party: of.id.clone(), keys: keys_of(of).await };
        let answer = self.caller.call(&self.signer, &at, method, path, key, body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        Reply { status: answer.status.as_u16(), text: answer.text().into_owned(), headers: answer.headers }
    }
}

async fn keys_of(party: &Party) -> Keys {
    let card = card(&party.node).await;
    let keys = card["keys"].as_array().expect("a card has keys").iter().filter(|key| key["use"] == json!("http"));
    let keys: Vec<PublicKey> = keys.map(|key| key["x"].as_str().unwrap().parse().expect("a key")).collect();
    Box::new(move |id| {
        let key = *keys.iter().find(|key| key.id() == id)?;
        Some(Box::new(move |message: &[u8], signature: &[u8]| key.has_signed(message, signature)))
    })
}
