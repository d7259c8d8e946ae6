//! Refusals of requests and sign-ins that are true, and such that would have been permitted; reservations that stay.

use kippu_events::access::sessions::{self, Sessions, SignInRefusal};
use kippu_events::access::users::{self, Charging, LimitSource, Policy, User};
use kippu_events::approvals::{self, Approval, Offered, RequestRefusal, Told};
use kippu_events::secrets::PinVerifier;
use kippu_events::{EntityId, Time};

use super::accounts::{asked_about, inquiry, pending, refused_on, scene_of};
use super::sample::{euro, event, issued, minor, redeemed, released, reserved};
use super::scene::Scene;
use crate::check::check;
use crate::verify::Options;

/// A user with a PIN, a limit of 1000, and nothing approved.
fn with_pin() -> Scene {
    scene_of(|registered| {
        if let users::Event::Registered { pin, .. } = registered {
            *pin = Some(PinVerifier { pepper: 1, argon2id: "aGFzaA".to_owned() });
        }
    })
}

fn wrong_pin(locked_until: Option<Time>) -> users::Event {
    users::Event::PinRefused { locked_until }
}

/// A request for 600 that was refused.
fn refused(scene: &Scene, reason: RequestRefusal) -> approvals::Event {
    refused_on(scene, reason, None)
}

/// The limit was 1000, and is another one.
fn limited(limit: u64, approval: Option<EntityId>) -> users::Event {
    users::Event::LimitChanged { limit: minor(limit), before: minor(1000), currency: euro(), approval }
}

/// Whether what `tell` adds holds; else it breaks the rule of refusals.
#[track_caller]
fn judged(mut scene: Scene, holds: bool, tell: impl FnOnce(&mut Scene) -> (u16, u64)) {
    let place = tell(&mut scene);
    if holds {
        scene.holds();
    } else {
        scene.breaks("refusal", place);
    }
}

/// Shows F26.
#[test]
fn a_request_that_was_refused_although_the_limit_had_room_is_found() {
    // 600 of 1000 are reserved: 401 more are too much, and 400 are not.
    for (amount, holds) in [(401, true), (400, false)] {
        judged(Scene::new(Charging::AtSettlement), holds, |scene| {
            scene.another(0);
            let mut event = refused(scene, RequestRefusal::LimitExceeded);
            if let approvals::Event::Refused { amount: asked, .. } = &mut event {
                *asked = minor(amount);
            }
            scene.one(event)
        });
    }
    // A limit that was lowered counts as it was then.
    judged(with_pin(), true, |scene| {
        scene.user_is(limited(599, None));
        scene.one(refused(scene, RequestRefusal::LimitExceeded))
    });
    // Where a reference is to be asked first, the limit is no reason yet.
    judged(asked_about(Policy::Reference, LimitSource::Fixed), false, |scene| {
        scene.one(refused(scene, RequestRefusal::LimitExceeded))
    });
}

#[test]
fn a_request_that_was_refused_for_what_was_not_so_is_found() {
    for reason in [RequestRefusal::NotIdentified, RequestRefusal::PinLocked, RequestRefusal::UserSuspended] {
        judged(with_pin(), false, |scene| scene.one(refused(scene, reason)));
    }
    judged(with_pin(), true, |scene| scene.both(refused(scene, RequestRefusal::NotIdentified), wrong_pin(None)));
    judged(scene_of(|_| {}), true, |scene| scene.one(refused(scene, RequestRefusal::NotIdentified)));
    judged(with_pin(), true, |scene| {
        scene.user = scene.sample.id();
        scene.approval = scene.sample.id().in_slot(scene.user.slot());
        scene.one(refused(scene, RequestRefusal::NotIdentified))
    });
    for (after, holds) in [(-1, true), (0, false)] {
        judged(with_pin(), holds, |scene| {
            scene.user_is(wrong_pin(Some(scene.ends)));
            scene.sample.now = Time::from_micros(scene.ends.micros() + after);
            scene.one(refused(scene, RequestRefusal::PinLocked))
        });
    }
    judged(with_pin(), true, |scene| {
        scene.user_is(users::Event::Suspended {});
        scene.one(refused(scene, RequestRefusal::UserSuspended))
    });
    for (currency, holds) in [("JPY", true), ("EUR", false)] {
        judged(with_pin(), holds, |scene| {
            let mut event = refused(scene, RequestRefusal::CurrencyMismatch);
            if let approvals::Event::Refused { currency: asked, .. } = &mut event {
                *asked = currency.parse().unwrap();
            }
            scene.one(event)
        });
    }
}

#[test]
fn a_request_that_was_refused_for_an_offer_that_was_good_is_found() {
    for (after, holds) in [(0, true), (1, false)] {
        judged(with_pin(), holds, |scene| {
            let [shop, buyer, id] = [21, 22, 23].map(|n| EntityId::from_hash(&[n; 32]));
            let expires_at = Time::from_micros(scene.sample.now.micros() + after);
            let (sha256, settlers, items) = ("5".repeat(64), vec![scene.settler], Vec::new());
            let mut event = refused(scene, RequestRefusal::OfferExpired);
            if let approvals::Event::Refused { offer, .. } = &mut event {
                *offer =
                    Some(Box::new(Offered { shop, shop_version: 1, buyer, id, sha256, expires_at, settlers, items }));
            }
            scene.one(event)
        });
    }
    judged(with_pin(), false, |scene| scene.one(refused(scene, RequestRefusal::OfferExpired)));
}

#[test]
fn a_request_that_was_refused_after_a_good_answer_although_the_limit_had_room_is_found() {
    for (lowered_to, holds) in [(599, true), (600, false)] {
        judged(asked_about(Policy::Reference, LimitSource::Fixed), holds, |scene| {
            scene.one(pending(scene, 0, 0));
            scene.user_is(limited(lowered_to, None));
            scene.one(refused_on(scene, RequestRefusal::LimitExceeded, inquiry(Told::Good, None)))
        });
    }
    // By solvency, the limit is what was told.
    for (limit, holds) in [(599, true), (600, false)] {
        judged(asked_about(Policy::Reference, LimitSource::Solvency), holds, |scene| {
            scene.one(pending(scene, 0, 0));
            let told = refused_on(scene, RequestRefusal::LimitExceeded, inquiry(Told::Good, Some(limit)));
            scene.both(told, limited(limit, Some(scene.approval)))
        });
    }
}

/// Shows F26.
#[test]
fn a_sign_in_that_was_refused_although_the_pin_was_right_is_found() {
    let sign_in = |scene: &mut Scene, reason, user_event: Option<users::Event>| {
        let mut events = vec![event::<Sessions>(scene.user, sessions::Event::Refused { reason })];
        events.extend(user_event.map(|happened| event::<User>(scene.user, happened)));
        scene.sample.commit(events)
    };
    for reason in [SignInRefusal::UnknownUser, SignInRefusal::NoPin, SignInRefusal::WrongPin, SignInRefusal::PinLocked]
    {
        judged(with_pin(), false, |scene| sign_in(scene, reason, None));
    }
    judged(with_pin(), true, |scene| sign_in(scene, SignInRefusal::WrongPin, Some(wrong_pin(None))));
    judged(scene_of(|_| {}), true, |scene| sign_in(scene, SignInRefusal::NoPin, None));
    judged(with_pin(), true, |scene| {
        scene.user_is(wrong_pin(Some(scene.ends)));
        sign_in(scene, SignInRefusal::PinLocked, None)
    });
    judged(with_pin(), true, |scene| {
        scene.user_is(users::Event::Suspended {});
        sign_in(scene, SignInRefusal::UnknownUser, None)
    });
    judged(with_pin(), true, |scene| {
        scene.user = scene.sample.id();
        sign_in(scene, SignInRefusal::UnknownUser, None)
    });
}

/// Shows F26.
#[test]
fn a_reservation_that_outlives_its_approval_or_has_none_is_found_and_open_ones_are_counted() {
    Scene::found(&["reservation"], |scene| scene.one(approvals::Event::Revoked {}));
    Scene::found(&["reservation"], |scene| scene.both(approvals::Event::Revoked {}, released(scene.approval, 599)));
    Scene::found(&["reservation"], |scene| {
        let nobody = scene.sample.id().in_slot(scene.user.slot());
        scene.user_is(reserved(nobody, 1))
    });
    Scene::found(&["reservation"], |scene| {
        scene.both(approvals::Event::Revoked {}, released(scene.approval, 600));
        scene.user_is(reserved(scene.approval, 1))
    });
    let mut scene = Scene::new(Charging::AtSettlement);
    let held = scene.another(10);
    scene.both(issued(scene.user, 10, scene.ends, 1000, 600), held);
    scene.sample.commit(vec![event::<Approval>(scene.approval, redeemed(scene.settler, 10))]);
    let report = check(&scene.sample.tape, &Options::default());
    let open: Vec<_> = report.open.values().map(|open| (open.reservations, open.amount)).collect();
    assert!(report.sound && open == [(2, 610)], "{report}");
    assert!(report.to_string().contains("still reserved 6.10 EUR, by 2 open approvals"), "{report}");
}
