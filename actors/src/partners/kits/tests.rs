//! Who joins by a kit, and that it is one party alone.

use std::time::Duration;

use kippu_events::access::Caller;
use kippu_events::access::signing_keys::SigningKeys;
use kippu_events::blobs::BlobId;
use kippu_events::log::LogId;
use kippu_events::partners::contracts::Terms;
use kippu_events::partners::kits::{Event, Joined, Kit};
use kippu_events::secrets::{Secrets, SigningUse, TokenHash};
use kippu_events::{EntityId, EntityKey, Family, Time, statement};
use serde_json::json;

use super::request::Command;
use super::{CARD, joined, refusal};
use crate::given::{NOW, given};
use crate::problem;
use crate::world::{World, slug};

fn until() -> Time {
    NOW.after(Duration::from_hours(24))
}

fn made() -> Event {
    Event::Made {
        name: "Harbour Gifts".to_owned(),
        from: NOW,
        terms: Box::new(Terms::sample()),
        until: until(),
        contents: BlobId([1; 32]),
        key: 0,
        capability: TokenHash { key: 0, sha256: String::new() },
    }
}

fn make(until: Time) -> Command {
    let (name, terms, keys) = ("Harbour Gifts".to_owned(), Box::new(Terms::sample()), SigningKeys::default());
    Command::Make { name, from: NOW, terms, until, contents: BlobId([1; 32]), keys }
}

fn party(byte: u8) -> Joined {
    let (party, url) = (EntityId::from_bytes([byte; 15]), "http://127.0.0.1:7702".to_owned());
    Joined { party, name: "partner".to_owned(), url, keys: Vec::new() }
}

#[test]
fn one_party_joins_by_a_kit_in_its_time_and_nobody_else() {
    given::<Kit>(&[]).when(&make(NOW)).refused(&problem::INVALID_BODY);
    given::<Kit>(&[]).when(&Command::Join(party(2))).refused(&problem::NOT_FOUND);
    let open = [made()];
    given::<Kit>(&open).when(&Command::Join(party(2))).becomes(&[Event::Joined(party(2))]);
    given::<Kit>(&open).at(until()).when(&Command::Join(party(2))).refused(&refusal::KIT_OVER);
    given::<Kit>(&open).when(&Command::Withdraw).becomes(&[Event::Withdrawn {}]);
    let joined = [made(), Event::Joined(party(2))];
    for command in [Command::Join(party(2)), Command::Join(party(3)), Command::Withdraw] {
        given::<Kit>(&joined).when(&command).refused(&refusal::KIT_OVER);
    }
    let withdrawn = [made(), Event::Withdrawn {}];
    given::<Kit>(&withdrawn).when(&Command::Join(party(2))).refused(&refusal::KIT_OVER);
}

#[test]
fn a_card_counts_only_where_the_party_that_it_names_has_signed_it() {
    let (own, other) = (Secrets::ephemeral(1, LogId([1; 16])), Secrets::ephemeral(2, LogId([2; 16])));
    let card = |of: &Secrets| {
        let keys = SigningUse::ALL.map(|its| json!({ "use": its, "x": of.public_key(its, 0) }));
        json!({ "party": of.party, "name": "partner", "url": "http://127.0.0.1:7702", "keys": keys })
    };
    let found = joined(&statement::sign(&own, 0, CARD, &card(&own))).unwrap();
    assert_eq!((found.party, found.keys.len()), (own.party, 4));
    // Another party's card, signed by oneself; one's own under another type; a name with a line end.
    assert_eq!(joined(&statement::sign(&own, 0, CARD, &card(&other))), None);
    assert_eq!(joined(&statement::sign(&own, 0, "kippu-offer", &card(&own))), None);
    let mut broken = card(&own);
    broken["name"] = json!("a\nb");
    assert_eq!(joined(&statement::sign(&own, 0, CARD, &broken)), None);
    // Its own keys under another party's id.
    let mut stolen = card(&own);
    stolen["party"] = json!(other.party);
    assert_eq!(joined(&statement::sign(&own, 0, CARD, &stolen)), None);
}

#[test]
fn a_name_that_stands_for_somebody_here_is_given_to_nobody() {
    let (mut world, other) = (World::new(), Secrets::ephemeral(2, LogId([2; 16])));
    let terms = serde_json::to_value(Terms::sample()).unwrap();
    let until = world.now.after(Duration::from_secs(60));
    let body = json!({ "name": "gifts", "from": until, "terms": terms, "until": until, "contents": "c1".repeat(32) });
    let made = world.ask(Caller::OPERATOR, (Family::Kits, "open", None), &body).unwrap().1;
    let id: EntityId = made["id"].as_str().unwrap().parse().unwrap();
    // Its own keys under any name: what a card is signed with says nothing of that.
    let card = |party: EntityId| {
        let mut forger = Secrets::ephemeral(2, LogId([2; 16]));
        forger.party = party;
        let keys = SigningUse::ALL.map(|its| json!({ "use": its, "x": forger.public_key(its, 0) }));
        let card = json!({ "party": party, "name": "other", "url": "http://127.0.0.1:7702", "keys": keys });
        statement::sign(&forger, 0, CARD, &card)
    };
    let peer = EntityId::from_hash(&[9; 32]);
    let keys = json!([{ "use": "statements", "x": other.public_key(SigningUse::Statements, 1) }]);
    let known = json!({ "party": peer, "name": "p", "url": "http://p", "roles": ["settler"], "keys": keys });
    world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &known).unwrap();
    let holder = Caller::holder_of(EntityKey { family: Family::Kits, id });
    for party in [world.secrets.party, peer] {
        assert!(joined(&card(party)).is_some());
        let join = json!({ "card": card(party) });
        assert_eq!(slug(world.ask(holder, (Family::Kits, "join", Some(id)), &join)), "kit-party-known");
    }
    let join = json!({ "card": card(other.party) });
    world.ask(holder, (Family::Kits, "join", Some(id)), &join).unwrap();
}
