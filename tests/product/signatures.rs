//! Another party that signs with a library that is not ours, Python's http-message-signatures, and checks our answers with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use kippu_events::EntityId;
use serde_json::json;

use crate::fixture::{Ended, utf8};
use crate::parties::{Party, card, key};

/// What calls a node so.
struct Stranger<'a> {
    node: &'a Party,
    /// The key that the node's answers are signed with.
    answers: String,
    party: String,
    keyfile: PathBuf,
}

fn python() -> Command {
    let python = std::env::var("KIPPU_TEST_PYTHON").expect("KIPPU_TEST_PYTHON: `make test` makes it and sets it");
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/signatures.py"));
    command
}

/// Makes a key; its `x`.
fn new_key(file: &Path) -> String {
    let made = Ended::of(python().arg("new").arg(file)).ok();
    made.out.split_whitespace().next().expect("x and the key's id").to_owned()
}

impl Stranger<'_> {
    /// The answer to a call that covers everything that it has to.
    fn call(&self, path: &str, command: &[&str]) -> Ended {
        let url = format!("{}{path}", self.node.node.url());
        let place = [&*url, &self.node.id, &self.party, utf8(&self.keyfile), &self.answers];
        Ended::of(python().args(place).args(command))
    }
}

/// Shows F32, F43, F47.
#[tokio::test]
async fn a_party_with_a_library_of_its_own_is_known_by_its_key_and_knows_us_by_ours() {
    let node = Party::start("authenticator").await;
    let folder = tempfile::tempdir().unwrap();
    let [registered, other] = ["registered.pem", "other.pem"].map(|name| folder.path().join(name));
    let (x, of_nobody) = (new_key(&registered), new_key(&other));
    let party = EntityId::from_bytes(rand::random()).to_string();
    let body = json!({
        "party": party, "name": "bank", "url": "https://bank.example", "keys": [{ "use": "http", "x": x }], "roles": ["settler"],
    });
    node.do_once("/v1/peers", &key("peer"), &body).await.expect(201);
    let keys = card(&node.node).await["keys"].clone();
    let answers = keys.as_array().unwrap().iter().find(|key| key["use"] == json!("http")).unwrap()["x"].clone();
    let answers = answers.as_str().unwrap().to_owned();
    let bank = Stranger { node: &node, answers, party, keyfile: registered };
    let listed = bank.call("/v1/approvals?limit=5", &[]).ok().out;
    assert!(listed.starts_with("200 ") && listed.contains(r#""data":[]"#), "{listed}");
    let body = json!({ "token": "kpa_AAAAAOm9fYB1iMkhVu7a" }).to_string();
    let redeem = |bank: &Stranger<'_>, key: &str| bank.call("/v1/approvals/redeem", &[key, &body]);
    let refused = redeem(&bank, "one").ok().out;
    assert!(refused.starts_with("404 ") || refused.starts_with("409 "), "{refused}");
    // Its answer is repeated, and signed anew.
    assert_eq!(redeem(&bank, "one").ok().out.split_whitespace().next(), refused.split_whitespace().next());
    // Nobody knows this key: an answer to it is signed all the same.
    let impostor = Stranger { keyfile: other, answers: bank.answers.clone(), party: bank.party.clone(), node: &node };
    let refused = redeem(&impostor, "two").ok().out;
    assert!(refused.starts_with("401 ") && refused.contains("signature-not-valid"), "{refused}");
    // Who expects another key of us does not believe us.
    Stranger { answers: of_nobody, ..bank }.call("/v1/approvals", &[]).refused(1, "the answer does not count");
}
