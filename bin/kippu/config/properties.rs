//! Properties of Kafka's client in the configuration: librdkafka's own names, which are none of ours to list.

use std::collections::BTreeMap;
use std::fmt;

use kippu_events::log::kafka::{OpenError, check_properties};
use serde::{Deserialize, Serialize, Serializer};

/// What is shown in place of a value, which may be a secret.
const HIDDEN: &str = "***";

/// Values by property, as `security.protocol`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Given>")]
pub(crate) struct Properties(pub(crate) BTreeMap<String, String>);

/// What a file may say. Without quotes, the dots of a name are TOML's own and make tables.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a property of Kafka's client is a string, a whole number or a boolean")]
enum Given {
    Text(String),
    Number(i64),
    Switch(bool),
    Below(BTreeMap<String, Given>),
}

impl TryFrom<BTreeMap<String, Given>> for Properties {
    type Error = String;

    fn try_from(given: BTreeMap<String, Given>) -> Result<Self, String> {
        let mut properties = Self::default();
        for (name, value) in given {
            properties.put(name, value)?;
        }
        Ok(properties)
    }
}

impl Properties {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Settings with the reason why each is refused.
    pub(super) fn wrong(&self) -> Vec<(String, String)> {
        let (mut wrong, mut left) = (Vec::new(), self.0.clone());
        while !left.is_empty()
            && let Err(error) = check_properties(&left)
        {
            match error {
                OpenError::Property { name, reason } if left.remove(&name).is_some() => {
                    wrong.push((format!("kafka.properties.{name}"), reason));
                }
                // Of all together, which says something only where each was taken.
                error if wrong.is_empty() => return vec![("kafka.properties".to_owned(), error.to_string())],
                _ => break,
            }
        }
        wrong
    }

    fn put(&mut self, name: String, value: Given) -> Result<(), String> {
        let value = match value {
            Given::Text(text) => text,
            Given::Number(number) => number.to_string(),
            Given::Switch(switch) => switch.to_string(),
            Given::Below(table) => {
                return table.into_iter().try_for_each(|(key, value)| self.put(format!("{name}.{key}"), value));
            }
        };
        match self.0.insert(name.clone(), value) {
            None => Ok(()),
            Some(_) => Err(format!("{name} is given twice")),
        }
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name, HIDDEN)))
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
