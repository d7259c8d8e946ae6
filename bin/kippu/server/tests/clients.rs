//! Keys of clients: they count at once, and are refused at once.

use serde_json::json;

use super::served;

/// Shows F32.
#[test]
fn a_key_counts_at_once_and_is_refused_as_soon_as_its_revocation_is_answered() {
    served(
        |_| {},
        async |fixture| {
            for round in 0..20 {
                let body = json!({ "role": "shop", "name": "a shop" });
                let opened = fixture.post("/v1/clients", &format!("open-{round}"), &body).await;
                assert_eq!(opened.status, 201, "{}", opened.text);
                let (id, key) = (opened.json()["id"].clone(), opened.json()["key"].clone());
                let (id, key) = (id.as_str().unwrap(), key.as_str().unwrap());
                assert_ne!(fixture.get_as(key, "/v1/approvals").await.status, 401);
                let revoked = fixture.post(&format!("/v1/clients/{id}/revoke"), "revoke", &json!({})).await;
                assert_eq!(revoked.status, 200, "{}", revoked.text);
                assert_eq!(fixture.get_as(key, "/v1/approvals").await.problem(), (401, "unauthenticated".to_owned()));
            }
            fixture
        },
    );
}

/// Shows F32.
#[test]
fn a_rolled_key_replaces_the_one_before_at_once() {
    served(
        |_| {},
        async |fixture| {
            let opened = fixture.post("/v1/clients", "open", &json!({ "role": "settler", "name": "s" })).await.json();
            let path = format!("/v1/clients/{}/roll-key", opened["id"].as_str().unwrap());
            let rolled = fixture.post(&path, "roll", &json!({})).await.json();
            let (old, new) = (opened["key"].as_str().unwrap(), rolled["key"].as_str().unwrap());
            assert_eq!(fixture.get_as(old, "/v1/approvals").await.status, 401);
            assert_ne!(fixture.get_as(new, "/v1/approvals").await.status, 401);
            fixture
        },
    );
}

/// Shows F12, F13, F20.
#[test]
fn a_command_is_answered_once_and_its_retry_says_so() {
    served(
        |_| {},
        async |fixture| {
            let body = json!({ "role": "shop", "name": "a shop" });
            let first = fixture.post("/v1/clients", "k", &body).await;
            let again = fixture.post("/v1/clients", "k", &body).await;
            assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
            assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
            assert_eq!(first.text, again.text);
            assert_eq!(first.header("kippu-position"), again.header("kippu-position"));
            assert_eq!(first.header("etag"), "\"1\"");
            let other = fixture.post("/v1/clients", "k", &json!({ "role": "shop", "name": "another" })).await;
            assert_eq!(other.problem(), (422, "idempotency-key-reused".to_owned()));
            // What was answered is read at once, by its position.
            let row = fixture.http.get(fixture.url(first.header("location"))).bearer_auth(&fixture.operator);
            let row = fixture.send(row.header("kippu-min-position", first.header("kippu-position"))).await;
            assert_eq!((row.status, row.json()["name"].as_str()), (200, Some("a shop")));
            let path = format!("{}/revoke", first.header("location"));
            let wrong = fixture.http.post(fixture.url(&path)).bearer_auth(&fixture.operator);
            let wrong = fixture.send(wrong.header("idempotency-key", "r").header("if-match", "\"7\"")).await;
            assert_eq!(wrong.problem(), (412, "version-mismatch".to_owned()));
            fixture
        },
    );
}

/// Shows F31.
#[test]
fn a_caller_over_its_rate_is_told_to_wait() {
    let slow = |config: &mut crate::config::Config| {
        (config.rate.per_second, config.rate.burst) = (1, 3);
    };
    served(slow, async |fixture| {
        // A machine that stalls for a second fills the bucket again.
        let mut refused = fixture.get_as(&fixture.operator, "/v1/clients").await;
        for _ in 0..100 {
            if refused.status == 200 {
                refused = fixture.get_as(&fixture.operator, "/v1/clients").await;
            }
        }
        assert_eq!(refused.problem(), (429, "rate-limited".to_owned()));
        assert_eq!(refused.header("retry-after"), "1");
        fixture
    });
}
