//! What a shop is asked, and answers, in JSON as from outside.

use kippu_events::Family;
use kippu_events::access::peers::{Peer, PeerKey};
use kippu_events::approvals::offer_content::{OFFER, OfferContent};
use kippu_events::approvals::products;
use kippu_events::secrets::{PublicKey, Purpose, SigningUse};
use kippu_events::statement::Unverified;
use serde_json::{Value, json};

use super::*;
use crate::activity::{Outcome, Work};
use crate::actor::Answer;
use crate::world::{World, id_in, slug};

const OPEN: (Family, &str, Option<EntityId>) = (Family::Offers, "open", None);

fn ask(world: &mut World, caller: Caller, family: Family, command: &'static str, body: &Value) -> Value {
    world.ask(caller, (family, command, None), body).unwrap().1
}

/// A shop that sells a song of 0.99 and a mug of 8.00, settled by 5.
fn shop() -> World {
    let mut world = World::new();
    world.blobs.push(("5f".repeat(32).parse().unwrap(), 7));
    let terms = json!({"settlers": [id(5)], "currency": "EUR"});
    ask(&mut world, Caller::OPERATOR, Family::ShopTerms, "set", &terms);
    let song = json!({"sku": "song", "name": "Música", "kind": "digital", "price": 99, "currency": "EUR",
        "contents": [{"name": "song.ogg", "media_type": "audio/ogg", "sha256": "5f".repeat(32), "size": 7}]});
    let mug = json!({"sku": "mug", "name": "Mug", "kind": "goods", "price": 800, "currency": "EUR"});
    let yen = json!({"sku": "yen", "name": "Fan", "kind": "goods", "price": 800, "currency": "JPY"});
    for product in [song, mug, yen] {
        ask(&mut world, Caller::OPERATOR, Family::Products, "open", &product);
    }
    world
}

fn wanted(sku: &str, quantity: u32) -> Value {
    json!({"product": products::id_of(sku), "quantity": quantity})
}

fn priced(sku: &str, quantity: u32, price: u64) -> Value {
    json!({"product": products::id_of(sku), "quantity": quantity, "price": price})
}

fn public(world: &World) -> PublicKey {
    world.secrets.public_key(SigningUse::Statements, 0)
}

/// Shows D3.
#[test]
fn a_guest_is_answered_a_signed_offer_that_nobody_can_alter() {
    let mut world = shop();
    let body = json!({"items": [wanted("song", 2), wanted("mug", 1)]});
    let (status, reply) = world.ask(Caller::GUEST, OPEN, &body).unwrap();
    assert_eq!((status, &reply["total"], &reply["currency"]), (201, &json!(998), &json!("EUR")));
    assert_eq!((&reply["shop"], &reply["settlers"]), (&json!(world.secrets.party), &json!([id(5)])));
    let first = json!({"place": 0, "product": products::id_of("song"), "name": "Música", "kind": "digital",
        "quantity": 2, "price": 99, "amount": 198});
    assert_eq!(reply["items"][0], first);
    let text = reply["statement"].as_str().unwrap();
    let content: OfferContent = Unverified::parse(text).unwrap().verify(Some(public(&world)), OFFER).unwrap();
    assert!(content.is_whole());
    assert_eq!((content.iss, content.id, content.total), (world.secrets.party, id_in(&reply), minor(998)));
    assert_eq!((content.settlers, content.exp - content.iat), (vec![id(5)], 3_600));
    // The content of another offer under this signature.
    let (_, other) = world.ask(Caller::GUEST, OPEN, &json!({"items": [wanted("song", 1)]})).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let theirs: Vec<&str> = other["statement"].as_str().unwrap().split('.').collect();
    let altered = [parts[0], theirs[1], parts[2]].join(".");
    assert!(Unverified::parse(&altered).unwrap().verify::<OfferContent>(Some(public(&world)), OFFER).is_err());
    world.replays();
}

#[test]
fn an_offer_stays_as_it_was_made_whatever_becomes_of_its_products() {
    let mut world = shop();
    let (_, reply) = world.ask(Caller::GUEST, OPEN, &json!({"items": [wanted("song", 1)]})).unwrap();
    let song = Some(products::id_of("song"));
    world.ask(Caller::OPERATOR, (Family::Products, "reprice", song), &json!({"price": 199})).unwrap();
    world.ask(Caller::OPERATOR, (Family::Products, "withdraw", song), &json!({})).unwrap();
    let asked = (Family::Offers, "deliver", Some(id_in(&reply)));
    let (_, delivered) = world.ask(settler(), asked, &json!({})).unwrap();
    assert_eq!((&delivered["amount"], &delivered["contents"][0]["name"]), (&json!(99), &json!("song.ogg")));
}

/// Shows D4.
#[test]
fn a_price_that_is_lowered_by_one_is_refused_with_both_prices() {
    let mut world = shop();
    let records = world.records();
    for caller in [Caller::GUEST, settler()] {
        let refused = world.ask(caller, OPEN, &json!({"items": [priced("mug", 1, 800), priced("song", 1, 98)]}));
        let problem = refused.unwrap_err();
        assert_eq!(problem.kind.slug, "price-differs");
        for part in [products::id_of("song").to_string(), "98".to_owned(), "99".to_owned()] {
            assert!(problem.detail.contains(&part), "{part}: {problem}");
        }
        let body = json!({"currency": "JPY", "items": [priced("song", 1, 99)]});
        assert_eq!(slug(world.ask(caller, OPEN, &body)), "price-differs");
    }
    assert_eq!(world.records(), records, "nothing is on record");
    let body = json!({"currency": "EUR", "items": [priced("mug", 1, 800), priced("song", 1, 99)]});
    assert_eq!(world.ask(settler(), OPEN, &body).unwrap().1["total"], 899);
}

/// Shows D41.
#[test]
fn another_shops_settler_makes_no_offer_and_every_settler_names_prices() {
    let mut world = shop();
    let body = json!({"items": [priced("song", 1, 99)]});
    assert_eq!(slug(world.ask(peer(7, Role::Settler), OPEN, &body)), "not-your-offer");
    assert_eq!(slug(world.ask(settler(), OPEN, &json!({"items": [wanted("song", 1)]}))), "invalid-body");
}

#[test]
fn what_cannot_be_offered_is_refused_by_name() {
    let mut world = World::new();
    assert_eq!(slug(world.ask(Caller::GUEST, OPEN, &json!({"items": [wanted("song", 1)]}))), "shop-has-no-terms");
    let mut world = shop();
    let song = Some(products::id_of("song"));
    world.ask(Caller::OPERATOR, (Family::Products, "withdraw", song), &json!({})).unwrap();
    for (items, expected) in [
        (json!([wanted("song", 1)]), "product-withdrawn"),
        (json!([wanted("mug", 1), wanted("none", 1)]), "product-unknown"),
        (json!([wanted("yen", 1)]), "product-in-other-currency"),
        (json!([]), "invalid-body"),
        (json!(vec![wanted("mug", 1); 21]), "invalid-body"),
        (json!([wanted("mug", 0)]), "invalid-body"),
        (json!([wanted("mug", 10_000)]), "invalid-body"),
    ] {
        assert_eq!(slug(world.ask(Caller::GUEST, OPEN, &json!({"items": items}))), expected, "{items}");
    }
    let most = json!({"items": vec![wanted("mug", 9_999); 20]});
    assert_eq!(world.ask(Caller::GUEST, OPEN, &most).unwrap().1["total"], 20_u64 * 9_999 * 800);
    let dear =
        json!({"sku": "dear", "name": "Ship", "kind": "goods", "price": 200_000_000_000_000_u64, "currency": "EUR"});
    ask(&mut world, Caller::OPERATOR, Family::Products, "open", &dear);
    for items in [json!([wanted("dear", 6)]), json!([wanted("dear", 3), wanted("dear", 3)])] {
        assert_eq!(slug(world.ask(Caller::GUEST, OPEN, &json!({"items": items}))), "total-too-large");
    }
    let file = json!({"name": "f", "media_type": "a/b", "sha256": "5f".repeat(32), "size": 1});
    let many = json!({"sku": "many", "name": "Box", "kind": "digital", "price": 1, "currency": "EUR",
        "contents": vec![file; 8]});
    ask(&mut world, Caller::OPERATOR, Family::Products, "open", &many);
    assert!(world.ask(Caller::GUEST, OPEN, &json!({"items": vec![wanted("many", 1); 8]})).is_ok());
    let nine = json!({"items": vec![wanted("many", 1); 9]});
    assert_eq!(slug(world.ask(Caller::GUEST, OPEN, &nine)), "too-many-files");
}

/// Shows D30, D42.
#[test]
fn who_settles_is_told_the_files_and_what_opens_them_once() {
    let mut world = shop();
    let (_, reply) = world.ask(Caller::GUEST, OPEN, &json!({"items": [wanted("mug", 1), wanted("song", 2)]})).unwrap();
    let offer = id_in(&reply);
    let deliver = (Family::Offers, "deliver", Some(offer));
    for wrong in [json!({"items": []}), json!({"items": [1, 1]}), json!({"items": [2]}), json!({"items": [-1]})] {
        assert_eq!(slug(world.ask(settler(), deliver, &wrong)), "invalid-body", "{wrong}");
    }
    let (status, delivered) = world.ask(settler(), deliver, &json!({"items": [1]})).unwrap();
    assert_eq!((status, &delivered["amount"], &delivered["direct"]), (200, &json!(198), &json!(false)));
    assert_eq!((&delivered["items"][0]["place"], &delivered["items"][0]["quantity"]), (&json!(1), &json!(2)));
    let file = json!({"n": 0, "name": "song.ogg", "media_type": "audio/ogg", "sha256": "5f".repeat(32), "size": 7});
    assert_eq!(delivered["contents"], json!([file]));
    let bearer = world.secrets.verify(Purpose::Capability, delivered["capability"].as_str().unwrap()).unwrap();
    assert_eq!(bearer.entity, offer);
    for items in [json!({"items": [1]}), json!({})] {
        assert_eq!(slug(world.ask(settler(), deliver, &items)), "offer-delivered");
    }
    assert!(!world.text().contains(delivered["capability"].as_str().unwrap()), "the log holds no token");
    assert_eq!(slug(world.ask(Caller::GUEST, deliver, &json!({}))), "forbidden");
    world.replays();
}

/// Shows D9.
#[test]
fn an_offer_is_pushed_to_a_known_authentication_server_as_it_was_signed() {
    let mut world = shop();
    let (_, reply) = world.ask(Caller::GUEST, OPEN, &json!({"items": [wanted("song", 1)]})).unwrap();
    let (offer, to) = (id_in(&reply), kippu_events::log::LogId([9; 16]).party());
    let push = (Family::Offers, "push", Some(offer));
    assert_eq!(slug(world.ask(Caller::GUEST, push, &json!({"to": to}))), "not-an-authenticator");
    let key = PeerKey { r#use: SigningUse::Http, x: public(&world), from: None, until: None };
    let peer =
        |roles: &[&str]| json!({"party": to, "name": "a", "url": "http://127.0.0.1:1", "roles": roles, "keys": [&key]});
    ask(&mut world, Caller::OPERATOR, Family::Peers, "open", &peer(&["shop"]));
    assert_eq!(slug(world.ask(Caller::GUEST, push, &json!({"to": to}))), "not-an-authenticator");
    let change = json!({"name": "a", "url": "http://127.0.0.1:1", "roles": ["authenticator"]});
    world.ask(Caller::OPERATOR, (Family::Peers, "change", Some(to)), &change).unwrap();
    assert!(world.state::<Peer>(to).known().is_some());
    let (status, asked) = world.ask(Caller::GUEST, push, &json!({"to": to})).unwrap();
    assert_eq!((status, asked), (200, json!({"id": offer, "to": to})));
    let state = world.state::<Offer>(offer);
    let Some(Work::Command { path, body }) = state.work(offer, &world.secrets) else { panic!("a command is owed") };
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((path.as_str(), &body), ("/v1/purchases", &json!({"offer": reply["statement"]})));
    let refused = br#"{"type":"/problems/forbidden"}"#.to_vec();
    for (outcome, refusal) in [
        (Outcome { status: 200, body: b"{}".to_vec() }, None),
        (Outcome { status: 403, body: refused }, Some("forbidden".to_owned())),
    ] {
        let command = Offer::came_of(1, outcome, offer, &world.secrets).unwrap();
        assert!(matches!(command, Command::Pushed { attempt: 1, refusal: its } if its == refusal));
    }
    world.after(3_600);
    world.fire();
    assert_eq!(world.count(offer, "offer.push_failed"), 1);
    world.replays();
}

#[test]
fn the_same_statement_is_answered_at_every_retry() {
    let mut offer = Offer::default();
    offer.evolve(&made(), NOW);
    let world = World::new();
    let answers = [0, 1].map(|_| Offer::answer(id(1), &[made()], &world.secrets));
    assert_eq!(answers[0], answers[1]);
    let Answer::Done { status: 201, body } = &answers[0] else { panic!("it is made") };
    let reply: Value = serde_json::from_slice(body).unwrap();
    let parsed = Unverified::parse(reply["statement"].as_str().unwrap()).unwrap();
    assert_eq!(parsed.key, world.secrets.public_key(SigningUse::Statements, 1).id(), "the key that signed then");
}
