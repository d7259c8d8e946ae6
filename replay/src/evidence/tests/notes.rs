//! Keys and signed notes.

use super::*;

/// What the Go library's documentation has, whose form this is.
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// Shows F28.
#[test]
fn a_verifier_key_has_one_text() {
    let key: Key = VKEY.parse().unwrap();
    assert_eq!((key.to_string().as_str(), key.name.as_str(), key.kind), (VKEY, "PeterNeumann", Kind::Log));
    for wrong in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        &VKEY.replace("c74f20a3", "c74f20a4"),
        &VKEY.replace("c74f20a3", "C74F20A3"),
        &VKEY.replace("Peter", "Pe ter"),
        &VKEY.replace("+ARpc", "+AhpC"),
        &VKEY.replace("+ARpc", "+ARPc"),
        &format!("{VKEY}="),
    ] {
        assert!(wrong.parse::<Key>().is_err(), "{wrong}");
    }
}

#[test]
fn a_checkpoint_is_read_as_it_was_written_and_in_no_other_spelling() {
    let scene = Scene::signed();
    let text = String::from_utf8(scene.folder().newest().unwrap().to_bytes()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[1], lines.len()), (origin(LOG).as_str(), "1", 5));
    assert_eq!(Signed::read(text.as_bytes()).unwrap().to_bytes(), text.as_bytes());
    for wrong in [
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        text.replacen("\n1\n", "\n01\n", 1),
        text.replacen("\n1\n", "\n0\n", 1),
        text.replacen("\n1\n", &format!("\n{}\n", u64::MAX), 1),
        text.replacen("\n\n", "\nmore\n\n", 1),
        text.replacen("kippu/", "kippu/x", 1),
        text.replacen("kippu/", "example.org/", 1),
        String::new(),
    ] {
        assert!(matches!(Signed::read(wrong.as_bytes()), Err(Fault::Malformed(_))), "{wrong}");
    }
}

/// Shows F28.
#[test]
fn a_signature_counts_only_by_the_key_and_as_what_it_was_made() {
    let scene = Scene::signed();
    let signed = scene.folder().newest().unwrap();
    assert_eq!(signed.verify(&scene.keys(), &[]).unwrap().signed, [scene.key(0).short()]);
    // Another key of the same node, another node's, and the same as a witness.
    let strange = Secrets::ephemeral(2, LOG).public_key(SigningUse::Checkpoints, 0);
    let witness = Key { kind: Kind::Witness, ..scene.key(0) };
    for other in [
        scene.key(1),
        Key { key: strange, ..scene.key(0) },
        Key { name: "kippu/other".into(), ..scene.key(0) },
        witness.clone(),
    ] {
        assert_eq!(signed.verify(&Keys::of(vec![other]), &[]), Err(Fault::Unsigned(origin(LOG))));
    }
    assert_eq!(signed.verify(&scene.keys(), std::slice::from_ref(&witness)), Err(Fault::NotWitnessed(witness.short())));
    // What was signed as the log, said to be a cosignature.
    let text = String::from_utf8(signed.to_bytes()).unwrap();
    let line = text.lines().last().unwrap();
    let bytes = data_encoding::BASE64.decode(line.rsplit(' ').next().unwrap().as_bytes()).unwrap();
    let id = u32::from_str_radix(&witness.short()[witness.name.len() + 1..], 16).unwrap();
    let as_witness = [&id.to_be_bytes()[..], &0_u64.to_be_bytes(), &bytes[4..]].concat();
    let forged = format!("{text}— {} {}\n", witness.name, data_encoding::BASE64.encode(&as_witness));
    let forged = Signed::read(forged.as_bytes()).unwrap();
    assert_eq!(
        forged.verify(&scene.keys(), std::slice::from_ref(&witness)),
        Err(Fault::Forged { key: witness.short() })
    );
    // A key that is given twice is one.
    assert!(signed.verify(&Keys::of(vec![scene.key(0), scene.key(0)]), &[]).is_ok());
}

/// The set of keys as a node publishes it: those for other uses do not count.
#[test]
fn a_jwk_set_gives_the_keys_for_checkpoints() {
    let scene = Scene::signed();
    let jwk =
        |of: &str, key: String| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{key}","kippu_use":"{of}"}}"#);
    let [ours, other] =
        [SigningUse::Checkpoints, SigningUse::Http].map(|of| scene.secrets.public_key(of, 0).to_string());
    let file = scene.path("jwks.json");
    let read = |keys: String| {
        std::fs::write(&file, format!(r#"{{"keys":[{keys}]}}"#)).unwrap();
        Keys::read(&[file.display().to_string()]).unwrap()
    };
    let signed = scene.folder().newest().unwrap();
    let both = [jwk("http", other.clone()), jwk("checkpoints", ours.clone())].join(",");
    assert!(signed.verify(&read(both), &[]).is_ok());
    assert_eq!(signed.verify(&read(jwk("http", ours)), &[]), Err(Fault::Unsigned(origin(LOG))));
    assert_eq!(signed.verify(&read(jwk("checkpoints", other)), &[]), Err(Fault::Unsigned(origin(LOG))));
}
