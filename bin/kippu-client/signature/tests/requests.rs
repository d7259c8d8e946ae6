//! Requests: what counts, and that nothing of it can be altered.

use super::*;

#[test]
fn a_request_is_signed_over_all_that_it_has_and_says_by_whom_until_when() {
    let signed = Sent::command().signed_by(&signer(SHOP, &key(1)));
    let shop_key = id(&key(1));
    assert_eq!(
        signed.field(SIGNATURE_INPUT).unwrap(),
        format!(
            concat!(
                r#"kippu=("@method" "@path" "@query" "content-digest" "content-type" "idempotency-key" "kippu-audience")"#,
                r#";created=1795254300;expires=1795254360;keyid="{}.{}";alg="ed25519""#
            ),
            SHOP, shop_key
        )
    );
    let parsed = signed.parse(HERE).unwrap();
    assert_eq!((parsed.party.as_str(), &parsed.key, parsed.label.as_str()), (SHOP, &shop_key, LABEL));
    assert_eq!(signed.checked(&key(1)), Ok(()));
    assert_eq!(signed.checked(&key(2)), Err(Refused::Signature));

    let signed = Sent::query().signed_by(&signer(SHOP, &key(1)));
    let input = signed.field(SIGNATURE_INPUT).unwrap();
    assert!(input.starts_with(r#"kippu=("@method" "@path" "@query" "kippu-audience");created="#), "{input}");
    assert_eq!(signed.checked(&key(1)), Ok(()));
}

#[test]
fn the_same_text_is_signed_by_whoever_writes_it() {
    let ours = Sent::command().signed_by(&signer(SHOP, &key(1)));
    let input = ours.field(SIGNATURE_INPUT).unwrap();
    let written = command_written(Sent::command(), input.strip_prefix("kippu=").unwrap());
    assert_eq!(ours, written);
}

const PARTS: &str =
    r#"("@method" "@path" "@query" "content-digest" "content-type" "idempotency-key" "kippu-audience")"#;

/// `sent`, which is the command, signed without our code; `input` begins with [`PARTS`].
fn command_written(sent: Sent, input: &str) -> Sent {
    let digest = digest::of(&Sent::command().body);
    let values = [
        ("\"@method\"", "POST"),
        ("\"@path\"", "/v1/approvals/redeem"),
        ("\"@query\"", "?dry=1"),
        ("\"content-digest\"", &digest),
        ("\"content-type\"", "application/json"),
        ("\"idempotency-key\"", "a-key"),
        ("\"kippu-audience\"", BANK),
    ];
    sent.written(input, LABEL, &key(1), &values)
}

#[test]
fn parameters_count_in_the_order_and_with_what_their_signer_wrote() {
    let keyid = format!("keyid=\"{SHOP}.{}\"", id(&key(1)));
    for parameters in [
        format!(r#"created=1795254300;keyid={SHOP};expires=1795254360"#).replace(&format!("keyid={SHOP}"), &keyid),
        format!(r#"alg="ed25519";{keyid};expires=1795254360;created=1795254300"#),
        format!(r#"expires=1795254360;created=1795254300;{keyid};alg="ed25519";nonce="b3k2";tag="kippu""#),
        format!(r#"created=1795254300;{keyid};expires=1795254360;x;y=?0;z=1.5;w=tok;v=:AAEC:;u=@1795254300"#),
    ] {
        let sent = command_written(Sent::command(), &format!("{PARTS};{parameters}"));
        assert_eq!(sent.checked(&key(1)), Ok(()), "{parameters}");
        // Blanks between are no part of it.
        let spaced = sent.field(SIGNATURE_INPUT).unwrap().replace("\" \"", "\"   \"").replace(';', "; ");
        assert_eq!(sent.set(SIGNATURE_INPUT, &spaced).checked(&key(1)), Ok(()), "{parameters}");
    }
}

/// Shows F43.
#[test]
fn any_byte_that_is_altered_makes_a_request_somebody_elses() {
    let sent = Sent::command().signed_by(&signer(SHOP, &key(1)));
    assert_eq!(sent.checked(&key(1)), Ok(()));
    let mut tried = 0;
    let mut refused = |altered: Sent, what: &str| {
        assert!(altered != sent && altered.checked(&key(1)).is_err(), "{what}: {altered:?}");
        tried += 1;
    };
    for other in alterations(&sent.method) {
        refused(Sent { method: other, ..sent.clone() }, "method");
    }
    for other in alterations(&sent.path) {
        refused(Sent { path: other, ..sent.clone() }, "path");
    }
    for other in alterations(&sent.query) {
        refused(Sent { query: other, ..sent.clone() }, "query");
    }
    for other in alterations(&String::from_utf8(sent.body.clone()).unwrap()) {
        refused(Sent { body: other.clone().into_bytes(), ..sent.clone() }, "body");
        let body_and_digest = Sent { body: other.clone().into_bytes(), ..sent.clone() };
        refused(body_and_digest.set(CONTENT_DIGEST, &digest::of(other.as_bytes())), "body and digest");
    }
    for (name, value) in sent.fields.clone() {
        refused(sent.clone().without(&name), &name);
        refused(sent.clone().with(&name, &value), &name);
        for other in alterations(&value) {
            let altered = sent.clone().set(&name, &other);
            // The last digit of these is half beyond the end.
            let signature = |sent: &Sent| sent.parse(HERE).map(|parsed| parsed.signature);
            if name == SIGNATURE && signature(&altered) == signature(&sent) {
                assert!(other.starts_with(&value[..value.len() - 4]), "{other}");
            } else {
                refused(altered, &name);
            }
        }
    }
    assert!(tried > 1_500, "{tried}");
}

/// `text` with each byte altered in some ways, or left out.
fn alterations(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for place in 0..text.len() {
        let (before, after) = (&text[..place], &text[place + 1..]);
        all.extend(["a", "%", ""].map(|other| format!("{before}{other}{after}")));
        all.push(format!("{before}{}{after}", char::from(text.as_bytes()[place] ^ 0x20)));
    }
    all.retain(|other| other != text);
    all
}

#[test]
fn a_request_for_another_party_is_refused() {
    let sent = Sent::command().set(AUDIENCE, SHOP).signed_by(&signer(SHOP, &key(1)));
    assert_eq!(sent.checked(&key(1)), Err(Refused::Audience(SHOP.to_owned())));
    let both = Sent::command().with(AUDIENCE, SHOP).signed_by(&signer(SHOP, &key(1)));
    assert_eq!(both.checked(&key(1)), Err(Refused::Audience(format!("{BANK}, {SHOP}"))));
    let nobody = Sent::command().without(AUDIENCE);
    let signed = nobody.as_request(|request| request::sign(request, &signer(SHOP, &key(1)), NOW));
    assert_eq!(signed, Err(Refused::Absent("\"kippu-audience\"".to_owned())));
}

#[test]
fn what_has_to_be_covered_and_is_not_is_named() {
    let times = format!(";created={NOW};expires={NOW};keyid=\"{SHOP}.k\"");
    let all = [
        ("\"@method\"", "POST"),
        ("\"@path\"", "/v1/approvals/redeem"),
        ("\"@query\"", "?dry=1"),
        ("\"content-digest\"", &digest::of(&Sent::command().body)),
        ("\"idempotency-key\"", "a-key"),
        ("\"kippu-audience\"", BANK),
    ];
    let signed = |values: &[(&str, &str)]| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        Sent::command().written(&format!("({}){times}", names.join(" ")), LABEL, &key(1), values)
    };
    assert_eq!(signed(&all).checked(&key(1)), Ok(()));
    for left_out in 0..all.len() {
        let mut values = all.to_vec();
        let (name, _) = values.remove(left_out);
        assert_eq!(signed(&values).checked(&key(1)), Err(Refused::NotCovered(name.to_owned())));
    }
    // A part of the digest is not the digest.
    let mut values = all.to_vec();
    values[3].0 = "\"content-digest\";key=\"sha-256\"";
    assert_eq!(signed(&values).checked(&key(1)), Err(Refused::NotCovered("\"content-digest\"".to_owned())));
    // What somebody on the way puts there.
    let query = Sent::query().signed_by(&signer(SHOP, &key(1)));
    let keyed = query.clone().with(IDEMPOTENCY_KEY, "another");
    assert_eq!(keyed.checked(&key(1)), Err(Refused::NotCovered("\"idempotency-key\"".to_owned())));
    let with_body = Sent { body: b"{}".to_vec(), ..query.clone() };
    assert_eq!(with_body.checked(&key(1)), Err(Refused::NotCovered("\"content-digest\"".to_owned())));
    assert_eq!(query.with(CONTENT_DIGEST, "sha-256=::").checked(&key(1)), Err(digest::Refused::Body.into()));
}

#[test]
fn what_is_covered_twice_absent_or_unknown_is_named() {
    let signed = |part: &str, value: &str| {
        let keyid = format!("created={NOW};expires={NOW};keyid=\"{SHOP}.k\"");
        let known =
            [("\"@method\"", "GET"), ("\"@path\"", "/v1/approvals"), ("\"@query\"", "?"), ("\"kippu-audience\"", BANK)];
        let values = [&known[..], &[(part, value)]].concat();
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        let asked = Sent::query().with("@authority", "bank.example").with("x-trace", "7").with("x-name", "Zoë");
        asked.written(&format!("({});{keyid}", names.join(" ")), LABEL, &key(1), &values).checked(&key(1))
    };
    for (part, value, due) in [
        ("\"@authority\"", "bank.example", Ok(())),
        ("\"x-trace\"", "7", Ok(())),
        ("\"x-trace\"", "8", Err(Refused::Signature)),
        ("\"@path\"", "/v1/approvals", Err(Refused::Twice("\"@path\"".to_owned()))),
        ("\"@scheme\"", "http", Err(Refused::Absent("\"@scheme\"".to_owned()))),
        ("\"@status\"", "200", Err(Refused::Absent("\"@status\"".to_owned()))),
        ("\"date\"", "", Err(Refused::Absent("\"date\"".to_owned()))),
        ("\"@method\";req", "GET", Err(Refused::Absent("\"@method\";req".to_owned()))),
        ("\"x-trace\";bs", ":Nw==:", Err(Refused::Unknown("\"x-trace\";bs".to_owned()))),
        ("\"X-Trace\"", "7", Err(Refused::Unknown("\"X-Trace\"".to_owned()))),
        ("\"x-name\"", "Zoë", Err(Refused::Unprintable("\"x-name\"".to_owned()))),
        ("date", "", Err(Refused::Malformed(SIGNATURE_INPUT))),
        ("7", "", Err(Refused::Malformed(SIGNATURE_INPUT))),
    ] {
        assert_eq!(signed(part, value), due, "{part}");
    }
}

#[test]
fn a_signature_of_no_party_does_not_count_next_to_one_of_a_party_and_two_of_parties_are_refused() {
    let ours = Sent::command().signed_by(&signer(SHOP, &key(1)));
    let proxy = |keyid: &str| format!("proxy=(\"@method\");created=1;keyid=\"{keyid}\"");
    let signature = ours.field(SIGNATURE).unwrap().replace("kippu", "proxy");
    let with = |keyid: &str| ours.clone().with(SIGNATURE_INPUT, &proxy(keyid)).with(SIGNATURE, &signature);
    for keyid in ["proxy-1", "proxy.example.com", ".k", "p.", "p.k ", ""] {
        assert_eq!(with(keyid).checked(&key(1)), Ok(()), "{keyid}");
        let alone = Sent::command().with(SIGNATURE_INPUT, &proxy(keyid)).with(SIGNATURE, &signature);
        assert_eq!(alone.checked(&key(1)), Err(Refused::KeyId), "{keyid}");
    }
    assert_eq!(with("other.k").checked(&key(1)), Err(Refused::Ambiguous(2)));
    // Twice under one name, of which others may take the first.
    let input = ours.field(SIGNATURE_INPUT).unwrap();
    let twice = ours.clone().set(SIGNATURE_INPUT, &format!("kippu=(\"@method\"), {input}"));
    assert_eq!(twice.checked(&key(1)), Err(Refused::Malformed(SIGNATURE_INPUT)));
}

#[test]
fn what_is_not_signed_or_not_in_the_form_of_a_signature_is_named() {
    let ours = Sent::command().signed_by(&signer(SHOP, &key(1)));
    let unsigned = Err(Refused::Unsigned);
    assert_eq!(Sent::command().checked(&key(1)), unsigned);
    assert_eq!(ours.clone().without(SIGNATURE).checked(&key(1)), unsigned);
    assert_eq!(ours.clone().without(SIGNATURE_INPUT).checked(&key(1)), unsigned);
    assert_eq!(ours.clone().set(SIGNATURE_INPUT, "").checked(&key(1)), unsigned);
    for field in ["kippu", "kippu=1", "kippu=(\"@method\"", "=", "kippu=(\"@method\"),", "ö"] {
        let malformed = Err(Refused::Malformed(SIGNATURE_INPUT));
        assert_eq!(ours.clone().set(SIGNATURE_INPUT, field).checked(&key(1)), malformed, "{field}");
    }
    for field in ["", "kippu", "kippu=:AAEC:", "kippu=(:AAEC:)", "other=:AAEC:", "kippu=\"AAEC\"", "kippu=:ö:"] {
        let malformed = Err(Refused::Malformed(SIGNATURE));
        assert_eq!(ours.clone().set(SIGNATURE, field).checked(&key(1)), malformed, "{field}");
    }
    let input = ours.field(SIGNATURE_INPUT).unwrap();
    for (alg, due) in [
        ("\"hmac-sha256\"", Refused::Algorithm("hmac-sha256".to_owned())),
        ("\"ED25519\"", Refused::Algorithm("ED25519".to_owned())),
        ("ed25519", Refused::Malformed(SIGNATURE_INPUT)),
    ] {
        let other = input.replace("\"ed25519\"", alg);
        assert_eq!(ours.clone().set(SIGNATURE_INPUT, &other).checked(&key(1)), Err(due), "{alg}");
    }
}

#[test]
fn the_name_of_a_signature_is_known_of_a_request_that_does_not_count_too() {
    let label = |sent: &Sent| sent.as_request(request::label);
    let ours = Sent::command().signed_by(&signer(SHOP, &key(1)));
    assert_eq!(label(&ours).as_deref(), Some(LABEL));
    assert_eq!(label(&Sent::command()), None);
    let theirs = Sent::command().with(SIGNATURE, "a=1, sig1=:AAEC:").with(SIGNATURE_INPUT, "sig1=()");
    assert_eq!(label(&theirs).as_deref(), Some("sig1"));
    assert_eq!(label(&theirs.with(SIGNATURE, "kippu=:AAEC:")).as_deref(), Some(LABEL));
}
