//! Bundles that somebody else checks: with a program in Go, and with ordinary tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Scene, written};
use crate::fixture::Ended;

fn go() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/evidence")
}

/// With the libraries of Go's checksum database, by somebody who had `docs/evidence.md`. Shows F28.
#[tokio::test]
async fn a_stranger_verifies_a_bundle() {
    let scene = Scene::set().await;
    let key = scene.begin();
    let (bundle, program) = (scene.path("bundle"), scene.path("stranger"));
    Ended::of(Command::new("go").args(["build", "-mod=readonly", "-o", &program, "."]).current_dir(go())).ok();
    let verify = |key: &str| Ended::of(Command::new(&program).args([&bundle, key]));
    let period = ["--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];
    for what in [&[scene.user().as_str()][..], &period] {
        let records = scene.export(what).ok().json().remove(0)["records"].clone();
        let said = verify(&key).ok().out;
        assert!(said.starts_with(&format!("{records} records are in the history that kippu/")), "{said}");
    }
    let strange = Scene::set().await.begin();
    verify(&strange).refused(1, "");
    // A letter of a record, a proof and the cut.
    let whole = std::fs::read_to_string(&bundle).unwrap();
    for member in ["\"record\": \"", "\"cut\": \"0 ", "\"number\": "] {
        let at = whole.find(member).unwrap() + member.len();
        let other = if whole.as_bytes()[at] == b'1' { '2' } else { '1' };
        written(&bundle, format!("{}{other}{}", &whole[..at], &whole[at + 1..]));
        assert_eq!(verify(&key).code, Some(1), "{member}");
    }
}

/// The steps of `docs/evidence.md`, as a shell takes them. Shows F28.
#[tokio::test]
async fn the_steps_with_ordinary_tools_lead_to_the_signature() {
    let scene = Scene::set().await;
    let key = scene.begin();
    scene.export(&[&scene.user()]).ok();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/evidence.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let script = docs.split("```sh\n# Step by step").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let follow = |key: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-c", script]).current_dir(scene.away.path());
        Ended::of(shell.env("BUNDLE", scene.path("bundle")).env("KEY", key))
    };
    let said = follow(&key).ok().said;
    assert_eq!(said.matches("is in the tree").count(), 4 + 1, "{said}");
    assert!(said.contains("Signature Verified Successfully"), "{said}");
    let strange = Scene::set().await.begin();
    assert_ne!(follow(&strange).code, Some(0));
    let whole = std::fs::read_to_string(scene.path("bundle")).unwrap();
    let at = whole.rfind("\"record\": \"").unwrap() + 200;
    let other = if whole.as_bytes()[at] == b'A' { 'B' } else { 'A' };
    written(&scene.path("bundle"), format!("{}{other}{}", &whole[..at], &whole[at + 1..]));
    assert_ne!(follow(&key).code, Some(0));
}
