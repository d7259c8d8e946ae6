//! Well-chained records that say what must not be.

use kippu_events::access::clients::{self, Client, Role};
use kippu_events::access::users::{self, Charging, LimitSource, User};
use kippu_events::approvals::{self, Purchase, RedeemRefusal, RequestRefusal};
use kippu_events::money::Currency;
use kippu_events::secrets::TokenHash;
use kippu_events::{EntityId, Principal, Time};

use super::sample::{
    PARTITIONS, charged, euro, event, issued, minor, redeem_refused, redeemed, refunded, registered, registered_as,
    released, reserved, settled,
};
use super::scene::Scene;
use crate::verify::{Options, verify};

fn yen() -> Currency {
    "JPY".parse().unwrap()
}

/// Shows F26. Keeps T1.
#[test]
fn a_second_redemption_is_found() {
    Scene::found(&["redeem-once"], |scene| {
        scene.redeem();
        scene.redeem()
    });
}

#[test]
fn a_redemption_of_what_was_never_issued_is_found() {
    Scene::found(&["redeem-once"], |scene| {
        scene.another(0);
        scene.redeem()
    });
}

#[test]
fn a_redemption_after_the_end_is_found() {
    Scene::found(&["expiry"], |scene| {
        scene.sample.now = scene.ends;
        scene.redeem()
    });
}

#[test]
fn an_expiry_before_the_end_is_found() {
    Scene::found(&["expiry"], |scene| scene.both(approvals::Event::Expired {}, released(scene.approval, 600)));
}

/// Shows F26. Keeps T2.
#[test]
fn a_reservation_over_the_limit_is_found() {
    Scene::found(&["limit"], |scene| {
        let reserved = scene.another(401);
        scene.both(issued(scene.user, 401, scene.ends, 1000, 600), reserved)
    });
}

#[test]
fn an_approval_without_its_reservation_is_found() {
    Scene::found(&["money"], |scene| {
        scene.another(1);
        scene.one(issued(scene.user, 1, scene.ends, 1000, 600))
    });
}

#[test]
fn a_reservation_of_another_amount_is_found() {
    Scene::found(&["money"], |scene| {
        let reserved = scene.another(9);
        scene.both(issued(scene.user, 10, scene.ends, 1000, 600), reserved)
    });
}

#[test]
fn a_decision_on_inputs_that_were_not_so_is_found() {
    Scene::found(&["inputs"], |scene| {
        let reserved = scene.another(10);
        scene.both(issued(scene.user, 10, scene.ends, 1000, 0), reserved)
    });
}

#[test]
fn money_that_moves_without_an_approval_is_found() {
    Scene::found(&["money"], |scene| scene.user_is(released(scene.approval, 600)));
}

/// Keeps T2.
#[test]
fn a_settlement_above_what_was_approved_is_found() {
    Scene::found(&["amount", "limit"], |scene| {
        scene.redeem();
        scene.both(settled(scene.settler, 601), charged(scene.approval, 600, 601))
    });
}

#[test]
fn a_settlement_by_somebody_else_is_found() {
    Scene::found(&["settler"], |scene| {
        scene.redeem();
        let other = scene.sample.id();
        scene.both(settled(other, 600), charged(scene.approval, 600, 600))
    });
}

#[test]
fn a_second_settlement_is_found() {
    Scene::found(&["settle-once"], |scene| {
        scene.redeem();
        scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600));
        scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600))
    });
}

#[test]
fn a_user_charged_at_permission_is_charged_when_the_approval_is_redeemed() {
    let mut scene = Scene::new(Charging::AtPermission);
    let forged = scene.redeem();
    scene.breaks("money", forged);

    let mut scene = Scene::new(Charging::AtPermission);
    scene.both(redeemed(scene.settler, 600), charged(scene.approval, 600, 600));
    scene.both(settled(scene.settler, 200), refunded(scene.approval, 400));
    scene.holds();
}

#[test]
fn a_refusal_that_is_not_true_is_found() {
    for reason in [RedeemRefusal::AlreadyRedeemed, RedeemRefusal::Expired, RedeemRefusal::Revoked] {
        Scene::found(&["refusal"], |scene| scene.one(redeem_refused(scene.settler, reason)));
    }
}

#[test]
fn a_second_registration_is_found() {
    Scene::found(&["register-once"], |scene| scene.user_is(registered(5000, Charging::AtSettlement)));
}

#[test]
fn a_limit_that_moves_as_its_source_does_not_is_found() {
    let limit_changed = |limit, before| users::Event::LimitChanged {
        limit: minor(limit),
        before: minor(before),
        currency: euro(),
        approval: None,
    };
    let credited = |amount, limit| users::Event::Credited {
        amount: minor(amount),
        limit: minor(limit),
        currency: euro(),
        approval: None,
    };
    for (source, moved) in [
        (LimitSource::Fixed, credited(1, 1001)),
        (LimitSource::Prepaid, credited(1, 9000)),
        (LimitSource::Points, limit_changed(2000, 1000)),
        (LimitSource::Fixed, limit_changed(2000, 999)),
    ] {
        let mut scene = Scene::new(Charging::AtSettlement);
        let user = scene.sample.id();
        scene.sample.commit(vec![event::<User>(user, registered_as(source, 1000, Charging::AtSettlement))]);
        let forged = scene.sample.commit(vec![event::<User>(user, moved)]);
        scene.breaks("limit", forged);
    }
}

#[test]
fn a_limit_below_what_is_used_is_found() {
    Scene::found(&["limit"], |scene| {
        let lowered =
            users::Event::LimitChanged { limit: minor(599), before: minor(1000), currency: euro(), approval: None };
        scene.user_is(lowered.clone())
    });
}

/// Keeps E2.
#[test]
fn a_command_that_took_effect_twice_is_found() {
    Scene::found(&["command-once"], |scene| {
        let limit_changed =
            || users::Event::LimitChanged { limit: minor(1000), before: minor(1000), currency: euro(), approval: None };
        scene.user_is(limit_changed());
        scene.sample.commands -= 1;
        scene.user_is(limit_changed())
    });
}

#[test]
fn what_somebody_did_in_the_name_of_another_is_found() {
    let other = Principal::Client(EntityId::from_hash(&[7; 32]));
    type Forge = fn(&mut Scene) -> (u16, u64);
    let forgeries: [(Principal, Forge); 5] = [
        (other, |scene| scene.redeem()),
        (Principal::Operator, |scene| scene.redeem()),
        (Principal::Deadline, |scene| {
            let reserved = scene.another(1);
            scene.both(issued(scene.user, 1, scene.ends, 1000, 600), reserved)
        }),
        (Principal::Operator, |scene| {
            scene.sample.now = scene.ends;
            scene.both(approvals::Event::Expired {}, released(scene.approval, 600))
        }),
        (other, |scene| {
            let honest = scene.sample.by.take();
            scene.redeem();
            scene.sample.by = honest;
            scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600))
        }),
    ];
    for (by, forge) in forgeries {
        let mut scene = Scene::new(Charging::AtSettlement);
        scene.sample.by = Some(by);
        let forged = forge(&mut scene);
        scene.breaks("principal", forged);
    }
}

#[test]
fn another_currency_than_the_users_is_found() {
    let changed =
        users::Event::LimitChanged { limit: minor(1000), before: minor(1000), currency: yen(), approval: None };
    Scene::found(&["currency"], |scene| scene.user_is(changed.clone()));
    Scene::found(&["currency"], |scene| {
        let reserved = scene.another(10);
        let mut issued = issued(scene.user, 10, scene.ends, 1000, 600);
        if let approvals::Event::Issued { currency, .. } = &mut issued {
            *currency = yen();
        }
        scene.both(issued, reserved)
    });
    Scene::found(&["amount"], |scene| {
        scene.redeem();
        let mut settled = settled(scene.settler, 600);
        if let approvals::Event::Settled { currency, .. } = &mut settled {
            *currency = yen();
        }
        scene.both(settled, charged(scene.approval, 600, 600))
    });
}

#[test]
fn what_happens_to_a_user_who_never_registered_is_found() {
    Scene::found(&["register-first", "user"], |scene| {
        scene.user = scene.sample.id();
        let reserved = scene.another(1);
        scene.both(issued(scene.user, 1, scene.ends, 0, 0), reserved)
    });
}

#[test]
fn more_released_charged_or_refunded_than_there_is_is_found() {
    for much in [|of| released(of, 601), |of| charged(of, 601, 0), |of| refunded(of, 1)] {
        Scene::found(&["sums"], |scene| scene.user_is(much(scene.approval)));
    }
}

#[test]
fn a_pin_that_is_accepted_while_it_is_locked_is_found() {
    Scene::found(&["pin-lock"], |scene| {
        scene.user_is(users::Event::PinRefused { locked_until: Some(scene.ends) });
        scene.user_is(users::Event::PinAccepted {})
    });
}

#[test]
fn an_approval_issued_twice_or_refused_once_it_was_issued_is_found() {
    Scene::found(&["issue-once"], |scene| {
        let again = issued(scene.user, 1, scene.ends, 1000, 600);
        scene.both(again, reserved(scene.approval, 1))
    });
    Scene::found(&["issue-once"], |scene| {
        let (user, amount, currency, purchase) = (scene.user, minor(1), euro(), Purchase::default());
        let reason = RequestRefusal::LimitExceeded;
        let (offer, inquiry) = (None, None);
        scene.one(approvals::Event::Refused { user, amount, currency, purchase, offer, reason, inquiry })
    });
}

#[test]
fn an_approval_that_ends_twice_is_found() {
    for end in [approvals::Event::Expired {}, approvals::Event::Revoked {}] {
        Scene::found(&["over-once"], |scene| {
            scene.both(approvals::Event::Revoked {}, released(scene.approval, 600));
            scene.sample.now = scene.ends;
            scene.one(end.clone())
        });
    }
}

#[test]
fn an_approval_that_is_over_when_it_is_issued_is_found() {
    Scene::found(&["expiry"], |scene| {
        let reserved = scene.another(10);
        let over = Time::from_micros(scene.sample.now.micros() - 1);
        scene.both(issued(scene.user, 10, over, 1000, 600), reserved)
    });
}

#[test]
fn a_permission_of_another_amount_is_found() {
    Scene::found(&["amount"], |scene| scene.one(redeemed(scene.settler, 599)));
}

#[test]
fn a_client_opened_twice_with_a_gap_in_its_keys_or_with_one_after_its_end_is_found() {
    let key = || TokenHash { key: 1, sha256: "a2V5".to_owned() };
    let opened = || clients::Event::Opened { role: Role::Settler, name: "s".to_owned(), user: None, key: key() };
    let rolled = |counter| clients::Event::KeyRolled { counter, key: key() };
    for history in [
        vec![opened(), opened()],
        vec![opened(), rolled(2)],
        vec![rolled(1)],
        vec![clients::Event::Revoked {}],
        vec![opened(), clients::Event::Revoked {}, rolled(1)],
    ] {
        Scene::found(&["client"], |scene| {
            let places = history
                .iter()
                .map(|happened| scene.sample.commit(vec![event::<Client>(scene.settler, happened.clone())]));
            places.last().unwrap()
        });
    }
}

#[test]
fn a_record_without_events_or_before_the_one_before_it_is_found() {
    Scene::found(&["body"], |scene| {
        let (partition, number) = scene.redeem();
        scene.sample.tape.edit(partition, usize::try_from(number).unwrap(), |_| "[]".to_owned());
        (partition, number)
    });
    Scene::found(&["time"], |scene| {
        scene.sample.now = Time::from_micros(scene.sample.now.micros() - 1);
        scene.redeem()
    });
}

#[test]
fn an_entity_in_a_partition_that_is_not_its_slots_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let user = scene.sample.id();
    let wrong = (user.slot().partition(PARTITIONS) + 1) % PARTITIONS;
    let registered = event::<User>(user, registered(1, Charging::AtSettlement));
    let number = scene.sample.commit_in(wrong, vec![registered]);
    scene.breaks("slot", (wrong, number));
}

/// What each envelope field says, changed in a record that is then chained anew.
#[test]
fn an_envelope_that_says_another_place_version_time_or_log_is_found() {
    for (rule, from, to) in [
        ("version", "\"entityversion\":3", "\"entityversion\":5"),
        ("id", ".0\",\"source\"", ".1\",\"source\""),
        ("source", "urn:kippu:07", "urn:kippu:08"),
        ("time", "\"time\":\"2027", "\"time\":\"2026"),
        ("command", "\"commandmac\":\"CQ", "\"commandmac\":\"Cw"),
    ] {
        let mut scene = Scene::new(Charging::AtSettlement);
        scene.redeem();
        let place = scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600));
        let (partition, number) = place;
        let at = usize::try_from(number).unwrap();
        scene.sample.tape.edit(partition, at, |body| {
            assert!(body.contains(from), "{body}");
            body.replacen(from, to, 1)
        });
        scene.sample.tape.rechain(partition, at);
        scene.breaks(rule, place);
    }
}

#[test]
fn breaches_beyond_the_first_are_counted() {
    let mut scene = Scene::new(Charging::AtSettlement);
    for _ in 0..31 {
        scene.redeem();
    }
    let report = verify(&scene.sample.tape, &Options { most_breaches: 5, ..Options::default() });
    assert_eq!(report.totals.breaches, 30);
    assert_eq!(report.partitions.iter().map(|p| p.first_breaches.len()).sum::<usize>(), 5);
}
