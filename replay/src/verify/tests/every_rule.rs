//! Every rule has a history that breaks it, written without asking anybody, and check finds it there.

use kippu_events::access::challenges::{self, Challenge};
use kippu_events::access::clients::{self, Client};
use kippu_events::access::users::{self, Category, Charging, User};
use kippu_events::approvals::{self, RequestRefusal};
use kippu_events::partners::member_visits::{self, MemberVisit};
use kippu_events::partners::members::Member;
use kippu_events::secrets::TokenHash;
use kippu_events::{Entity as _, Principal, Time};

use super::accounts::{pending, refused_on};
use super::sample::{
    PARTITIONS, Tape, charged, euro, event, given_back, issued, minor, redeem_refused, redeemed, registered, released,
    settled,
};
use super::scene::Scene;
use super::{partners, sales, settlements, shop_offers};
use crate::check::{Rule, check};
use crate::verify::{Options, Rules};

/// Where a history breaks a rule.
type Broken = (Tape, (u16, u64));

fn of_approval(forge: impl FnOnce(&mut Scene) -> (u16, u64)) -> Broken {
    let mut scene = Scene::new(Charging::AtSettlement);
    let place = forge(&mut scene);
    (scene.sample.tape, place)
}

fn of_offer(forge: impl FnOnce(&mut shop_offers::Scene) -> (u16, u64)) -> Broken {
    let mut scene = shop_offers::Scene::new();
    let place = forge(&mut scene);
    (scene.sample.tape, place)
}

/// The envelope of the last record says something else.
fn of_envelope(from: &str, to: &str) -> Broken {
    let (mut tape, (partition, number)) = of_approval(|scene| {
        scene.redeem();
        scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600))
    });
    let at = usize::try_from(number).unwrap();
    tape.edit(partition, at, |body| body.replacen(from, to, 1));
    tape.rechain(partition, at);
    (tape, (partition, number))
}

fn settle(scene: &mut Scene) -> (u16, u64) {
    scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600))
}

/// A history that breaks `rule`. A rule that has none is one that nobody has seen at work.
fn broken(rule: Rule) -> Broken {
    match rule {
        Rule::Body => of_approval(|scene| {
            let (partition, number) = scene.redeem();
            scene.sample.tape.edit(partition, usize::try_from(number).unwrap(), |_| "[]".to_owned());
            (partition, number)
        }),
        Rule::Id => of_envelope(".0\",\"source\"", ".1\",\"source\""),
        Rule::Source => of_envelope("urn:kippu:07", "urn:kippu:08"),
        Rule::Time => of_envelope("\"time\":\"2027", "\"time\":\"2026"),
        Rule::Command => of_envelope("\"commandmac\":\"CQ", "\"commandmac\":\"Cw"),
        Rule::Version => of_envelope("\"entityversion\":3", "\"entityversion\":5"),
        Rule::Slot => of_approval(|scene| {
            let user = scene.sample.id();
            let wrong = (user.slot().partition(PARTITIONS) + 1) % PARTITIONS;
            let registered = event::<User>(user, registered(1, Charging::AtSettlement));
            (wrong, scene.sample.commit_in(wrong, vec![registered]))
        }),
        Rule::Principal => of_approval(|scene| {
            scene.sample.by = Some(Principal::Operator);
            scene.redeem()
        }),
        Rule::CommandOnce => of_approval(|scene| {
            scene.user_is(users::Event::Suspended {});
            scene.sample.commands -= 1;
            scene.user_is(users::Event::Resumed {})
        }),
        Rule::RegisterFirst => of_approval(|scene| {
            scene.user = scene.sample.id();
            scene.user_is(users::Event::Suspended {})
        }),
        Rule::RegisterOnce => of_approval(|scene| scene.user_is(registered(5000, Charging::AtSettlement))),
        Rule::Client => of_approval(|scene| {
            let key = TokenHash { key: 1, sha256: "a2V5".to_owned() };
            let rolled = clients::Event::KeyRolled { counter: 1, key };
            scene.sample.commit(vec![event::<Client>(scene.settler, rolled)])
        }),
        Rule::Challenge => of_approval(|scene| {
            let id = scene.sample.id();
            scene.sample.commit(vec![event::<Challenge>(id, challenges::Event::Used {})])
        }),
        Rule::Member => of_approval(|scene| {
            let (id, confirmed) = (scene.sample.id(), Member::samples().swap_remove(9));
            let [registered, again] = [Member::samples().swap_remove(3), confirmed.clone()];
            scene.sample.commit(vec![event::<Member>(id, registered)]);
            scene.sample.commit(vec![event::<Member>(id, confirmed)]);
            scene.sample.commit(vec![event::<Member>(id, again)])
        }),
        Rule::Visit => of_approval(|scene| {
            let (id, ends) = (scene.sample.id(), Time::from_micros(scene.sample.now.micros() + 3_600_000_000));
            let [mut opened, ordered, paid] = <[_; 3]>::try_from(MemberVisit::samples()).unwrap();
            if let member_visits::Event::Opened { expires_at, .. } = &mut opened {
                *expires_at = ends;
            }
            for event_of in [opened, ordered, paid.clone()] {
                scene.sample.commit(vec![event::<MemberVisit>(id, event_of)]);
            }
            scene.sample.commit(vec![event::<MemberVisit>(id, paid)])
        }),
        Rule::IssueOnce => of_approval(|scene| scene.one(issued(scene.user, 0, scene.ends, 1000, 600))),
        Rule::RedeemOnce => of_approval(|scene| {
            scene.redeem();
            scene.redeem()
        }),
        Rule::SettleOnce => of_approval(|scene| {
            scene.redeem();
            settle(scene);
            settle(scene)
        }),
        Rule::OverOnce => of_approval(|scene| {
            scene.both(approvals::Event::Revoked {}, released(scene.approval, 600));
            scene.one(approvals::Event::Revoked {})
        }),
        Rule::Collect => of_approval(|scene| {
            let (by, amount, currency, expires_at) = (Principal::Operator, minor(599), euro(), scene.ends);
            scene.one(approvals::Event::Collected { by, key: 1, amount, currency, expires_at, offer: None })
        }),
        Rule::OfferOnce => of_offer(|scene| scene.is(scene.made(400))),
        Rule::DeliverOnce => of_offer(|scene| {
            scene.is(scene.delivered(scene.settler, &[(0, 1, 300)], 300));
            scene.is(scene.delivered(scene.settler, &[(1, 2, 50)], 100))
        }),
        Rule::Items => of_offer(|scene| scene.is(scene.delivered(scene.settler, &[(0, 1, 299)], 299))),
        Rule::User => of_approval(|scene| {
            scene.user = scene.sample.id();
            scene.another(0);
            scene.one(issued(scene.user, 0, scene.ends, 0, 0))
        }),
        Rule::Inputs => of_approval(|scene| {
            let reserved = scene.another(10);
            scene.both(issued(scene.user, 10, scene.ends, 1000, 0), reserved)
        }),
        Rule::Limit => of_approval(|scene| {
            let reserved = scene.another(401);
            scene.both(issued(scene.user, 401, scene.ends, 1000, 600), reserved)
        }),
        Rule::Money => of_approval(|scene| scene.user_is(released(scene.approval, 600))),
        Rule::Reservation => of_approval(|scene| scene.one(approvals::Event::Revoked {})),
        Rule::Sums => of_approval(|scene| scene.user_is(released(scene.approval, 601))),
        Rule::Amount => of_approval(|scene| scene.one(redeemed(scene.settler, 599))),
        Rule::Currency => of_approval(|scene| {
            let (category, currency) = (Category::Fee, "JPY".parse().unwrap());
            scene.user_is(users::Event::Charged { category, amount: minor(1), currency, note: None, takes_back: false })
        }),
        Rule::Period => of_approval(|scene| {
            let next = scene.sample.now.next_month();
            scene.user_is(users::Event::PeriodBegun { charged_before: minor(1), next })
        }),
        Rule::Refund => of_approval(|scene| {
            scene.redeem();
            scene.one(given_back(0, 0))
        }),
        Rule::Expiry => of_approval(|scene| {
            scene.sample.now = scene.ends;
            scene.redeem()
        }),
        Rule::Settler => of_approval(|scene| {
            scene.redeem();
            scene.settler = scene.sample.id();
            settle(scene)
        }),
        Rule::Suspended => of_approval(|scene| {
            scene.user_is(users::Event::Suspended {});
            scene.redeem()
        }),
        Rule::Forgotten => of_approval(|scene| {
            scene.user_is(users::Event::Forgotten {});
            scene.user_is(users::Event::PinAccepted {})
        }),
        Rule::Policy => of_approval(|scene| {
            let held = scene.another(0);
            scene.both(pending(scene, 0, 600), held)
        }),
        Rule::Inquiry => of_approval(|scene| {
            scene.another(0);
            scene.one(refused_on(scene, RequestRefusal::CreditRefused, None))
        }),
        Rule::PinLock => of_approval(|scene| {
            let until = Time::from_micros(scene.sample.now.micros() + 1);
            scene.user_is(users::Event::PinRefused { locked_until: Some(until) });
            scene.user_is(users::Event::PinAccepted {})
        }),
        Rule::Refusal => {
            of_approval(|scene| scene.one(redeem_refused(scene.settler, approvals::RedeemRefusal::AlreadyRedeemed)))
        }
        Rule::StockKept | Rule::StockOnce | Rule::Postings => sales::broken(rule),
        Rule::PresentOnce
        | Rule::PermitOnce
        | Rule::NoticeOnce
        | Rule::Attempt
        | Rule::Wait
        | Rule::Permission
        | Rule::Held
        | Rule::Received
        | Rule::Order
        | Rule::Release => settlements::broken(rule),
        Rule::Terms | Rule::Certified | Rule::Reported | Rule::Agreed => partners::broken(rule),
    }
}

/// Shows F26. Keeps T1, T2.
#[test]
fn every_rule_finds_the_history_that_breaks_it_at_its_place_and_no_other() {
    for rule in Rule::ALL {
        let (tape, (partition, number)) = broken(*rule);
        let alone = check(&tape, &Options { rules: Rules::from_iter([*rule]), ..Options::default() });
        assert!(!alone.sound && alone.broken > 0 && alone.unread.is_empty(), "{rule}: {alone}");
        let all = check(&tape, &Options::default());
        assert!(all.broken >= alone.broken, "{rule}: {all}");
        for finding in alone.findings.iter().chain(&all.findings) {
            assert_eq!((finding.partition, finding.breach.number), (partition, number), "{rule}: {all}");
        }
        assert!(alone.findings.iter().all(|finding| finding.breach.rule == *rule), "{rule}: {alone}");
        let others = check(
            &tape,
            &Options { rules: Rule::ALL.iter().copied().filter(|it| it != rule).collect(), ..Options::default() },
        );
        assert_eq!(others.broken, all.broken - alone.broken, "{rule}: {others}");
    }
}

#[test]
fn names_of_rules_are_told_apart_and_read_back() {
    for rule in Rule::ALL {
        assert_eq!(rule.name().parse(), Ok(*rule));
    }
    assert!("redeem".parse::<Rule>().is_err());
}
