//! Histories of every family at random: what is folded from stored bytes is what was folded live, and a state
//! survives its compact form at every step. A history that fails is printed, made as short as it can be.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use proptest::{collection, option, sample};

use super::{AnyEntity as _, Entity, EntityKey};
use crate::access::clients::{self, Client, Role};
use crate::access::users::{self, Charging, LimitSource, User};
use crate::approvals::{self, Approval, Purchase, RedeemRefusal, RequestRefusal};
use crate::event::{AnyEvent as _, BodyWriter, Cause, Mac, Place, Typed, read_body};
use crate::log::LogId;
use crate::money::{Currency, Minor};
use crate::placement::placements::{self, Placement};
use crate::secrets::{EncryptedField, PinVerifier, TokenHash};
use crate::{EntityId, Family, Principal, Time};

/// Events of one entity, each with the time of its record, fold to the same state in every way there is.
fn folds_alike<E: Entity>(history: &[(E::Event, Time)]) -> Result<(), TestCaseError> {
    let cause = Cause { command: Mac([3; 16]), body: Mac([5; 16]), principal: Principal::Deadline };
    let entity = EntityKey::of::<E>(EntityId::from_hash(&[9; 32]));
    let log = LogId([0xa5; 16]);
    let mut typed = E::default();
    let (mut erased, mut stored) = (E::FAMILY.fresh(), E::FAMILY.fresh());
    for (version, (event, time)) in (1..).zip(history) {
        let place = Place { log: &log, partition: 3, number: version, time: *time, cause: &cause };
        let mut body = BodyWriter::new(place);
        body.push(entity, version, &Typed::<E>(event.clone()));
        let body = body.finish();
        let recorded = read_body(&body).map_err(|error| TestCaseError::fail(error.to_string()))?.remove(0);
        prop_assert_eq!((recorded.entity, recorded.version, recorded.time), (entity, version, *time));
        prop_assert_eq!(&recorded.decode::<E>(), &Ok(event.clone()));

        typed.evolve(event, *time);
        Typed::<E>(event.clone()).evolve(&mut *erased, *time);
        let folded = stored.evolve_stored(recorded.kind, recorded.schema, recorded.data, recorded.time);
        prop_assert_eq!(folded, Ok(()));
        for state in [&erased, &stored] {
            prop_assert_eq!(state.as_any().downcast_ref::<E>(), Some(&typed));
        }

        let compact = typed.encode();
        let again = E::FAMILY.decode(&compact);
        prop_assert_eq!(again.as_ref().and_then(|state| state.as_any().downcast_ref::<E>()), Some(&typed));
        prop_assert!(E::FAMILY.decode(&compact[..compact.len() - 1]).is_none(), "a cut state is no state");
    }
    Ok(())
}

fn history<T: std::fmt::Debug>(event: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(T, Time)>> {
    collection::vec((event, time()), 0..24)
}

fn time() -> impl Strategy<Value = Time> {
    // 1970 to 9999, as RFC 3339 can write it.
    (0_i64..253_402_300_799_999_999).prop_map(Time::from_micros)
}

fn id() -> impl Strategy<Value = EntityId> {
    any::<[u8; EntityId::BYTES]>().prop_map(EntityId::from_bytes)
}

fn minor() -> impl Strategy<Value = Minor> {
    prop_oneof![4 => 0..10_000_u64, 1 => 0..=Minor::MOST].prop_filter_map("within bounds", Minor::new)
}

fn currency() -> impl Strategy<Value = Currency> {
    sample::select(vec!["EUR", "JPY", "KWD"]).prop_filter_map("a currency", |code| code.parse().ok())
}

fn token() -> impl Strategy<Value = TokenHash> {
    (any::<u32>(), "[A-Za-z0-9_-]{43}").prop_map(|(key, sha256)| TokenHash { key, sha256 })
}

fn encrypted() -> impl Strategy<Value = EncryptedField> {
    "[A-Za-z0-9_-]{0,80}".prop_map(|xchacha20poly1305| EncryptedField { xchacha20poly1305 })
}

fn purchase() -> impl Strategy<Value = Purchase> {
    let description = option::of(any::<String>());
    (description, option::of(any::<u32>())).prop_map(|(description, quantity)| Purchase { description, quantity })
}

fn client_event() -> impl Strategy<Value = clients::Event> {
    let role = sample::select(vec![Role::Operator, Role::Shop, Role::Settler, Role::Terminal]);
    prop_oneof![
        3 => (role, any::<String>(), option::of(id()), token())
            .prop_map(|(role, name, user, key)| clients::Event::Opened { role, name, user, key }),
        3 => (any::<u32>(), token()).prop_map(|(counter, key)| clients::Event::KeyRolled { counter, key }),
        1 => Just(clients::Event::Revoked {}),
    ]
}

fn registered() -> impl Strategy<Value = users::Event> {
    let pin = (any::<u32>(), "[A-Za-z0-9_-]{43}").prop_map(|(pepper, argon2id)| PinVerifier { pepper, argon2id });
    let source = sample::select(vec![LimitSource::Fixed, LimitSource::Prepaid, LimitSource::Points]);
    let charging = sample::select(vec![Charging::AtPermission, Charging::AtSettlement]);
    (encrypted(), option::of(encrypted()), option::of(pin), source, minor(), currency(), charging).prop_map(
        |(login, name, pin, source, limit, currency, charging)| users::Event::Registered {
            login,
            name,
            pin,
            source,
            limit,
            currency,
            charging,
        },
    )
}

fn user_event() -> impl Strategy<Value = users::Event> {
    use users::Event;
    let amounts = || (id(), minor());
    prop_oneof![
        3 => registered(),
        1 => (minor(), minor(), currency())
            .prop_map(|(limit, before, currency)| Event::LimitChanged { limit, before, currency }),
        1 => (minor(), minor(), currency())
            .prop_map(|(amount, limit, currency)| Event::Credited { amount, limit, currency }),
        2 => amounts().prop_map(|(approval, amount)| Event::AmountReserved { approval, amount }),
        1 => amounts().prop_map(|(approval, amount)| Event::AmountReleased { approval, amount }),
        1 => (amounts(), minor())
            .prop_map(|((approval, amount), reserved)| Event::AmountCharged { approval, reserved, amount }),
        1 => amounts().prop_map(|(approval, amount)| Event::AmountRefunded { approval, amount }),
        1 => option::of(time()).prop_map(|locked_until| Event::PinRefused { locked_until }),
        1 => Just(Event::PinAccepted {}),
    ]
}

fn issued() -> impl Strategy<Value = approvals::Event> {
    let amounts = (minor(), minor(), minor());
    (id(), id(), amounts, currency(), purchase(), time(), token()).prop_map(
        |(user, terminal, (amount, limit, used), currency, purchase, expires_at, token)| approvals::Event::Issued {
            user,
            terminal,
            amount,
            currency,
            purchase,
            expires_at,
            token,
            limit,
            used,
        },
    )
}

fn approval_event() -> impl Strategy<Value = approvals::Event> {
    use approvals::Event;
    let request = sample::select(vec![
        RequestRefusal::LimitExceeded,
        RequestRefusal::CurrencyMismatch,
        RequestRefusal::NotIdentified,
        RequestRefusal::PinLocked,
    ]);
    let redeem = sample::select(vec![RedeemRefusal::AlreadyRedeemed, RedeemRefusal::Expired, RedeemRefusal::Revoked]);
    let settlement = || (id(), minor(), currency());
    prop_oneof![
        4 => issued(),
        1 => (settlement(), purchase(), request).prop_map(|((user, amount, currency), purchase, reason)| {
            Event::Refused { user, amount, currency, purchase, reason }
        }),
        3 => settlement().prop_map(|(settler, amount, currency)| Event::Redeemed { settler, amount, currency }),
        1 => (id(), redeem).prop_map(|(settler, reason)| Event::RedeemRefused { settler, reason }),
        2 => settlement().prop_map(|(settler, amount, currency)| Event::Settled { settler, amount, currency }),
        1 => Just(Event::Expired {}),
        1 => Just(Event::Revoked {}),
    ]
}

fn placement_event() -> impl Strategy<Value = placements::Event> {
    use placements::Event;
    prop_oneof![
        2 => any::<String>().prop_map(|label| Event::Opened { label }),
        2 => any::<String>().prop_map(|server| Event::Placed { server }),
        2 => any::<(String, String)>().prop_map(|(from, to)| Event::Moved { from, to }),
        1 => Just(Event::Closed {}),
    ]
}

fn fold_alike<E: Entity>(event: impl Strategy<Value = E::Event>) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let ran = TestRunner::new(config).run(&history(event), |history| folds_alike::<E>(&history));
    ran.unwrap_or_else(|failed| panic!("{}: {failed}", E::FAMILY.name()));
}

/// Keeps E1.
#[test]
fn an_entity_of_any_family_is_the_fold_of_its_stored_events() {
    for family in Family::ALL {
        match family {
            Family::Clients => fold_alike::<Client>(client_event()),
            Family::Users => fold_alike::<User>(user_event()),
            Family::Approvals => fold_alike::<Approval>(approval_event()),
            Family::Placements => fold_alike::<Placement>(placement_event()),
        }
    }
}
