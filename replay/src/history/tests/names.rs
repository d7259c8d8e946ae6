//! Personal fields: as they lie in the history, in plain text, and of who was forgotten.

use kippu_events::EntityKey;
use kippu_events::access::users::{self, Charging, User};
use kippu_events::secrets::Secrets;
use serde_json::{Value, json};

use super::past;
use crate::history::{Past, history};
use crate::verify::tests::sample::{LOG, SampleLog, event, registered, seed};

/// What the first event of `user` says of the login.
fn login(past: &Past<'_>, user: EntityKey) -> Value {
    let mut login = Value::Null;
    history(past, user, None, &mut |event| {
        login = event.data["login"].clone();
        false
    })
    .unwrap();
    login
}

#[test]
fn a_name_is_plain_where_its_key_is_and_forgotten_where_there_is_none_any_more() {
    let secrets = Secrets::ephemeral(7, LOG);
    let mut sample = SampleLog::new(seed());
    let users = [sample.id(), sample.id()];
    for user in users {
        let mut event_of = registered(1000, Charging::AtSettlement);
        // Of the second nobody has a key.
        if let (users::Event::Registered { login, .. }, true) = (&mut event_of, user == users[0]) {
            *login = secrets.encrypt(user, "login", "ada@example.org").unwrap();
        }
        sample.commit(vec![event::<User>(user, event_of)]);
    }
    let [ada, gone] = users.map(EntityKey::of::<User>);
    let (closed, opened) = (past(&sample.tape), Past { secrets: Some(&secrets), ..past(&sample.tape) });
    assert!(login(&closed, ada)["xchacha20poly1305"].is_string());
    assert_eq!(login(&opened, ada), json!("ada@example.org"));
    assert_eq!(login(&closed, gone), json!({ "xchacha20poly1305": "c2VhbGVk" }));
    assert_eq!(login(&opened, gone), json!({ "forgotten": true }));
}
