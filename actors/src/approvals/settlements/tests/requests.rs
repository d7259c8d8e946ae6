//! Approvals presented in JSON, as from outside, with real offers, tokens and capabilities.

use kippu_events::Family;
use kippu_events::access::peers::PeerKey;
use kippu_events::approvals::offer_content::{OFFER as OFFER_TYPE, OfferContent, OfferItem};
use kippu_events::approvals::settlements::{Open, Phase};
use kippu_events::secrets::{Purpose, SigningUse};
use kippu_events::statement;

use super::*;
use crate::activity::Work;
use crate::problem::Problem;
use crate::world::{World, id_in, slug};

const OPEN: (Family, &str, Option<EntityId>) = (Family::Settlements, "open", None);

/// A settlement server, and the shop whose offers it settles.
struct Scene {
    world: World,
    shop: Secrets,
    issuer: EntityId,
}

fn peer(party: EntityId, role: &str, keys: &[PeerKey]) -> Value {
    json!({"party": party, "name": role, "url": format!("http://{role}"), "roles": [role], "keys": keys})
}

fn key(secrets: &Secrets, number: u32) -> PeerKey {
    let x = secrets.public_key(SigningUse::Statements, number);
    PeerKey { r#use: SigningUse::Statements, x, from: None, until: None }
}

impl Scene {
    fn new() -> Self {
        let (shop, issuer) = (Secrets::ephemeral(2, LogId([2; 16])), Secrets::ephemeral(3, LogId([3; 16])));
        let mut scene = Self { world: World::new(), shop, issuer: issuer.party };
        let (shop, shop_key) = (scene.shop.party, key(&scene.shop, 0));
        scene.register(&peer(shop, "shop", &[shop_key]));
        scene.register(&peer(issuer.party, "authenticator", &[key(&issuer, 0)]));
        scene
    }

    fn register(&mut self, peer: &Value) {
        self.world.ask(Caller::OPERATOR, (Family::Peers, "open", None), peer).unwrap();
    }

    fn content(&self) -> OfferContent {
        let seconds = NOW.micros() / 1_000_000;
        OfferContent {
            iss: self.shop.party,
            id: id(OFFER),
            iat: seconds,
            exp: seconds + 900,
            currency: currency("EUR"),
            total: minor(1_000),
            items: vec![OfferItem {
                product: id(PRODUCT),
                name: "Night Train".to_owned(),
                kind: "music".to_owned(),
                quantity: 2,
                price: minor(500),
            }],
            settlers: vec![id(9), self.world.secrets.party],
            direct: false,
        }
    }

    fn sign(&self, content: &OfferContent) -> String {
        statement::sign(&self.shop, 0, OFFER_TYPE, content)
    }

    fn present(&mut self, token: &str, offer: &str) -> Result<(u16, Value), Problem> {
        let body = json!({"issuer": self.issuer, "token": token, "offer": offer});
        self.world.ask(Caller::GUEST, OPEN, &body)
    }

    fn purchase(&mut self, token: &str, items: &Value) -> Result<(u16, Value), Problem> {
        let purchase = json!({"shop": self.shop.party, "currency": "EUR", "items": items});
        let body = json!({"issuer": self.issuer, "token": token, "purchase": purchase});
        self.world.ask(Caller::GUEST, OPEN, &body)
    }

    /// What is asked of whom now, with which body.
    fn asked(&self, id: EntityId) -> (EntityId, String, Value) {
        match self.world.owed(EntityKey::of::<Settlement>(id)) {
            Some((owed, Work::Command { path, body })) => (owed.to, path, serde_json::from_slice(&body).unwrap()),
            other => panic!("a command is owed, not {other:?}"),
        }
    }

    /// The issuer or the shop answers what is owed.
    fn answer(&mut self, id: EntityId, status: u16, body: &Value) {
        let key = EntityKey::of::<Settlement>(id);
        let (owed, _) = self.world.owed(key).unwrap();
        self.world.came_of(key, owed.attempt, status, body).unwrap();
    }

    fn ask(&mut self, id: EntityId, name: &'static str, body: &Value) -> Result<(u16, Value), Problem> {
        let holder = Caller::holder_of(EntityKey::of::<Settlement>(id));
        self.world.ask(holder, (Family::Settlements, name, Some(id)), body)
    }
}

fn permission() -> Value {
    json!({"id": id(APPROVAL), "state": "redeemed", "amount": 1_000, "currency": "EUR"})
}

fn delivery(direct: bool) -> Value {
    json!({"id": id(OFFER), "items": [{"name": "Night Train", "quantity": 2}], "amount": 900,
        "contents": [content(1)], "capability": "kpc_of_the_shop", "direct": direct})
}

/// Shows D24, D30, D33, D34. Keeps S1.
#[test]
fn an_approval_goes_from_its_presentation_to_the_payment_notice_and_its_token_is_stored_nowhere() {
    let mut scene = Scene::new();
    let offer = scene.sign(&scene.content());
    let (status, reply) = scene.present("kpa_secret", &offer).unwrap();
    let id = id_in(&reply);
    let capability = reply["capability"].as_str().unwrap().to_owned();
    assert_eq!((status, &reply["state"]), (201, &json!("presented")));
    let bearer = scene.world.secrets.verify(Purpose::Capability, &capability).unwrap();
    assert_eq!(bearer.entity, id);

    let redeem = json!({"token": "kpa_secret", "offer_sha256": statement::sha256(&offer),
        "amount": 1_000, "currency": "EUR"});
    assert_eq!(scene.asked(id), (scene.issuer, "/v1/approvals/redeem".to_owned(), redeem));
    scene.answer(id, 200, &permission());
    let path = format!("/v1/offers/{}/deliver", super::id(OFFER));
    assert_eq!(scene.asked(id), (scene.shop.party, path, json!({})));
    scene.answer(id, 200, &delivery(false));
    let (owed, fetch) = scene.world.owed(EntityKey::of::<Settlement>(id)).unwrap();
    let path = format!("/v1/offers/{}/content/1", super::id(OFFER));
    let (capability, sha256) = ("kpc_of_the_shop".to_owned(), "ab".repeat(32));
    assert_eq!((owed.to, fetch), (scene.shop.party, Work::Fetch { path, capability, sha256, size: 7 }));
    scene.answer(id, 200, &json!({}));
    let notice = json!({"amount": 900, "currency": "EUR", "settled_at": NOW, "contents": ["Night Train"]});
    let path = format!("/v1/approvals/{}/settle", super::id(APPROVAL));
    assert_eq!(scene.asked(id), (scene.issuer, path, notice));
    scene.answer(id, 200, &json!({}));
    assert!(scene.world.owed(EntityKey::of::<Settlement>(id)).is_none());
    assert_eq!(scene.world.state::<Settlement>(id).available(1), Some(&content(1)));
    let (_, reply) = scene.ask(id, "received", &json!({})).unwrap();
    assert_eq!(reply, json!({"id": id, "received": [1]}));
    let refund = (Family::Settlements, "refund", Some(id));
    assert_eq!(slug(scene.world.ask(Caller::OPERATOR, refund, &json!({"amount": 0}))), "invalid-body");
    scene.world.ask(Caller::OPERATOR, refund, &json!({"amount": 400})).unwrap();
    let path = format!("/v1/approvals/{}/refund", super::id(APPROVAL));
    assert_eq!(scene.asked(id), (scene.issuer, path, json!({"amount": 400, "currency": "EUR"})));

    for secret in ["kpa_secret", "kpc_of_the_shop", "kpc_", "kpa_"] {
        assert!(!scene.world.text().contains(secret), "{secret}");
    }
    scene.world.replays();
}

/// Shows D28, D42.
#[test]
fn what_was_not_permitted_in_time_is_released_with_its_token() {
    let mut scene = Scene::new();
    let offer = scene.sign(&scene.content());
    let id = id_in(&scene.present("kpa_secret", &offer).unwrap().1);
    scene.world.after(10);
    scene.world.fire();
    let asked = scene.asked(id);
    assert_eq!(asked, (scene.issuer, "/v1/approvals/release".to_owned(), json!({"token": "kpa_secret"})));
    let late = scene.world.came_of(EntityKey::of::<Settlement>(id), 1, 200, &permission());
    assert_eq!(slug(late), "not-due");
    scene.answer(id, 200, &json!({}));
    assert!(matches!(scene.world.state::<Settlement>(id), Settlement::Over(_)));
    assert_eq!(scene.world.count(id, "settlement.permitted") + scene.world.count(id, "settlement.settled"), 0);
    scene.world.replays();
}

/// Shows D36. Keeps T1.
#[test]
fn an_approval_has_one_settlement_whoever_presents_it() {
    let mut scene = Scene::new();
    let offer = scene.sign(&scene.content());
    let id = id_in(&scene.present("kpa_secret", &offer).unwrap().1);
    assert_eq!(slug(scene.present("kpa_secret", &offer)), "already-presented");
    let other = OfferContent { id: super::id(8), ..scene.content() };
    let other = scene.sign(&other);
    assert_eq!(slug(scene.present("kpa_secret", &other)), "already-presented");
    scene.answer(id, 409, &problem("already-redeemed"));
    assert_eq!(slug(scene.present("kpa_secret", &offer)), "already-presented");
    assert_ne!(id_in(&scene.present("kpa_another", &offer).unwrap().1), id);
}

/// Shows D3, D41.
#[test]
fn an_offer_counts_as_its_shop_has_signed_it_for_its_settlers_and_its_time() {
    let mut scene = Scene::new();
    let (content, before) = (scene.content(), scene.world.records());
    let good = scene.sign(&content);
    let mut altered = good.clone().into_bytes();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    let expired = OfferContent { exp: NOW.micros() / 1_000_000, ..content.clone() };
    let stranger = Secrets::ephemeral(9, LogId([9; 16]));
    let no_shop = OfferContent { iss: stranger.party, ..content.clone() };
    for (offer, wanted) in [
        (altered, "offer-not-valid"),
        ("offer".to_owned(), "offer-not-valid"),
        (statement::sign(&scene.shop, 1, OFFER_TYPE, &content), "offer-not-valid"),
        (statement::sign(&scene.shop, 0, "kippu-receipt", &content), "offer-not-valid"),
        (scene.sign(&OfferContent { iss: super::id(9), ..content.clone() }), "offer-not-valid"),
        (statement::sign(&stranger, 0, OFFER_TYPE, &no_shop), "shop-not-known"),
        (scene.sign(&OfferContent { settlers: vec![super::id(9)], ..content.clone() }), "other-settler"),
        (scene.sign(&expired), "offer-expired"),
        (scene.sign(&OfferContent { items: vec![], ..content.clone() }), "invalid-body"),
    ] {
        assert_eq!(slug(scene.present("kpa_secret", &offer)), wanted);
    }
    assert_eq!(scene.world.records(), before, "nothing was begun");
    assert_eq!(scene.present("kpa_secret", &good).unwrap().0, 201);
}

#[test]
fn a_key_of_the_shop_counts_in_its_time_and_a_revoked_shop_not_at_all() {
    let (mut scene, begins) = (Scene::new(), NOW.after(Duration::from_secs(60)));
    let (shop, content) = (scene.shop.party, scene.content());
    let next = PeerKey { from: Some(begins), ..key(&scene.shop, 1) };
    let add = (Family::Peers, "add_key", Some(shop));
    scene.world.ask(Caller::OPERATOR, add, &json!({ "key": next })).unwrap();
    let offer = statement::sign(&scene.shop, 1, OFFER_TYPE, &content);
    assert_eq!(slug(scene.present("kpa_secret", &offer)), "offer-not-valid");
    scene.world.after(60);
    assert_eq!(scene.present("kpa_secret", &offer).unwrap().0, 201);
    scene.world.ask(Caller::OPERATOR, (Family::Peers, "revoke", Some(shop)), &json!({})).unwrap();
    assert_eq!(slug(scene.present("kpa_another", &offer)), "shop-not-known");
}

#[test]
fn only_an_authentication_server_that_is_known_issues_approvals() {
    let mut scene = Scene::new();
    let offer = scene.sign(&scene.content());
    for nobody in [super::id(9), scene.shop.party] {
        let body = json!({"issuer": nobody, "token": "kpa_secret", "offer": offer});
        assert_eq!(slug(scene.world.ask(Caller::GUEST, OPEN, &body)), "issuer-not-known");
    }
}

/// Shows D4.
#[test]
fn purchase_information_of_the_terminal_goes_to_the_shop_with_its_prices() {
    let mut scene = Scene::new();
    let line = |quantity: u64, price: u64| json!({"product": id(PRODUCT), "quantity": quantity, "price": price});
    let items = json!([line(2, 499), line(1, 1)]);
    let settlement = id_in(&scene.purchase("kpa_secret", &items).unwrap().1);
    let (to, _, body) = scene.asked(settlement);
    assert_eq!((to, &body), (scene.issuer, &json!({"token": "kpa_secret", "amount": 999, "currency": "EUR"})));
    scene.answer(settlement, 200, &permission());
    let asked = scene.asked(settlement);
    assert_eq!(asked, (scene.shop.party, "/v1/offers".to_owned(), json!({ "items": items })));
    scene.answer(settlement, 409, &problem("price-differs"));
    assert_eq!(scene.asked(settlement).1, "/v1/approvals/release");
    assert_eq!(scene.world.count(settlement, "settlement.contents_named"), 0);

    let most = Minor::MOST;
    for wrong in [
        json!([]),
        json!([line(0, 1)]),
        json!([line(1_000_001, 1)]),
        json!([line(2, most)]),
        Value::Array(vec![line(1, 1); 65]),
    ] {
        assert_eq!(slug(scene.purchase("kpa_other", &wrong)), "invalid-body", "{wrong}");
    }
    let (issuer, offer) = (scene.issuer, scene.sign(&scene.content()));
    let purchase = json!({"shop": scene.shop.party, "currency": "EUR", "items": [line(1, 1)]});
    for wrong in [
        json!({"issuer": issuer, "token": "kpa_other"}),
        json!({"issuer": issuer, "token": "kpa_other", "offer": offer, "purchase": purchase}),
    ] {
        assert_eq!(slug(scene.world.ask(Caller::GUEST, OPEN, &wrong)), "invalid-body");
    }
    let elsewhere = json!({"shop": id(9), "currency": "EUR", "items": [line(1, 1)]});
    let body = json!({"issuer": issuer, "token": "kpa_other", "purchase": elsewhere});
    assert_eq!(slug(scene.world.ask(Caller::GUEST, OPEN, &body)), "shop-not-known");
}

#[test]
fn a_settlement_runs_on_the_terms_that_were_set_when_it_began() {
    let mut scene = Scene::new();
    let offer = scene.sign(&scene.content());
    let set = json!({"order": "deliver_first", "wait_secs": 60, "shop_secs": 7, "deliver_secs": 8});
    scene.world.ask(Caller::OPERATOR, (Family::SettlerTerms, "set", None), &set).unwrap();
    let id = id_in(&scene.present("kpa_secret", &offer).unwrap().1);
    let Settlement::Open(Open { terms, phase: Phase::Presented, .. }) = scene.world.state::<Settlement>(id) else {
        panic!("presented")
    };
    assert_eq!((terms.order, terms.wait_until), (Order::DeliverFirst, NOW.after(Duration::from_secs(60))));
    assert_eq!((terms.shop_secs, terms.deliver_secs), (7, 8));
    assert!(scene.world.text().contains(r#""versions":{"issuer":1,"shop":1,"terms":1}"#));
}

/// Shows D31.
#[test]
fn what_the_shop_delivers_itself_is_collected_there_with_its_capability() {
    let mut scene = Scene::new();
    let offer = scene.sign(&OfferContent { direct: true, ..scene.content() });
    let id = id_in(&scene.present("kpa_secret", &offer).unwrap().1);
    scene.answer(id, 200, &permission());
    assert_eq!(slug(scene.ask(id, "collect", &json!({}))), "contents-not-at-shop");
    scene.answer(id, 200, &delivery(true));
    let (_, reply) = scene.ask(id, "collect", &json!({})).unwrap();
    assert_eq!(reply["shop_capability"], "kpc_of_the_shop");
    assert_eq!(reply["contents"][0]["url"], format!("http://shop/v1/offers/{}/content/1", super::id(OFFER)));
    assert_eq!(scene.world.state::<Settlement>(id).available(1), None);
    assert!(!scene.world.text().contains("kpc_of_the_shop"));
}

/// Shows D30.
#[test]
fn a_second_terminal_gets_nothing_of_a_settlement() {
    let mut scene = Scene::new();
    let offer = scene.sign(&scene.content());
    let id = id_in(&scene.present("kpa_secret", &offer).unwrap().1);
    for stranger in
        [Caller::GUEST, caller(Role::Terminal, 7), Caller::holder_of(EntityKey::of::<Settlement>(super::id(3)))]
    {
        for name in ["received", "collect", "cancel"] {
            let asked = (Family::Settlements, name, Some(id));
            assert_eq!(slug(scene.world.ask(stranger, asked, &json!({}))), "not-your-settlement", "{name}");
        }
    }
    assert_eq!(scene.ask(id, "cancel", &json!({})).unwrap().1["state"], "cancelled");
}
