//! Who records what members do, and how it is handed on.

use std::time::Duration;

use kippu_events::Family;
use kippu_events::access::{Caller, Role, Roles};
use kippu_events::partners::member_visits;

use super::*;
use crate::given::{NOW, given, id};
use crate::problem;
use crate::world::{World, slug};

const VISIT: EntityId = EntityId::from_bytes([4; 15]);

fn visit() -> member_visits::Event {
    let token = kippu_events::secrets::TokenHash { key: 1, sha256: "q".repeat(43) };
    member_visits::Event::Opened {
        contract: id(3),
        member: id(7),
        class: "gold".to_owned(),
        signer: id(6),
        ticket: "5f".repeat(32),
        expires_at: NOW.after(Duration::from_secs(60)),
        capability: token,
    }
}

fn action(contract: u8, member: EntityId, at: Time) -> Action {
    let page = Some("/tie-up/a".to_owned());
    let (contract, site) = (id(contract), id(2));
    Action { contract, site, member, kind: Kind::Cart, page, item: None, amount: None, currency: None, at }
}

fn holder() -> Caller {
    Caller::holder_of(EntityKey::of::<MemberVisit>(VISIT))
}

#[test]
fn who_holds_a_visit_that_goes_on_records_what_its_member_does_once() {
    let ask = |contract| {
        let action = Box::new(action(contract, VISIT, Time::default()));
        Command::Do { visit: VISIT, action, to: Some(id(9)) }
    };
    let done = Event::Done { action: action(3, id(7), NOW), to: Some(id(9)) };
    let given = |history: &[Event]| given::<MemberAction>(history).with::<MemberVisit>(VISIT, &[visit()]);
    given(&[]).by(holder()).when(&ask(3)).becomes(std::slice::from_ref(&done));
    given(&[]).by(holder()).when(&ask(5)).refused(&problem::NOT_IDENTIFIED);
    given(&[]).by(Caller::GUEST).when(&ask(3)).refused(&problem::NOT_IDENTIFIED);
    given(&[]).by(holder()).at(NOW.after(Duration::from_secs(60))).when(&ask(3)).refused(&problem::NOT_IDENTIFIED);
    given(&[done]).by(holder()).when(&ask(3)).refused(&KNOWN);
}

#[test]
fn an_action_is_taken_once_and_handed_on_once() {
    let take = || Command::Take { action: Box::new(action(3, id(7), NOW)), to: Some(id(9)) };
    let done = || Event::Done { action: action(3, id(7), NOW), to: Some(id(9)) };
    let came = |attempt, refusal: Option<&str>| Command::CameOf { attempt, refusal: refusal.map(str::to_owned) };
    given::<MemberAction>(&[]).when(&take()).becomes(&[done()]);
    given::<MemberAction>(&[done()]).when(&take()).refused(&KNOWN);
    given::<MemberAction>(&[done()]).when(&came(ATTEMPT, None)).becomes(&[Event::HandedOver {}]);
    let refused = Event::Refused { reason: "contract-ended".to_owned() };
    given::<MemberAction>(&[done()]).when(&came(ATTEMPT, Some("contract-ended"))).becomes(&[refused]);
    given::<MemberAction>(&[done()]).when(&came(7, None)).refused(&problem::NOT_DUE);
    given::<MemberAction>(&[done(), Event::HandedOver {}]).when(&came(ATTEMPT, None)).refused(&problem::NOT_DUE);
    given::<MemberAction>(&[]).when(&came(ATTEMPT, None)).refused(&problem::NOT_DUE);
}

#[test]
fn a_site_hands_on_what_was_done_there_and_the_main_site_what_partners_handed_on() {
    let mut world = World::new();
    let peer = |party, role| Caller::of_peer(party, Roles::one(role));
    let mut take = |caller, number: u8, site: EntityId| {
        let done = Action { site, ..action(3, id(7), NOW) };
        let body = json!({ "action": id(number), "done": done });
        world.ask(caller, (Family::MemberActions, "take", None), &body)
    };
    let (partner, main) = (peer(id(2), Role::PartnerSite), peer(id(9), Role::MainSite));
    assert_eq!(take(partner, 1, id(2)).unwrap().0, 201);
    assert_eq!(slug(take(partner, 1, id(2))), "member-action-known");
    assert_eq!(slug(take(partner, 2, id(8))), "forbidden");
    assert_eq!(take(main, 2, id(8)).unwrap().0, 201);
    let own = World::new().secrets.party;
    assert_eq!(slug(take(main, 3, own)), "forbidden");
    world.replays();
}
