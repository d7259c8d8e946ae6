//! Secrets of webhooks, as Standard Webhooks has them: each is derived from the keyring, the endpoint and a number, so that nothing
//! secret is stored. What they sign is `id.timestamp.body`.

use data_encoding::BASE64;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::Secrets;
use crate::EntityId;

impl Secrets {
    /// The secret with this number of `endpoint`, as its owner is told it: `whsec_` and base64 of 32 bytes.
    #[must_use]
    pub fn webhook_secret(&self, endpoint: EntityId, number: u32) -> String {
        format!("whsec_{}", BASE64.encode(&self.webhook_key(endpoint, number)))
    }

    /// What that secret makes of a message: `v1,` and base64 of its HMAC-SHA-256. Neither `id` nor `timestamp` has a full stop.
    #[must_use]
    pub fn sign_webhook(&self, endpoint: EntityId, number: u32, id: &str, timestamp: i64, body: &[u8]) -> String {
        signature(&self.webhook_key(endpoint, number), id, timestamp, body)
    }

    fn webhook_key(&self, endpoint: EntityId, number: u32) -> [u8; 32] {
        self.webhook.clone().with(endpoint.as_bytes()).with(&number.to_be_bytes()).finish()
    }
}

fn signature(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    // HMAC takes keys of every length.
    #[allow(clippy::expect_used)]
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    hmac.update(format!("{id}.{timestamp}.").as_bytes());
    hmac.update(body);
    format!("v1,{}", BASE64.encode(&hmac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_id::LogId;

    #[test]
    fn a_signature_is_that_of_the_libraries_of_standard_webhooks() {
        let key = BASE64.decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_endpoint_and_number_has_a_secret_of_its_own_which_is_the_same_each_time() {
        let secrets = Secrets::ephemeral(1, LogId([1; 16]));
        let [one, two] = [[1; 32], [2; 32]].map(|hash| EntityId::from_hash(&hash));
        let secret = secrets.webhook_secret(one, 0);
        let bytes = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
        assert_eq!((bytes.len(), secrets.webhook_secret(one, 0)), (32, secret.clone()));
        for other in [secrets.webhook_secret(one, 1), secrets.webhook_secret(two, 0)] {
            assert_ne!(other, secret);
        }
        assert_eq!(secrets.sign_webhook(one, 0, "a", 7, b"{}"), signature(&bytes, "a", 7, b"{}"));
    }
}
