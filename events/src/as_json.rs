//! A value that the compact form of caches holds as JSON: what leaves members out, or takes them from defaults, has no other form there.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// See the module. In JSON it is the value itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AsJson<T>(pub T);

impl<T> std::ops::Deref for AsJson<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Serialize> Serialize for AsJson<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        serializer.serialize_str(&serde_json::to_string(&self.0).map_err(S::Error::custom)?)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for AsJson<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return T::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Self).map_err(D::Error::custom)
    }
}

#[test]
fn what_leaves_members_out_comes_back_from_either_form() {
    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    struct Some {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_out: Option<u32>,
        kept: String,
    }
    for left_out in [None, Option::Some(7)] {
        let value = AsJson(Some { left_out, kept: "é".to_owned() });
        let compact = postcard::to_allocvec(&value).unwrap();
        assert_eq!(postcard::from_bytes::<AsJson<Some>>(&compact).unwrap(), value);
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, serde_json::to_string(&value.0).unwrap());
        assert_eq!(serde_json::from_str::<AsJson<Some>>(&json).unwrap(), value);
    }
}
