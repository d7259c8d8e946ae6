//! Who is identified, how often somebody may try, and what stays of it.

use std::time::Duration;

use kippu_events::access::Caller;
use kippu_events::money::Currency;
use kippu_events::partners::members::{Event, Member, Refusal};
use kippu_events::secrets::PinVerifier;
use kippu_events::{Entity as _, EntityId, Family, Time};
use serde_json::{Value, json};

use super::refusal;
use super::request::{Command, Confirming, SigningIn};
use crate::access::users::pin::{LOCKED_FOR, MOST_WRONG};
use crate::given::{Given, NOW, given, id, minor};
use crate::problem::{self, Problem};
use crate::world::{World, slug};

const SITE: EntityId = EntityId::from_bytes([9; 15]);

fn registering(login: &str) -> Value {
    json!({
        "login": login, "password": "correct horse", "email": "aiko@example.org", "region": "JP-13", "preferences": ["books"],
        "agreed": "privacy-1", "marketing": true, "site": SITE,
    })
}

fn sign_in(world: &mut World, login: &str, password: &str) -> Result<(u16, Value), Problem> {
    let body = json!({ "login": login, "password": password, "site": SITE });
    world.ask(Caller::GUEST, (Family::Members, "sign_in", None), &body)
}

#[test]
fn a_member_is_identified_by_the_right_password_and_every_refusal_reads_the_same() {
    let mut world = World::new();
    world.ask(Caller::GUEST, (Family::Members, "open", None), &registering("aiko")).unwrap();
    assert_eq!(slug(world.ask(Caller::GUEST, (Family::Members, "open", None), &registering("Aiko"))), "already-exists");
    let (status, reply) = sign_in(&mut world, " AIKO", "correct horse").unwrap();
    assert_eq!((status, &reply["class"], reply["allowance"].is_null()), (200, &json!("plain"), true));
    assert!(reply["ticket"].as_str().is_some_and(|ticket| ticket.matches('.').count() == 2), "{reply}");
    let wrong = sign_in(&mut world, "aiko", "battery staple").unwrap_err();
    let unknown = sign_in(&mut world, "nobody", "battery staple").unwrap_err();
    assert_eq!((wrong.kind.slug, &wrong.detail), ("not-identified", &unknown.detail));
    let text = world.text();
    for hidden in ["aiko", "Aiko", "correct horse", "battery staple", "example.org", "JP-13", "books"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    world.replays();
}

#[test]
fn after_five_wrong_passwords_the_right_one_waits() {
    let mut world = World::new();
    world.ask(Caller::GUEST, (Family::Members, "open", None), &registering("aiko")).unwrap();
    for _ in 0..MOST_WRONG {
        assert_eq!(slug(sign_in(&mut world, "aiko", "battery staple")), "not-identified");
    }
    assert_eq!(slug(sign_in(&mut world, "aiko", "correct horse")), "not-identified");
    world.after(LOCKED_FOR.as_secs());
    assert_eq!(sign_in(&mut world, "aiko", "correct horse").unwrap().0, 200);
    world.replays();
}

#[test]
fn a_partner_site_asks_for_its_own_members_alone() {
    let mut world = World::new();
    let peer = |party, role| Caller::of_peer(party, kippu_events::access::Roles::one(role));
    let (own, other) =
        (peer(SITE, kippu_events::access::Role::PartnerSite), peer(id(7), kippu_events::access::Role::PartnerSite));
    assert_eq!(slug(world.ask(other, (Family::Members, "open", None), &registering("aiko"))), "forbidden");
    world.ask(own, (Family::Members, "open", None), &registering("aiko")).unwrap();
    let body = json!({ "login": "aiko", "password": "correct horse", "site": SITE });
    assert_eq!(slug(world.ask(other, (Family::Members, "sign_in", None), &body)), "forbidden");
    let (_, reply) = world.ask(own, (Family::Members, "sign_in", None), &body).unwrap();
    assert!(reply["allowance"].is_string(), "the site's node may keep what identifies its member");
    world.replays();
}

#[test]
fn consent_is_said_with_a_ticket_that_this_node_signed_until_its_end() {
    let mut world = World::new();
    world.ask(Caller::GUEST, (Family::Members, "open", None), &registering("aiko")).unwrap();
    let ticket = sign_in(&mut world, "aiko", "correct horse").unwrap().1["ticket"].clone();
    let consent = |world: &mut World, ticket: &Value| {
        let body = json!({ "ticket": ticket, "marketing": false });
        world.ask(Caller::GUEST, (Family::Members, "consent", None), &body)
    };
    assert_eq!(consent(&mut world, &ticket).unwrap().1["marketing"], json!(false));
    let mut forged = ticket.as_str().unwrap().to_owned();
    let last = if forged.pop() == Some('A') { 'g' } else { 'A' };
    forged.push(last);
    for none in [json!(forged), json!("a.b.c")] {
        assert_eq!(slug(consent(&mut world, &none)), "not-identified");
    }
    world.after(3_600);
    assert_eq!(slug(consent(&mut world, &ticket)), "not-identified");
}

fn verifier(text: &str) -> PinVerifier {
    PinVerifier { pepper: 1, argon2id: text.to_owned() }
}

fn registered() -> Event {
    Member::samples().swap_remove(3)
}

fn confirm(step: Option<u64>) -> Command {
    let (site, until, visit, order) = (SITE, NOW.after(Duration::from_secs(60)), id(5), 1);
    Command::Confirm(Confirming {
        site,
        until,
        step,
        visit,
        order,
        amount: minor(800),
        currency: Currency::EUR,
        key: 0,
    })
}

fn confirmed(step: u64) -> Event {
    let expires_at = NOW.after(Duration::from_mins(5));
    let (site, visit, order, amount, currency) = (SITE, id(5), 1, minor(800), Currency::EUR);
    Event::Confirmed { site, visit, order, amount, currency, step, key: 0, expires_at }
}

#[test]
fn a_code_confirms_once_and_wrong_ones_are_counted() {
    let after = |events: &[Event]| -> Given<Member> { given::<Member>(events) };
    after(&[registered()]).when(&confirm(Some(100))).becomes(&[confirmed(100)]);
    let refused = |locked_until| Event::CodeRefused { site: SITE, locked_until };
    for used in [Some(100), Some(99), None] {
        after(&[registered(), confirmed(100)]).when(&confirm(used)).becomes(&[refused(None)]);
    }
    let wrong = vec![refused(None); 4];
    let history = [vec![registered()], wrong].concat();
    let locked = NOW.after(LOCKED_FOR);
    after(&history).when(&confirm(None)).becomes(&[refused(Some(locked))]);
    let history = [history, vec![refused(Some(locked))]].concat();
    after(&history).when(&confirm(Some(100))).refused(&problem::NOT_IDENTIFIED);
    after(&history).at(locked).when(&confirm(Some(100))).refused(&problem::NOT_IDENTIFIED); // The ticket is over then.
    after(&[]).when(&confirm(Some(100))).refused(&problem::NOT_IDENTIFIED);
}

#[test]
fn a_copy_identifies_the_member_until_its_end_and_while_the_contract_allows_it() {
    let until = NOW.after(Duration::from_secs(60));
    let member = id(7);
    let copied = Event::Copied { member, password: verifier("right"), class: "gold".to_owned(), until };
    let copy =
        |ends| Command::Copy { member, password: verifier("right"), class: "gold".to_owned(), until: ends, secs: 60 };
    given::<Member>(&[]).when(&copy(until)).becomes(std::slice::from_ref(&copied));
    given::<Member>(&[]).when(&copy(NOW)).refused(&refusal::NO_COPY);
    let ask = |text: &str, copies| {
        let password = verifier(text);
        Command::SignIn(SigningIn { password, site: SITE, by_node: false, copies: Some(copies), key: 0 })
    };
    let refused = |reason| Event::Refused { reason, site: SITE, locked_until: None };
    let history = std::slice::from_ref(&copied);
    given::<Member>(history).when(&ask("wrong", true)).becomes(&[refused(Refusal::WrongPassword)]);
    given::<Member>(history).when(&ask("right", false)).becomes(&[refused(Refusal::CopyOver)]);
    given::<Member>(history).at(until).when(&ask("right", true)).becomes(&[refused(Refusal::CopyOver)]);
    let identified = |expires_at: Time| Event::Identified {
        site: SITE,
        ticket: 1,
        member: Some(member),
        class: "gold".to_owned(),
        key: 0,
        expires_at,
        copied: false,
    };
    given::<Member>(history).when(&ask("right", true)).becomes(&[identified(NOW.after(Duration::from_hours(1)))]);
}
