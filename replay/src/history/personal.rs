//! Personal fields, which lie in a history encrypted under a key for each person: opened where the key is, and told from those
//! of a person who was forgotten.

use kippu_events::secrets::{EncryptedField, Secrets, SecretsError};
use kippu_events::{EntityId, EntityKey, Family};
use serde_json::{Value, json};

use super::Past;

/// The member that everything encrypted has.
const ENCRYPTED: &str = "xchacha20poly1305";
/// Personal members, and as what each is encrypted. Everything else that is encrypted is a secret and not a person's.
const PERSONAL: [(&str, &str); 3] = [("login", "login"), ("name", "name"), ("number", "credit_number")];

impl Past<'_> {
    /// `value`, which is about `entity` – its state, or the data of one of its events – with plain text in the place of each
    /// personal field, where these are opened. One whose person was forgotten becomes `{"forgotten":true}`.
    pub(super) fn shown(&self, entity: EntityKey, mut value: Value) -> Result<Value, SecretsError> {
        if let Some(secrets) = self.secrets {
            let person = (entity.family == Family::Users).then_some(entity.id);
            open(person, &mut value, secrets)?;
        }
        Ok(value)
    }
}

fn open(person: Option<EntityId>, value: &mut Value, secrets: &Secrets) -> Result<(), SecretsError> {
    match value {
        Value::Object(members) => {
            // What is about somebody else says about whom.
            let user = members.get("user").and_then(Value::as_str).and_then(|user| user.parse().ok());
            let person = user.or(person);
            for (name, member) in members {
                let field = PERSONAL.iter().find(|(known, _)| known == name).map(|(_, field)| *field);
                match (person, field, encrypted(member)) {
                    (Some(person), Some(field), Some(encrypted)) => {
                        *member = match secrets.decrypt(person, field, &encrypted) {
                            Ok(plain) => Value::String(plain),
                            Err(SecretsError::NoPerson(_) | SecretsError::Forgotten(_)) => json!({ "forgotten": true }),
                            Err(error) => return Err(error),
                        };
                    }
                    (_, _, Some(_)) => {}
                    (_, _, None) => open(person, member, secrets)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| open(person, item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn encrypted(value: &Value) -> Option<EncryptedField> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    Some(EncryptedField { xchacha20poly1305: members.get(ENCRYPTED)?.as_str()?.to_owned() })
}
