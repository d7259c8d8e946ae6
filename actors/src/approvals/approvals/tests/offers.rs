//! Approvals for offers of shops: as the shop signed them, or as it pushed them.

use kippu_events::Family;
use kippu_events::access::Roles;
use kippu_events::access::users::Account;
use kippu_events::approvals::offer_content::{OFFER, OfferContent, OfferItem};
use kippu_events::log::LogId;
use kippu_events::secrets::{Secrets, SigningUse};
use kippu_events::{EntityKey, statement};
use serde_json::{Value, json};

use super::*;
use crate::problem::Problem;
use crate::world::{World, id_in, slug};

const OPEN: (Family, &str, Option<EntityId>) = (Family::Approvals, "open", None);
const PUSH: (Family, &str, Option<EntityId>) = (Family::Purchases, "open", None);

/// A shop with keys of its own.
struct Shop(Secrets);

impl Shop {
    fn new(n: u8) -> Self {
        Self(Secrets::ephemeral(n.into(), LogId([n; 16])))
    }

    fn party(&self) -> EntityId {
        self.0.party
    }

    fn caller(&self) -> Caller {
        Caller::of_peer(self.party(), Roles::one(Role::Shop))
    }

    /// Two pieces at 20.00 and one at 10.00.
    fn content(&self) -> OfferContent {
        let item = |n, quantity, price| OfferItem {
            product: id(n),
            name: "a film".to_owned(),
            kind: "video".to_owned(),
            quantity,
            price: minor(price),
        };
        OfferContent {
            iss: self.party(),
            id: id(40),
            iat: 1_800_000_000,
            exp: 1_800_000_600,
            currency: currency("EUR"),
            total: minor(5_000),
            items: vec![item(41, 2, 2_000), item(42, 1, 1_000)],
            settlers: vec![id(6), id(7)],
            direct: false,
        }
    }

    fn sign(&self, content: &OfferContent) -> String {
        statement::sign(&self.0, 0, OFFER, content)
    }

    fn offer(&self) -> String {
        self.sign(&self.content())
    }

    fn card(&self, role: &str) -> Value {
        let x = self.0.public_key(SigningUse::Statements, 0);
        json!({"party": self.party(), "name": "shop", "url": "http://shop", "roles": [role],
            "keys": [{"use": "statements", "x": x, "until": NOW.after(Duration::from_secs(3_600))}]})
    }
}

/// A world that knows this shop, with a user who has 100.00 EUR, and a terminal that stores her identification.
fn world(shop: &Shop) -> (World, EntityId, Caller) {
    let mut world = World::new();
    let body =
        json!({"login": "aiko", "pin": "1234", "limit": {"source": "fixed", "amount": 10_000, "currency": "EUR"}});
    let (_, user) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
    world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &shop.card("shop")).unwrap();
    let user = id_in(&user);
    (world, user, Caller { user: Some(user), ..terminal() })
}

fn ask(world: &mut World, caller: Caller, offer: &str) -> Result<(u16, Value), Problem> {
    world.ask(caller, OPEN, &json!({"offer": offer}))
}

fn peer(n: u8) -> Caller {
    Caller::of_peer(id(n), Roles::one(Role::Settler))
}

fn account(world: &World, user: EntityId) -> Account {
    world.state::<User>(user).account().cloned().unwrap()
}

/// Shows D3, D5, D19, D26, D37, D41.
#[test]
fn an_offer_is_approved_and_redeemed_by_its_settlers_who_know_the_user_by_the_shops_name_for_her() {
    let shop = Shop::new(3);
    let (mut world, user, terminal) = world(&shop);
    let text = shop.offer();
    let (status, approval) = ask(&mut world, terminal, &text).unwrap();
    let (id_of, token) = (id_in(&approval), &approval["token"]);
    let items = serde_json::to_value(shop.content().items).unwrap();
    let ends = Time::from_micros(1_800_000_600_000_000);
    let expected = json!({
        "id": id_of, "state": "issued", "issuer": world.secrets.party, "amount": 5_000, "currency": "EUR", "purchase": {},
        // No longer than the offer.
        "expires_at": ends, "token": token, "shop": shop.party(), "settlers": [id(6), id(7)], "items": items,
    });
    assert_eq!((status, &approval), (201, &expected));

    let named = json!({"token": token, "offer_sha256": statement::sha256(&text), "amount": 5_000, "currency": "EUR"});
    let redeem = (Family::Approvals, "redeem", None);
    assert_eq!(slug(world.ask(peer(8), redeem, &named)), "approval-other-settler");
    let mut cheaper = named.clone();
    cheaper["amount"] = json!(4_999);
    assert_eq!(slug(world.ask(peer(7), redeem, &cheaper)), "approval-differs");
    let (_, permission) = world.ask(peer(7), redeem, &named).unwrap();
    let buyer = world.secrets.pseudonym(EntityKey::of::<User>(user), shop.party());
    let expected = json!({"id": id_of, "state": "redeemed", "amount": 5_000, "currency": "EUR", "settler": id(7),
        "shop": shop.party(), "items": items, "buyer": buyer});
    assert_eq!(permission, expected);
    assert!(!permission.to_string().contains(&user.to_string()));
    assert_ne!(buyer, world.secrets.pseudonym(EntityKey::of::<User>(user), id(3)), "another shop knows another name");
    assert_eq!(account(&world, user).reserved, minor(5_000));
    world.replays();
}

/// Shows D3, D4.
#[test]
fn an_altered_offer_and_one_of_nobody_who_is_known_as_a_shop_is_refused_and_leaves_no_trace() {
    let shop = Shop::new(3);
    let (mut world, _, terminal) = world(&shop);
    let before = world.records();
    let text = shop.offer();
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(slug(ask(&mut world, terminal, &changed)), "offer-not-genuine", "{changed}");
    }
    let cheap = OfferContent { total: minor(1), ..shop.content() };
    let stranger = Shop::new(4);
    let in_its_name = stranger.sign(&OfferContent { iss: shop.party(), ..stranger.content() });
    let of_another = shop.sign(&OfferContent { iss: stranger.party(), ..shop.content() });
    let receipt = statement::sign(&shop.0, 0, "kippu-receipt", &shop.content());
    let other_key = statement::sign(&shop.0, 1, OFFER, &shop.content());
    for text in [shop.sign(&cheap), stranger.offer(), in_its_name, of_another, receipt, other_key, "a".to_owned()] {
        assert_eq!(slug(ask(&mut world, terminal, &text)), "offer-not-genuine", "{text}");
    }
    assert_eq!(world.records(), before);
    // Known, but as a settler.
    let settler = Shop::new(5);
    world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &settler.card("settler")).unwrap();
    assert_eq!(slug(ask(&mut world, terminal, &settler.offer())), "offer-not-genuine");
    // The key is over, and then the shop.
    assert_eq!(ask(&mut world, terminal, &text).unwrap().0, 201);
    let long = shop.sign(&OfferContent { exp: 1_900_000_000, ..shop.content() });
    world.after(3_600);
    assert_eq!(slug(ask(&mut world, terminal, &long)), "offer-not-genuine");
    world.ask(Caller::OPERATOR, (Family::Peers, "revoke", Some(shop.party())), &json!({})).unwrap();
    assert_eq!(slug(ask(&mut world, terminal, &long)), "offer-not-genuine");
}

/// Shows D13, D20.
#[test]
fn an_offer_that_is_over_too_dear_or_in_another_currency_is_refused_on_record() {
    let shop = Shop::new(3);
    let (mut world, user, terminal) = world(&shop);
    let mut dear = shop.content();
    dear.items[0].quantity = 5;
    dear.total = minor(11_000);
    let yen = OfferContent { currency: currency("JPY"), ..shop.content() };
    let before = world.records();
    assert_eq!(slug(ask(&mut world, terminal, &shop.sign(&dear))), "limit-exceeded");
    assert_eq!(slug(ask(&mut world, terminal, &shop.sign(&yen))), "currency-mismatch");
    world.after(600);
    assert_eq!(slug(ask(&mut world, terminal, &shop.offer())), "offer-over");
    assert_eq!(world.records(), before + 3);
    assert_eq!(account(&world, user).reserved, minor(0));
    assert_eq!(world.text().matches("\"reason\":\"offer_expired\"").count(), 1);
}

/// Shows D9.
#[test]
fn an_offer_that_its_shop_pushed_once_or_twice_is_approved_and_one_that_it_never_pushed_is_not() {
    let shop = Shop::new(3);
    let (mut world, _, terminal) = world(&shop);
    let named = json!({"pushed": {"shop": shop.party(), "offer": id(40)}});
    assert_eq!(slug(world.ask(terminal, OPEN, &named)), "purchase-not-pushed");
    let push = json!({"offer": shop.offer()});
    let first = world.ask(shop.caller(), PUSH, &push).unwrap();
    assert_eq!((first.0, first.1["total"].clone()), (201, json!(5_000)));
    assert_eq!(world.ask(shop.caller(), PUSH, &push).unwrap(), first);
    let (_, approval) = world.ask(terminal, OPEN, &named).unwrap();
    assert_eq!((&approval["amount"], &approval["shop"]), (&json!(5_000), &json!(shop.party())));
    // The same as the offer itself.
    let redeem = json!({"token": approval["token"], "offer_sha256": statement::sha256(&shop.offer())});
    assert_eq!(world.ask(peer(6), (Family::Approvals, "redeem", None), &redeem).unwrap().0, 200);
    for other in [json!({"shop": shop.party(), "offer": id(41)}), json!({"shop": id(3), "offer": id(40)})] {
        assert_eq!(slug(world.ask(terminal, OPEN, &json!({"pushed": other}))), "purchase-not-pushed");
    }
    // After the approval, too; and of a shop that counts no more, none.
    assert_eq!(world.ask(shop.caller(), PUSH, &push).unwrap(), first);
    world.ask(Caller::OPERATOR, (Family::Peers, "revoke", Some(shop.party())), &json!({})).unwrap();
    assert_eq!(slug(world.ask(terminal, OPEN, &named)), "purchase-not-pushed");
    world.replays();
}

/// Shows D9.
#[test]
fn a_shop_pushes_what_it_signed_itself_and_no_other_content_under_the_same_id() {
    let (shop, other) = (Shop::new(3), Shop::new(4));
    let (mut world, ..) = world(&shop);
    world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &other.card("shop")).unwrap();
    let mut push = |caller: Caller, text: &str| world.ask(caller, PUSH, &json!({"offer": text}));
    assert_eq!(slug(push(other.caller(), &shop.offer())), "purchase-not-genuine");
    assert_eq!(slug(push(caller(Role::Shop, 3), &shop.offer())), "purchase-not-genuine");
    assert_eq!(slug(push(shop.caller(), "a.b.c")), "purchase-not-genuine");
    let wrong_total = shop.sign(&OfferContent { total: minor(1), ..shop.content() });
    assert_eq!(slug(push(shop.caller(), &wrong_total)), "purchase-not-genuine");
    assert_eq!(push(shop.caller(), &shop.offer()).unwrap().0, 201);
    let changed = OfferContent { settlers: vec![id(8)], ..shop.content() };
    assert_eq!(slug(push(shop.caller(), &shop.sign(&changed))), "purchase-differs");
    // Another shop's offer may have the same id.
    assert_eq!(push(other.caller(), &other.offer()).unwrap().0, 201);
    assert_eq!(slug(push(peer(6), &shop.offer())), "forbidden");
}

#[test]
fn a_party_is_named_by_its_log_in_its_offers_too() {
    let shop = Shop::new(3);
    assert_eq!(statement::Unverified::parse(&shop.offer()).unwrap().signer, LogId([3; 16]).party());
}
