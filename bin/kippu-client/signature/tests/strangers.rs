//! What the Python library http-message-signatures 3.0.0 wrote with the keys of these tests, byte for byte. It has read what is written here, too:
//! `tests/strangers/signatures.py` does both with a node.

use super::*;

#[test]
fn a_request_that_somebody_elses_library_signed_counts() {
    let sent = Sent::command()
        .with("@authority", "bank.example:7701")
        .with(
            SIGNATURE_INPUT,
            concat!(
                r#"pyhms=("@method" "@authority" "@path" "@query" "kippu-audience" "idempotency-key" "content-type" "content-digest")"#,
                r#";created=1795254300;keyid="shopaaaaaaaaaaaaaaaaaaaa.UDDReOZl1ipXAfp9wYsm13sDBMK5og--QWdBjzuf6o4""#,
                r#";alg="ed25519";expires=1795254360"#
            ),
        )
        .with(
            SIGNATURE,
            "pyhms=:ERSCM/Yjg/tlrfa0VUfx5HvtXAi09trSqjwnip6Bdh0rFguT5cN6VKtMH6CCY9s5qJrVYZtYObpTdshMzfPyAA==:",
        );
    let parsed = sent.parse(HERE).unwrap();
    assert_eq!((parsed.party.as_str(), parsed.key, parsed.label.as_str()), (SHOP, id(&key(1)), "pyhms"));
    assert_eq!(sent.checked(&key(1)), Ok(()));
    assert_eq!(sent.set("@authority", "shop.example:7701").checked(&key(1)), Err(Refused::Signature));
}

#[test]
fn an_answer_that_somebody_elses_library_signed_counts() {
    let asked = Sent::command().signed_by(&signer(SHOP, &key(1)));
    let answer = Sent::answer()
        .without("etag")
        .with(
            SIGNATURE_INPUT,
            concat!(
                r#"pyhms=("@status" "content-type" "kippu-position" "signature";req;key="kippu" "content-digest")"#,
                r#";created=1795254300;keyid="bankaaaaaaaaaaaaaaaaaaaa.aVBtapLd11SUVKIMGJfPzOEDuN0sXcmzJQNVT-_sKEU";alg="ed25519""#
            ),
        )
        .with(
            SIGNATURE,
            "pyhms=:w+UnwPe+8c+Biyjl1pvvui0c3oV/jIq+L59XsVHU+glLMBT+FRKI4DBrUKw3vb1uSmlXVEADNxgO87UxCELNAg==:",
        );
    assert_eq!(answer.answers(&asked, &key(2)), Ok(()));
    // It tells no other request's answer from an altered one, and takes neither.
    let later = Sent { query: "dry=2".to_owned(), ..Sent::command() }.signed_by(&signer(SHOP, &key(1)));
    assert_eq!(answer.answers(&later, &key(2)), Err(Refused::Signature));
}
