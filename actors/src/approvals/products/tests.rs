//! The rules of products.

use kippu_events::Family;
use kippu_events::access::{Caller, Role, Roles};
use serde_json::{Value, json};

use super::*;
use crate::given::{caller, currency, given, id, minor};
use crate::problem;
use crate::world::{World, id_in, slug};

fn details(name: &str) -> Details {
    let (name, genre) = (name.to_owned(), Some("Rock".to_owned()));
    Details { name, about: None, kind: Kind::Digital, genre, picture: None, contents: Vec::new() }
}

fn listing() -> Listing {
    Listing { sku: "7".to_owned(), details: details("Disc"), price: minor(990), currency: currency("EUR") }
}

fn changed(name: &str) -> Event {
    let Details { name, about, kind, genre, picture, contents } = details(name);
    Event::Changed { name, about, kind, genre, picture, contents }
}

#[test]
fn a_product_is_listed_once_priced_changed_withdrawn_and_listed_again() {
    let (open, again) = (Command::Open(Box::new(listing())), Command::ListAgain);
    let history = [listed(listing())];
    given::<Product>(&[]).when(&open).becomes(&history);
    given::<Product>(&history).when(&open).refused(&problem::ALREADY_EXISTS);
    let repriced = Event::Repriced { price: minor(1), before: minor(990) };
    given::<Product>(&history).when(&Command::Reprice(minor(1))).becomes(&[repriced]);
    given::<Product>(&history).when(&Command::Reprice(minor(990))).refused(&UNCHANGED);
    given::<Product>(&history).when(&Command::Change(Box::new(details("CD")))).becomes(&[changed("CD")]);
    given::<Product>(&history).when(&Command::Change(Box::new(details("Disc")))).refused(&UNCHANGED);
    given::<Product>(&history).when(&Command::Withdraw).becomes(&[Event::Withdrawn {}]);
    given::<Product>(&history).when(&again).refused(&IS_LISTED);
    let withdrawn = [listed(listing()), Event::Withdrawn {}];
    given::<Product>(&withdrawn).when(&Command::Withdraw).refused(&NOT_LISTED);
    given::<Product>(&withdrawn).when(&again).becomes(&[Event::ListedAgain {}]);
    given::<Product>(&withdrawn).when(&open).refused(&problem::ALREADY_EXISTS);
}

#[test]
fn what_is_not_listed_is_not_found() {
    for command in
        [Command::Reprice(minor(1)), Command::Change(Box::new(details("n"))), Command::Withdraw, Command::ListAgain]
    {
        given::<Product>(&[]).when(&command).refused(&problem::NOT_FOUND);
    }
}

fn body(more: &Value) -> Value {
    let mut body = json!({"sku": "7", "name": "Disc", "kind": "digital", "price": 990, "currency": "EUR"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

const OPEN: (Family, &str, Option<EntityId>) = (Family::Products, "open", None);

#[test]
fn a_product_is_found_by_its_sku_whoever_lists_it() {
    let mut world = World::new();
    let (status, reply) = world.ask(caller(Role::Shop, 3), OPEN, &body(&json!({}))).unwrap();
    assert_eq!((status, id_in(&reply), &reply["price"]), (201, products::id_of("7"), &json!(990)));
    assert_eq!(slug(world.ask(Caller::OPERATOR, OPEN, &body(&json!({})))), "already-exists");
    let mut ask = |command, body| {
        world.ask(Caller::OPERATOR, (Family::Products, command, Some(products::id_of("7"))), &body).unwrap().1
    };
    assert_eq!(ask("reprice", json!({"price": 5}))["price"], 5);
    assert_eq!(ask("change", json!({"name": "CD", "kind": "goods"}))["price"], Value::Null);
    ask("withdraw", json!({}));
    ask("list_again", json!({}));
    world.replays();
}

#[test]
fn names_of_real_catalogues_are_taken() {
    let mut world = World::new();
    let names = ["Enchanted Forest: An Inky Quest (Activity Books, …)", "Música \"Viva\"", "切符", &"é".repeat(256)];
    for (n, name) in names.into_iter().enumerate() {
        let more = json!({"sku": n.to_string(), "name": name, "about": name, "genre": "Non Fiction"});
        assert_eq!(world.ask(Caller::OPERATOR, OPEN, &body(&more)).unwrap().0, 201, "{name}");
    }
}

#[test]
fn what_is_no_product_is_refused() {
    let mut world = World::new();
    world.blobs.push(("0a".repeat(32).parse().unwrap(), MOST_SIZE));
    let content = |size: u64| json!({"name": "1", "media_type": "audio/ogg", "sha256": "0a".repeat(32), "size": size});
    for wrong in [
        json!({"name": "Zhi Gang Sha\u{85}"}),
        json!({"name": "a".repeat(257)}),
        json!({"name": " "}),
        json!({"sku": "a b"}),
        json!({"kind": "stream"}),
        json!({"kind": {"digital": null}}),
        json!({"price": -1}),
        json!({"price": 9.9}),
        json!({"currency": "Eur"}),
        json!({"picture": "0A"}),
        json!({"contents": vec![content(1); MOST_CONTENTS + 1]}),
        json!({"contents": [content(MOST_SIZE + 1)]}),
    ] {
        assert_eq!(slug(world.ask(Caller::OPERATOR, OPEN, &body(&wrong))), "invalid-body", "{wrong}");
    }
    world.ask(Caller::OPERATOR, OPEN, &body(&json!({"contents": vec![content(MOST_SIZE); MOST_CONTENTS]}))).unwrap();
}

#[test]
fn another_partys_shop_lists_nothing_here() {
    let mut world = World::new();
    let other = Caller::of_peer(id(4), Roles::one(Role::Shop));
    assert_eq!(slug(world.ask(other, OPEN, &body(&json!({})))), "forbidden");
}
