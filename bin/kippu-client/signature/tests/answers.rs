//! Answers: whose they are, to what, and that nothing of them can be altered.

use super::*;

fn asked() -> Sent {
    Sent::command().signed_by(&signer(SHOP, &key(1)))
}

fn answered() -> Sent {
    Sent::answer().answering(&asked(), LABEL, &signer(BANK, &key(2)))
}

#[test]
fn an_answer_is_signed_over_its_status_its_body_and_the_requests_signature() {
    let asked = asked();
    let signature = asked.parse(HERE).unwrap().signature;
    let nonce = BASE64URL_NOPAD.encode(&signature[..16]);
    let input = format!(
        concat!(
            r#"("@status" "content-digest" "content-type" "kippu-position" "etag" "signature";req;key="kippu")"#,
            r#";created=1795254300;keyid="{}.{}";alg="ed25519";nonce="{}""#
        ),
        BANK,
        id(&key(2)),
        nonce
    );
    // The same text, signed without our code.
    let values = [
        ("\"@status\"", "200"),
        ("\"content-digest\"", &digest::of(br#"{"state":"redeemed"}"#)),
        ("\"content-type\"", "application/json"),
        ("\"kippu-position\"", "0-7"),
        ("\"etag\"", "\"3\""),
        ("\"signature\";req;key=\"kippu\"", &format!(":{}:", data_encoding::BASE64.encode(&signature))),
    ];
    let written = Sent::answer().written(&input, LABEL, &key(2), &values);
    assert_eq!(answered(), written);
    assert_eq!(written.answers(&asked, &key(2)), Ok(()));
}

#[test]
fn an_answer_without_a_body_has_the_digest_of_nothing() {
    let empty = Sent { status: 204, ..Sent::of(&[(CONTENT_DIGEST, &digest::of(b""))], b"") };
    let answered = empty.answering(&asked(), LABEL, &signer(BANK, &key(2)));
    assert_eq!(answered.answers(&asked(), &key(2)), Ok(()));
    let undigested = asked().as_request(|request| {
        let response = Response { status: 204, field: &|_| None };
        response::sign(response, request, LABEL, &signer(BANK, &key(2)), NOW)
    });
    assert_eq!(undigested, Err(Refused::Absent("\"content-digest\"".to_owned())));
}

/// Shows F43.
#[test]
fn each_way_in_which_an_answer_is_not_the_one_has_its_name() {
    let (asked, answered) = (asked(), answered());
    assert_eq!(answered.answers(&asked, &key(2)), Ok(()));
    assert_eq!(Sent::answer().answers(&asked, &key(2)), Err(Refused::Unsigned));

    let other = Sent { query: "dry=2".to_owned(), ..Sent::command() }.signed_by(&signer(SHOP, &key(1)));
    assert_eq!(answered.answers(&other, &key(2)), Err(Refused::OtherRequest));
    let later = Sent::command();
    let signed = later.as_request(|request| request::sign(request, &signer(SHOP, &key(1)), NOW + 1)).unwrap();
    assert_eq!(answered.answers(&later.sealed(&signed), &key(2)), Err(Refused::OtherRequest));

    let of_shop = Sent::answer().answering(&asked, LABEL, &signer(SHOP, &key(2)));
    let party = Refused::Party { signer: SHOP.to_owned(), asked: BANK.to_owned() };
    assert_eq!(of_shop.answers(&asked, &key(2)), Err(party));
    assert_eq!(answered.answers(&asked, &key(3)), Err(Refused::Key(id(&key(2)))));
    // It names the key of the bank, and is signed with another one.
    let forger = key(3);
    let forged = Signer::new(BANK, &id(&key(2)), move |message| forger.sign(message).to_bytes());
    let forged = Sent::answer().answering(&asked, LABEL, &forged);
    assert_eq!(forged.answers(&asked, &key(2)), Err(Refused::Signature));

    let status = Sent { status: 201, ..answered.clone() };
    assert_eq!(status.answers(&asked, &key(2)), Err(Refused::Signature));
    let body = Sent { body: br#"{"state":"released"}"#.to_vec(), ..answered.clone() };
    assert_eq!(body.answers(&asked, &key(2)), Err(digest::Refused::Body.into()));
    let both = body.clone().set(CONTENT_DIGEST, &digest::of(&body.body));
    assert_eq!(both.answers(&asked, &key(2)), Err(Refused::Signature));
    assert_eq!(answered.clone().set("kippu-position", "0-8").answers(&asked, &key(2)), Err(Refused::Signature));
    let gone = Refused::Absent("\"kippu-position\"".to_owned());
    assert_eq!(answered.without("kippu-position").answers(&asked, &key(2)), Err(gone));
}

#[test]
fn what_an_answer_says_counts_only_where_it_is_covered() {
    let asked = asked();
    let bare = Sent::of(&[(CONTENT_DIGEST, &digest::of(b"{}"))], b"{}");
    let bare = bare.answering(&asked, LABEL, &signer(BANK, &key(2)));
    assert_eq!(bare.answers(&asked, &key(2)), Ok(()));
    for (name, value) in [("kippu-position", "9-9"), ("etag", "\"9\""), (CONTENT_TYPE, "text/html")] {
        let added = bare.clone().with(name, value);
        assert_eq!(added.answers(&asked, &key(2)), Err(Refused::NotCovered(format!("\"{name}\""))));
    }
    let digest = digest::of(b"{}");
    let signature = format!(":{}:", data_encoding::BASE64.encode(&asked.parse(HERE).unwrap().signature));
    let all = [
        ("\"@status\"", "200"),
        ("\"content-digest\"", digest.as_str()),
        ("\"signature\";key=\"kippu\";req", &signature),
    ];
    let signed = |values: &[(&str, &str)]| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        let input = format!("({});keyid=\"{BANK}.{}\"", names.join(" "), id(&key(2)));
        Sent::of(&[(CONTENT_DIGEST, &digest)], b"{}").written(&input, "other", &key(2), values)
    };
    assert_eq!(signed(&all).answers(&asked, &key(2)), Ok(()));
    let named = ["\"@status\"", "\"content-digest\"", "\"signature\";req;key=\"kippu\""];
    for (left_out, name) in named.into_iter().enumerate() {
        let mut values = all.to_vec();
        values.remove(left_out);
        assert_eq!(signed(&values).answers(&asked, &key(2)), Err(Refused::NotCovered(name.to_owned())));
    }
}

#[test]
fn any_byte_of_what_is_covered_that_is_altered_makes_an_answer_somebody_elses() {
    let (asked, answered) = (asked(), answered());
    for (name, value) in &answered.fields {
        for place in 0..value.len() {
            let mut other = value.clone().into_bytes();
            other[place] = if other[place] == b'a' { b'b' } else { b'a' };
            let altered = answered.clone().set(name, &String::from_utf8(other).unwrap());
            // The last digit of a signature is half beyond the end.
            let is_beyond = name == SIGNATURE && place + 4 >= value.len();
            assert!(is_beyond || altered.answers(&asked, &key(2)).is_err(), "{altered:?}");
        }
    }
}

#[test]
fn an_answer_to_a_request_of_somebody_elses_code_covers_the_signature_by_its_name() {
    let input = format!("(\"@method\");keyid=\"{SHOP}.k\"");
    let theirs = Sent::command().written(&input, "sig1", &key(1), &[("\"@method\"", "POST")]);
    let answered = Sent::answer().answering(&theirs, "sig1", &signer(BANK, &key(2)));
    let input = answered.field(SIGNATURE_INPUT).unwrap();
    assert!(input.contains(r#""signature";req;key="sig1""#), "{input}");
    let response = Response { status: 200, field: &|name| answered.field(name) };
    let unknown = theirs.as_request(|request| response::sign(response, request, "sig2", &signer(BANK, &key(2)), NOW));
    assert_eq!(unknown, Err(Refused::Absent("\"signature\";req;key=\"sig2\"".to_owned())));
}
