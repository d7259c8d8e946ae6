//! What is refused between parties: unknown and forged callers, and callers that may not do what they ask.

use serde_json::json;

use crate::parties::{OVER, Parties, key, present, settled};

/// Shows D12, D25, D27, D29.
#[tokio::test]
async fn what_is_not_valid_is_refused_and_the_buyer_is_told() {
    the_buyer_is_told(&Parties::start().await).await;
}

pub(super) async fn the_buyer_is_told(parties: &Parties) {
    let (product, _) = parties.product(500).await;
    let buyer = parties.buyer(10_000).await;
    let refused = async |approval: &serde_json::Value, offer: &serde_json::Value| {
        let opened = present(parties.settling(), approval, offer, &key("s")).await.expect(201).json();
        let holder = parties.settling().node.caller(opened["capability"].as_str().unwrap());
        settled(&holder, opened["id"].as_str().unwrap(), &OVER).await
    };
    // Taken back before it was used.
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let path = format!("/v1/approvals/{}/revoke", approval["id"].as_str().unwrap());
    buyer.terminal.post(&path, &key("revoke"), &json!({})).await.expect(200);
    let row = refused(&approval, &offer).await;
    assert!(row.to_string().contains("approval-revoked"), "{row}");
    // A subscriber who is suspended since.
    let offer = parties.offer(&product).await;
    let approval = buyer.approve(&offer).await.expect(201).json();
    let path = format!("/v1/users/{}/suspend", buyer.user);
    parties.authenticator.do_once(&path, &key("suspend"), &json!({})).await.expect(200);
    let row = refused(&approval, &offer).await;
    assert_ne!(row["state"], json!("settled"), "{row}");
    assert_eq!(parties.account(&buyer.user).await.1, 0);
}

/// Shows F32, F43. Keeps S2.
#[tokio::test]
async fn nobody_acts_for_a_party_without_its_key() {
    let parties = Parties::start().await;
    let buyer = parties.buyer(1_000).await;
    let approval = buyer.approve_amount(100).await.expect(201).json();
    let body = json!({ "token": approval["token"] });
    // A guest, and somebody who says to be the settlement server.
    let guest = parties.authenticator.guest();
    guest.post("/v1/approvals/redeem", &key("guest"), &body).await.expect_problem(401, "unauthenticated");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let keyid = format!("{}.{}", parties.settler.id, "A".repeat(43));
    let input = format!(
        r#"kippu=("@method" "@path" "@query" "content-type" "idempotency-key" "kippu-audience");created={now};expires={};keyid="{keyid}";alg="ed25519""#,
        now + 60
    );
    let forged = guest.command("/v1/approvals/redeem", &key("forged"), body.to_string());
    let forged = forged.header("signature-input", input).header("kippu-audience", &parties.authenticator.id);
    let forged = forged.header("signature", format!("kippu=:{}:", data_encoding::BASE64.encode(&[7; 64])));
    let answer = guest.send(forged).await.unwrap();
    assert_eq!((answer.status, answer.slug().as_deref()), (401, Some("signature-not-valid")), "{}", answer.text);
    // The refusal is signed: whoever asked can tell that it comes from the authentication server.
    assert!(answer.header("signature").is_some() && answer.header("content-digest").is_some());
    let row = parties.authenticator.row(&format!("/v1/approvals/{}", approval["id"].as_str().unwrap())).await;
    assert_eq!(row["state"], json!("issued"));
}

/// Shows F47.
#[tokio::test]
async fn every_party_publishes_its_keys_and_names_the_one_that_signed() {
    let parties = Parties::start().await;
    let keys = parties.shop.guest().get("/.well-known/jwks.json").await.expect(200).json();
    let offer = parties.offer(&parties.product(100).await.0).await;
    let header = offer["statement"].as_str().unwrap().split('.').next().unwrap().to_owned();
    let header: serde_json::Value =
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
    let (party, kid) = header["kid"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!(party, parties.shop.id);
    let named = |key: &&serde_json::Value| key["kid"] == json!(kid) && key["kippu_use"] == json!("statements");
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| named(&key)), "{keys}");
    // After a rotation the old one is still there.
    let rotate = json!({ "use": "statements", "after_secs": 0 });
    parties.shop.do_once("/v1/signing-keys/rotate", &key("rotate"), &rotate).await.expect(200);
    let keys = parties.shop.guest().get("/.well-known/jwks.json").await.expect(200).json();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| named(&key)), "{keys}");
}
