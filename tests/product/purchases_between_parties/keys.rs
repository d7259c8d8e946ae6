//! What a party can make with its own keys and its own disk of what another party makes.

use std::sync::Arc;

use kippu_client::signature::Signer;
use kippu_events::approvals::offer_content::{OFFER, OfferContent};
use kippu_events::approvals::offers::Offer;
use kippu_events::log::LogId;
use kippu_events::secrets::{Purpose, Secrets, SigningUse};
use kippu_events::{EntityId, EntityKey, statement};
use serde_json::{Value, json};

use crate::parties::played::Played;
use crate::parties::{Buyer, Parties, Party, key, settle};

/// Everything that a party whose node has ended keeps secret.
fn stolen(party: &Party) -> Arc<Secrets> {
    let data = party.node.data();
    let label: Value = serde_json::from_slice(&std::fs::read(data.join("kippu.json")).unwrap()).unwrap();
    let log: LogId = serde_json::from_value(label["log"].clone()).unwrap();
    Arc::new(Secrets::open(&data.join("keys"), log).unwrap())
}

/// Signs requests as `name` with the key of whoever has these `secrets`.
fn signing_as(name: &str, secrets: &Secrets) -> Played {
    let (public, sign) = secrets.signer(SigningUse::Http, 0);
    Played::with(name, public, Signer::new(name, &public.id(), sign))
}

/// What is taken from whom.
struct Prey<'a> {
    authenticator: &'a Party,
    shop: &'a Party,
    settler: &'a Party,
    buyer: &'a Buyer,
    approval: &'a Value,
    offer: &'a Value,
}

impl Prey<'_> {
    /// Tries what a thief with these `secrets` might, in its own name and in others'.
    async fn withstands(&self, thief: &str, secrets: &Secrets) {
        let id: EntityId = self.approval["id"].as_str().unwrap().parse().unwrap();
        let root = secrets.token_hash(Purpose::Approval, id, 0).key;
        let forged = secrets.token(Purpose::Approval, root, id, 0).unwrap();
        // It is made for this very approval, and looks like its token.
        assert_eq!(forged.len(), self.approval["token"].as_str().unwrap().len());
        let (redeem, token) = ("/v1/approvals/redeem", json!({ "token": forged }));
        let refused = signing_as(thief, secrets).post(self.authenticator, redeem, &key("own"), &token).await;
        assert!(["token-not-valid", "forbidden"].contains(&&*refused.slug().unwrap()), "{}", refused.text);
        if thief != self.settler.id {
            let genuine = json!({ "token": self.approval["token"] });
            let refused = signing_as(&self.settler.id, secrets);
            let refused = refused.post(self.authenticator, redeem, &key("other"), &genuine).await;
            refused.expect_problem(401, "signature-not-valid");
        }
        let operator = secrets.token(Purpose::ApiKey, root, id, 0).unwrap();
        self.authenticator.node.caller(&operator).get("/v1/users").await.expect_problem(401, "unauthenticated");
        if thief == self.shop.id {
            return;
        }
        // A cheaper offer in the name of the shop, and the file at the shop without one.
        let statement = self.offer["statement"].as_str().unwrap();
        let content = statement.split('.').nth(1).unwrap();
        let content = data_encoding::BASE64URL_NOPAD.decode(content.as_bytes()).unwrap();
        let content: OfferContent = serde_json::from_slice(&content).unwrap();
        let offer = json!({ "statement": statement::sign(secrets, 0, OFFER, &content) });
        self.buyer.approve(&offer).await.expect_problem(409, "offer-not-genuine");
        let capability = secrets.capability_token(root, EntityKey::of::<Offer>(content.id), 0).unwrap();
        let path = format!("/v1/offers/{}/content/0", content.id);
        self.shop.node.caller(&capability).get(&path).await.expect_problem(401, "unauthenticated");
    }
}

/// Shows F43. Keeps S2.
#[tokio::test]
async fn no_party_makes_with_its_keys_and_its_disk_what_another_makes() {
    let mut parties = Parties::start().await;
    let (product, file) = parties.product(500).await;
    let buyer = parties.buyer(1_000).await;
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    for number in 1..5 {
        let thief = &mut parties.each().into_iter().nth(number).unwrap().node;
        thief.kill();
        let thief = &*parties.each()[number];
        let (name, secrets) = (thief.id.clone(), stolen(thief));
        assert_eq!(secrets.party.to_string(), name);
        let prey = Prey {
            authenticator: &parties.authenticator,
            shop: &parties.shop,
            settler: &parties.settler,
            buyer: &buyer,
            approval: &approval,
            offer: &offer,
        };
        prey.withstands(&name, &secrets).await;
        drop(secrets);
        parties.each()[number].node.start_again();
        assert_eq!(parties.account(&buyer.user).await, (500, 0));
    }
    assert_eq!(settle(&parties.settler, &approval, &offer).await.files, [file]);
    parties.settler.owes_nothing().await;
    parties.assert_sound();
}
