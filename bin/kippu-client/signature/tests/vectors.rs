//! The examples of RFC 9421: its keys, messages, signature bases and signatures, byte for byte.

use data_encoding::BASE64URL_NOPAD;

use super::*;
use crate::signature::base::base;
use crate::signature::input::{bytes, dictionary};

/// Appendix B.1.4, `test-key-ed25519`.
fn ed25519() -> SigningKey {
    let seed = BASE64URL_NOPAD.decode(b"n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU").unwrap();
    let key = SigningKey::from_bytes(&seed.try_into().unwrap());
    assert_eq!(BASE64URL_NOPAD.encode(key.verifying_key().as_bytes()), "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs");
    key
}

const REQUEST_DIGEST: &str =
    "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
const RESPONSE_DIGEST: &str =
    "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:";

/// Appendix B.2, `test-request`.
fn test_request() -> Sent {
    let fields = [
        ("host", "example.com"),
        ("@authority", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-digest", REQUEST_DIGEST),
        ("content-length", "18"),
    ];
    let (path, query) = ("/foo".to_owned(), "param=Value&Pet=dog".to_owned());
    Sent { path, query, ..Sent::of(&fields, br#"{"hello": "world"}"#) }
}

/// Appendix B.2, `test-response`.
fn test_response() -> Sent {
    let fields = [
        ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
        ("content-type", "application/json"),
        ("content-digest", RESPONSE_DIGEST),
        ("content-length", "23"),
    ];
    Sent::of(&fields, br#"{"message": "good dog"}"#)
}

/// What is signed of `sent` under the only member of `input`.
fn base_of(sent: &Sent, input: &str, is_response: bool) -> Result<String, Refused> {
    let inputs = dictionary(input).unwrap();
    let sfv::ListEntry::InnerList(covered) = &inputs[0] else { panic!("{input} is a list") };
    sent.as_request(|request| {
        let response = Response { status: sent.status, field: request.field };
        let message = if is_response { Message::Response(response, request) } else { Message::Request(request) };
        base(covered, message)
    })
}

#[test]
fn what_is_signed_of_the_rfcs_messages_is_what_the_rfc_says() {
    let full = concat!(
        r#"("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")"#,
        r#";created=1618884473;keyid="test-key-rsa-pss""#
    );
    let (short, hmac) = (
        r#"();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
        r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
    );
    let status =
        r#"("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256""#;
    let date = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n";
    for (label, covered, is_response, lines) in [
        ("sig-b21", short, false, String::new()),
        (
            "sig-b23",
            full,
            false,
            format!(
                "{date}\"@method\": POST\n\"@path\": /foo\n\"@query\": ?param=Value&Pet=dog\n\"@authority\": example.com\n\
                 \"content-type\": application/json\n\"content-digest\": {REQUEST_DIGEST}\n\"content-length\": 18\n"
            ),
        ),
        (
            "sig-b24",
            status,
            true,
            format!(
                "\"@status\": 200\n\"content-type\": application/json\n\"content-digest\": {RESPONSE_DIGEST}\n\"content-length\": 23\n"
            ),
        ),
        ("sig-b25", hmac, false, format!("{date}\"@authority\": example.com\n\"content-type\": application/json\n")),
    ] {
        let sent = if is_response { test_response() } else { test_request() };
        let base = base_of(&sent, &format!("{label}={covered}"), is_response).unwrap();
        assert_eq!(base, format!("{lines}\"@signature-params\": {covered}"));
    }
    digest::check(REQUEST_DIGEST, &test_request().body).unwrap();
    digest::check(RESPONSE_DIGEST, &test_response().body).unwrap();
}

#[test]
fn a_part_that_is_not_known_here_covers_nothing() {
    // Appendix B.2.2.
    let query = concat!(
        r#"sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473"#,
        r#";keyid="test-key-rsa-pss";tag="header-example""#
    );
    let named = |component: &str| Err(Refused::Unknown(component.to_owned()));
    assert_eq!(base_of(&test_request(), query, false), named(r#""@query-param";name="Pet""#));
    for component in [
        r#""date";sf"#,
        r#""date";bs"#,
        r#""date";tr"#,
        r#""date";req=?0"#,
        r#""content-digest";key=sha-512"#,
        r#""Date""#,
    ] {
        assert_eq!(base_of(&test_request(), &format!("s=({component})"), false), named(component));
    }
    for component in [
        r#""date";req"#,
        r#""@status""#,
        r#""@scheme""#,
        r#""x""#,
        r#""content-digest";key="md5""#,
        r#""@signature-params""#,
    ] {
        let absent = Err(Refused::Absent(component.to_owned()));
        assert_eq!(base_of(&test_request(), &format!("s=({component})"), false), absent);
    }
}

#[test]
fn the_rfcs_signature_with_ed25519_is_made_and_verified_to_the_byte() {
    // Appendix B.2.6.
    let covered = concat!(
        r#"("date" "@method" "@path" "@authority" "content-type" "content-length")"#,
        r#";created=1618884473;keyid="test-key-ed25519""#
    );
    let base = base_of(&test_request(), &format!("sig-b26={covered}"), false).unwrap();
    let due = format!(
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n\
         \"content-type\": application/json\n\"content-length\": 18\n\"@signature-params\": {covered}"
    );
    assert_eq!(base, due);
    assert_is(
        &base,
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    );
}

/// That this is the signature of the RFC's key over `base`, and of nothing else.
fn assert_is(base: &str, field: &str) {
    let signatures = dictionary(field).unwrap();
    let signature = bytes(&signatures[0]).unwrap();
    assert_eq!(ed25519().sign(base.as_bytes()).to_bytes(), signature);
    assert!(has_signed(&ed25519(), base.as_bytes(), signature));
    assert!(!has_signed(&ed25519(), &base.as_bytes()[1..], signature));
    assert!(!has_signed(&key(1), base.as_bytes(), signature));
}

#[test]
fn proxies_may_change_what_is_not_covered_and_how_fields_are_split() {
    // Appendix B.4.
    let input = concat!(
        r#"transform=("@method" "@path" "@authority" "accept")"#,
        r#";created=1618884473;keyid="test-key-ed25519""#
    );
    let signature =
        "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:";
    let demo = |query: &str, fields: &[(&str, &str)]| Sent {
        method: "GET".to_owned(),
        path: "/demo".to_owned(),
        query: query.to_owned(),
        ..Sent::of(fields, b"")
    };
    let authority = ("@authority", "example.org");
    let (json, any) = (("accept", "application/json"), ("accept", "*/*"));
    for same in [
        demo("name1=Value1&Name2=value2", &[authority, ("date", "Fri, 15 Jul 2022 14:24:55 GMT"), json, any]),
        demo("name1=Value1&Name2=value2&param=added", &[authority, json, any, ("accept-language", "en-US,en;q=0.5")]),
        demo("", &[("accept", "application/json, */*"), ("referer", "https://developer.example.org/demo"), authority]),
        demo("", &[("accept", " application/json\t"), any, authority]),
    ] {
        assert_is(&base_of(&same, input, false).unwrap(), signature);
    }
    let signature = bytes(&dictionary(signature).unwrap()[0]).unwrap().to_owned();
    let same = demo("", &[authority, json, any]);
    for other in [
        Sent { method: "POST".to_owned(), ..same.clone() },
        same.clone().set("@authority", "example.com"),
        demo("", &[authority, any, json]),
        demo("", &[authority, json]),
    ] {
        assert!(!has_signed(&ed25519(), base_of(&other, input, false).unwrap().as_bytes(), &signature));
    }
}
