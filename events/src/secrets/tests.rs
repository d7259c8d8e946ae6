//! What is made with the keys, and what is refused.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const LOG: LogId = LogId([1; 16]);

fn secrets() -> Secrets {
    Secrets::ephemeral(7, LOG)
}

fn id(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

fn token(secrets: &Secrets, purpose: Purpose) -> String {
    secrets.token(purpose, 1, id(3), 9).unwrap()
}

#[test]
fn a_token_says_whose_it_is_and_is_the_same_at_every_call() {
    let secrets = secrets();
    for purpose in Purpose::ALL {
        let text = token(&secrets, purpose);
        assert_eq!(secrets.verify(purpose, &text), Ok(Bearer { key: 1, entity: id(3), counter: 9 }));
        assert_eq!(text, token(&secrets, purpose));
    }
}

#[test]
fn a_token_with_any_bit_turned_is_forged() {
    let secrets = secrets();
    let text = token(&secrets, Purpose::Approval);
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert_eq!(secrets.verify(Purpose::Approval, &changed), Err(Forged), "{changed}");
        }
    }
}

#[test]
fn a_token_that_is_cut_or_runs_on_is_forged() {
    let secrets = secrets();
    let text = token(&secrets, Purpose::Approval);
    for end in 0..text.len() {
        assert_eq!(secrets.verify(Purpose::Approval, &text[..end]), Err(Forged));
    }
    for tail in ["A", "=", " ", "\n", "\0"] {
        assert_eq!(secrets.verify(Purpose::Approval, &format!("{text}{tail}")), Err(Forged));
    }
}

#[test]
fn a_token_of_another_purpose_log_or_key_store_is_forged() {
    let secrets = secrets();
    let text = token(&secrets, Purpose::ApiKey);
    assert_eq!(secrets.verify(Purpose::Approval, &text), Err(Forged));
    assert_eq!(secrets.verify(Purpose::Approval, &text.replacen("kpk_", "kpa_", 1)), Err(Forged));
    assert_eq!(Secrets::ephemeral(7, LogId([2; 16])).verify(Purpose::ApiKey, &text), Err(Forged));
    assert_eq!(Secrets::ephemeral(8, LOG).verify(Purpose::ApiKey, &text), Err(Forged));
}

/// Shows F30.
#[test]
fn a_sealed_field_opens_for_its_person_and_field_only() {
    let secrets = secrets();
    let encrypted = secrets.encrypt(id(1), "name", "Ann Example").unwrap();
    secrets.encrypt(id(2), "name", "Bob").unwrap();
    assert_eq!(secrets.decrypt(id(1), "name", &encrypted).unwrap(), "Ann Example");
    for (other, field) in [(id(1), "login"), (id(2), "name")] {
        assert!(matches!(secrets.decrypt(other, field, &encrypted), Err(SecretsError::Undecryptable)));
    }
    assert!(matches!(secrets.decrypt(id(3), "name", &encrypted), Err(SecretsError::NoPerson(_))));
}

#[test]
fn logins_that_people_take_for_the_same_are_the_same_user() {
    let secrets = secrets();
    let id = secrets.login_id("default", "Zoë@Example.org");
    for same in [" zoë@example.org ", "ZOË@EXAMPLE.ORG", "Zoe\u{308}@example.org", "\u{feff}zoë@example\u{ad}.org"] {
        assert_eq!(secrets.login_id("default", same), id, "{same}");
    }
    assert_eq!(secrets.login_id("DEFAULT ", "zoë@example.org"), id);
    assert_ne!(secrets.login_id("other", "zoë@example.org"), id);
    assert_ne!(secrets.login_id("default", "zoe@example.org"), id);
}

/// Shows F45.
#[test]
fn what_a_form_has_to_hold_is_of_one_session_and_one_key_store_alone() {
    let secrets = secrets();
    let csrf = secrets.csrf(id(1), 3);
    assert_eq!((csrf.len(), secrets.is_csrf(id(1), 3, &csrf)), (43, true));
    assert!(!secrets.is_csrf(id(1), 4, &csrf) && !secrets.is_csrf(id(2), 3, &csrf));
    assert!(!Secrets::ephemeral(2, LOG).is_csrf(id(1), 3, &csrf));
    for other in ["", "A", &csrf[1..], &format!("{csrf}="), &format!(" {csrf}"), "é"] {
        assert!(!secrets.is_csrf(id(1), 3, other), "{other}");
    }
}

#[test]
fn commands_are_told_apart_by_caller_key_and_entity() {
    let secrets = secrets();
    let of = |caller, key, entity| secrets.command(&caller, key, EntityKey { family: Family::Users, id: entity });
    let one = of(Principal::Operator, "k", id(1));
    assert_eq!(one, of(Principal::Operator, "k", id(1)));
    for other in
        [of(Principal::Deadline, "k", id(1)), of(Principal::Operator, "l", id(1)), of(Principal::Operator, "k", id(2))]
    {
        assert_ne!(one, other);
    }
}

/// Shows F30.
#[test]
fn the_key_store_keeps_its_keys_to_itself_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("keys");
    let (text, encrypted) = {
        let secrets = Secrets::create(&dir, LOG).unwrap();
        (token(&secrets, Purpose::ApiKey), secrets.encrypt(id(1), "name", "Ann Example").unwrap())
    };
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join(keyring::FILE))), (0o700, 0o600));
    let secrets = Secrets::open(&dir, LOG).unwrap();
    assert!(secrets.verify(Purpose::ApiKey, &text).is_ok());
    assert_eq!(secrets.decrypt(id(1), "name", &encrypted).unwrap(), "Ann Example");
    assert!(Secrets::create(&dir, LOG).is_err(), "a key store is never overwritten");
    assert_eq!(format!("{secrets:?}"), "Secrets");
}

impl Secrets {
    /// The person's key, so that other tests can look for it where it must not be.
    pub(crate) fn key_of(&self, person: EntityId) -> [u8; 32] {
        self.persons.get(person).unwrap().0
    }
}
