//! A person is forgotten: nothing opens the name any more, sums and proofs stay, and once the wrapping key is replaced no file of the
//! node could bring the key back. Whoever looks at a person is on record.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use memchr::memmem;
use serde_json::{Value, json};

use crate::fixture::{Ended, Node, files_below, first, kippu, run, until, utf8};
use crate::http::Caller;
use crate::market::{price, purchase, redemption};
use crate::stores::Raw;

const LOGIN: &str = "Aurelia.Nightingale@example.org";
const NAME: &str = "Aurelia Nightingale-Okonkwo";
const PIN: &str = "805271";

/// A node with a customer whose one purchase is settled and whose other one is not yet.
struct Scene {
    node: Node,
    user: String,
    terminal: String,
    settler: String,
    /// The approval that is not settled yet.
    open: String,
}

impl Scene {
    async fn new() -> Self {
        let node = Node::start_with(&["--partitions", "3"]);
        let market = node.market(10_000);
        let settler = market.settler("one").await;
        let user = register(&node.operator(), LOGIN, Some(NAME)).await;
        let body = json!({ "role": "terminal", "name": "a terminal", "user": user });
        let terminal = node.operator().post("/v1/clients", "terminal", &body).await.expect(201).field("key");
        let buyer = node.caller(&terminal);
        let mut approvals = Vec::new();
        for name in ["settled", "open"] {
            let opened = buyer.post("/v1/approvals", name, &purchase(1_500)).await.expect(201);
            let redeemed = redemption(&opened.field("token"));
            settler.post("/v1/approvals/redeem", name, &redeemed).await.expect(200);
            approvals.push(opened.field("id"));
        }
        let settle = format!("/v1/approvals/{}/settle", approvals[0]);
        settler.post(&settle, "settle", &price(1_400)).await.expect(200);
        Self { node, user, terminal, settler: settler.key.clone(), open: approvals.remove(1) }
    }

    fn forget(&self, whom: &str) -> Ended {
        let key = self.node.data().join("operator.key");
        run(&["--json", "users", "forget", whom, "--server", self.node.url(), "--key-file", utf8(&key)])
    }

    /// The user as an operator who opens personal fields sees it.
    async fn shown(&self, more: &str) -> Value {
        self.node.operator().get(&format!("/v1/users/{}?decrypt=true{more}", self.user)).await.expect(200).json()
    }

    /// What the books say of everybody.
    async fn books(&self) -> Vec<String> {
        let mut books = Vec::new();
        for path in ["/v1/ledger?limit=1000", "/v1/trial-balances", "/v1/spending"] {
            let mut page = self.node.operator().get(path).await.expect(200).json();
            // That the person was forgotten is an event of the user, and no sum.
            for row in page["data"].as_array_mut().unwrap() {
                row.as_object_mut().unwrap().remove("version");
            }
            books.push(page.to_string());
        }
        books
    }

    /// What persons' keys lie on the disk of the stopped node, wrapped.
    fn wrapped(&self) -> BTreeSet<Vec<u8>> {
        let mut wrapped = BTreeSet::new();
        Raw::open(&self.node.data().join("keys/persons")).each(|key, value| {
            if key.len() == 15 && !value.is_empty() {
                wrapped.insert(value.to_vec());
            }
        });
        wrapped
    }

    /// Which of these bytes lie in any file of the stopped node, or in a store.
    fn holds(&self, needles: &[Vec<u8>]) -> Vec<usize> {
        let mut found = BTreeSet::new();
        let mut search = |bytes: &[u8]| {
            found.extend((0..needles.len()).filter(|n| memmem::find(bytes, &needles[*n]).is_some()));
        };
        // Read before a store is opened, which moves files.
        let files = files_below(&self.node.data());
        files.iter().for_each(|path| search(&std::fs::read(path).unwrap()));
        for current in files.iter().filter(|path| path.file_name().is_some_and(|name| name == "CURRENT")) {
            Raw::open(current.parent().unwrap()).each(|key, value| {
                search(key);
                search(value);
            });
        }
        found.into_iter().collect()
    }

    fn keyring(&self) -> Value {
        keyring(&self.node.data())
    }
}

async fn register(operator: &Caller, login: &str, name: Option<&str>) -> String {
    let mut body = json!({
        "login": login, "pin": PIN, "limit": { "source": "fixed", "amount": 10_000, "currency": "EUR" },
    });
    if let Some(name) = name {
        body["name"] = name.into();
    }
    operator.post("/v1/users", &format!("register {login}"), &body).await.expect(201).field("id")
}

fn keyring(data: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(data.join("keys/keyring.json")).unwrap()).unwrap()
}

/// What a receipt says, if a library that is not ours finds it signed by the node.
async fn checked(node: &Node, receipt: &Value) -> Value {
    let keys = node.caller("").get("/.well-known/jwks.json").await.expect(200).text;
    let python = std::env::var("KIPPU_TEST_PYTHON").expect("KIPPU_TEST_PYTHON: `make test` makes it and sets it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/receipt.py");
    let statement = receipt["statement"].as_str().unwrap();
    let check = |statement: &str| Ended::of(Command::new(&python).arg(&script).arg(statement).arg(&keys));
    // Another letter in the middle of its content.
    let middle = statement.len() / 2;
    let other = if &statement[middle..=middle] == "A" { "B" } else { "A" };
    let altered = format!("{}{other}{}", &statement[..middle], &statement[middle + 1..]);
    assert_ne!(check(&altered).code, Some(0));
    serde_json::from_str(&check(statement).ok().out).unwrap()
}

/// Shows F30. Keeps S1.
#[tokio::test]
async fn a_forgotten_customer_is_nowhere_once_the_wrapping_key_is_replaced_and_every_sum_stays() {
    let mut scene = Scene::new().await;
    scene.node.stop();
    let wrapped: Vec<Vec<u8>> = scene.wrapped().into_iter().collect();
    let wrapping = scene.keyring()["keys"]["wrapping"][0]["key"].as_str().unwrap().to_owned();
    scene.node.start_again();
    let before = scene.shown("").await;
    assert_eq!((&before["login"], &before["name"]), (&json!(LOGIN), &json!(NAME)));
    let session = json!({ "login": LOGIN, "pin": PIN });
    let guest = scene.node.caller("");
    let session_key = guest.post("/v1/sessions", &"session".repeat(8), &session).await.expect(201).field("token");
    let position = scene.node.operator().get(&format!("/v1/users/{}", scene.user)).await.expect(200).position();
    let books = scene.books().await;

    let receipt = scene.forget(LOGIN).ok().json().remove(0);
    let (person, event) = (&receipt["person"], receipt["event"].as_str().unwrap());
    assert_eq!((person, &receipt["final"], &receipt["wrapping_key"]), (&json!(scene.user), &json!(false), &json!(1)));
    let said = checked(&scene.node, &receipt).await;
    assert_eq!((&said["person"], &said["event"], &said["final"]), (person, &json!(event), &json!(false)));
    // At once: neither as it is, nor as it was; and by nobody's word again.
    for more in ["", &format!("&as_of={position}")] {
        let shown = scene.shown(more).await;
        assert_eq!((&shown["login"], &shown["name"]), (&Value::Null, &Value::Null), "{more}");
    }
    let shown = scene.shown("").await;
    assert_eq!((&shown["state"], &shown["forgotten_at"]), (&json!("forgotten"), &receipt["forgotten_at"]));
    assert_eq!(
        (&shown["has_pin"], &shown["reserved"], &shown["charged"]),
        (&json!(false), &json!(1_500), &json!(1_400))
    );
    guest.with_key(&session_key).get("/v1/sessions").await.expect(401);
    guest.post("/v1/sessions", &"another".repeat(8), &session).await.expect(403);
    let buyer = scene.node.caller(&scene.terminal);
    buyer.post("/v1/approvals", "late", &purchase(1)).await.expect_problem(403, "user-suspended");
    let again = json!({ "login": LOGIN, "limit": { "source": "fixed", "amount": 1, "currency": "EUR" } });
    scene.node.operator().post("/v1/users", "again", &again).await.expect_problem(409, "already-exists");
    let resume = format!("/v1/users/{}/resume", scene.user);
    scene.node.operator().post(&resume, "resume", &json!({})).await.expect_problem(409, "user-forgotten");
    assert_eq!(scene.books().await, books);
    // What was reserved settles as before.
    let settle = format!("/v1/approvals/{}/settle", scene.open);
    scene.node.caller(&scene.settler).post(&settle, "late", &price(1_500)).await.expect(200);
    let settled = async || scene.shown("").await["charged"].clone();
    assert_eq!(first(settled, |charged| *charged == json!(2_900)).await, json!(2_900));
    assert_eq!(scene.forget(&scene.user).ok().json().remove(0), receipt, "once more it is the same receipt");

    scene.node.stop();
    scene.node.assert_sound();
    let mut needles = wrapped.clone();
    needles.extend([wrapping.into_bytes(), NAME.as_bytes().to_vec(), LOGIN.as_bytes().to_vec()]);
    assert!(scene.holds(&needles).contains(&wrapped.len()), "looked in the right place");
    let rotated = run(&["--json", "keys", "rotate", "--data", utf8(&scene.node.data())]).ok().json().remove(0);
    assert_eq!(rotated, json!({ "wrapping_key": 2 }));
    assert_eq!(scene.holds(&needles), [0usize; 0]);
    scene.node.assert_sound();
    scene.node.start_again();
    let last = scene.forget(LOGIN).ok().json().remove(0);
    assert_eq!((&last["final"], &last["event"], &last["wrapping_key"]), (&json!(true), &receipt["event"], &json!(1)));
    assert_eq!(checked(&scene.node, &last).await["final"], json!(true));
    scene.node.assert_sound();
}

fn copied(from: &Path, to: &Path) {
    for path in files_below(from) {
        let there: PathBuf = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(there.parent().unwrap()).unwrap();
        std::fs::copy(path, there).unwrap();
    }
}

/// Shows F30.
#[tokio::test]
async fn a_key_that_was_not_destroyed_before_a_crash_is_destroyed_after_the_next_start() {
    let mut scene = Scene::new().await;
    scene.node.stop();
    let (keys, backup) = (scene.node.data().join("keys"), tempfile::tempdir().unwrap());
    copied(&keys, backup.path());
    let count = scene.wrapped().len();
    scene.node.start_again();
    let path = format!("/v1/users/{}/forget", scene.user);
    let position = scene.node.operator().get(&format!("/v1/users/{}", scene.user)).await.expect(200).position();
    scene.node.operator().post(&path, "forget", &json!({})).await.expect(200);
    // Before the key is destroyed, and as of a time when nobody had been forgotten.
    let status = async || scene.node.operator().get("/v1/status").await.expect(200).json();
    first(status, |status| status["views"].as_array().unwrap().iter().all(|view| view["lag"] == json!(0))).await;
    assert_eq!(scene.shown(&format!("&as_of={position}")).await["name"], Value::Null);
    scene.node.kill();
    // As if it had died between the event and the key, or a backup had brought the key back.
    std::fs::remove_dir_all(&keys).unwrap();
    copied(backup.path(), &keys);
    assert_eq!(scene.wrapped().len(), count);
    scene.node.start_again();
    assert_eq!(scene.shown("").await["name"], Value::Null);
    // What says that it was destroyed has a name of its own in the store.
    let is_written = |path: PathBuf| memmem::find(&std::fs::read(path).unwrap_or_default(), b"destroyed").is_some();
    until(async || files_below(&keys.join("persons")).into_iter().any(is_written), |is_so| *is_so).await;
    let receipt = format!("/v1/users/{}/receipt", scene.user);
    assert_eq!(scene.node.operator().get(&receipt).await.expect(200).json()["final"], json!(false));
    scene.node.stop();
    assert_eq!(scene.wrapped().len(), count - 1);
    scene.node.assert_sound();
}

/// Shows F30.
#[tokio::test]
async fn a_replacement_of_the_wrapping_key_that_is_killed_is_gone_on_with_and_loses_nobody() {
    let mut node = Node::start_with(&["--partitions", "1"]);
    let operator = node.operator();
    let mut users = Vec::new();
    for n in 0..24 {
        let body =
            json!({ "login": format!("user {n}"), "limit": { "source": "fixed", "amount": 1, "currency": "EUR" } });
        users.push(operator.post("/v1/users", &format!("user {n}"), &body).await.expect(201).field("id"));
    }
    let key = node.data().join("operator.key");
    run(&["users", "forget", &users[3], "--server", node.url(), "--key-file", utf8(&key)]).ok();
    node.stop();
    let begun = || keyring(&node.data())["keys"]["wrapping"].as_array().unwrap().len() > 1;
    let mut child = kippu().args(["keys", "rotate", "--data", utf8(&node.data())]).spawn().unwrap();
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    // It may have come to its end meanwhile: what follows holds all the same.
    let _ended = child.kill();
    child.wait().unwrap();
    node.start_again();
    let wrapping = keyring(&node.data())["keys"]["wrapping"].clone();
    assert_eq!(wrapping.as_array().unwrap().len(), 1, "{wrapping}");
    for (n, user) in users.iter().enumerate() {
        let shown = node.operator().get(&format!("/v1/users/{user}?decrypt=true")).await.expect(200).json();
        let login = if n == 3 { Value::Null } else { json!(format!("user {n}")) };
        assert_eq!(shown["login"], login);
    }
    assert!(!node.data().join("keys/keyring.json.before").exists());
}

/// Shows F30. Keeps S1.
#[tokio::test]
async fn whoever_is_shown_a_personal_field_is_on_record_before_with_whom_when_and_by_which_query() {
    let node = Node::start_with(&["--partitions", "2"]);
    let operator = node.operator();
    let [one, two] = [register(&operator, "one", None).await, register(&operator, "two", None).await];
    let other = node.market(1).client("operator", "other operator").await;
    let listed = |person: &[&str]| {
        let all = run(&[&["--json", "replay", "access-log", "--data", utf8(&node.data())], person].concat());
        all.ok().json().remove(0)["disclosures"].as_array().unwrap().clone()
    };
    // Nothing is opened: nothing is on record.
    operator.get(&format!("/v1/users/{one}")).await.expect(200);
    other.get("/v1/users").await.expect(200);
    assert_eq!(listed(&[]), Vec::<Value>::new());
    let query = format!("/v1/users/{one}?decrypt=true");
    for _ in 0..3 {
        operator.get(&query).await.expect(200);
    }
    let page = other.get("/v1/users?decrypt=true&limit=1").await.expect(200).json();
    let on_page = page["data"][0]["id"].as_str().unwrap().to_owned();
    let all = listed(&[]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((&all[0]["query"], &all[0]["persons"]), (&json!(query), &json!([one])));
    assert_eq!((&all[1]["query"], &all[1]["persons"]), (&json!("/v1/users?decrypt=true&limit=1"), &json!([on_page])));
    assert!(all[0]["by"] != all[1]["by"] && all.iter().all(|one| one["by"].as_str().unwrap().starts_with("clients/")));
    assert!(all[0]["time"].as_str() < all[1]["time"].as_str());
    // The whole list shows one more.
    other.get("/v1/users?decrypt=true").await.expect(200);
    let newest = listed(&[]).pop().unwrap();
    let rest = if on_page == one { &two } else { &one };
    assert_eq!(newest["persons"], json!([rest]));
    let of_two = listed(&["--person", &two]);
    assert!(of_two.iter().all(|shown| shown["persons"].as_array().unwrap().contains(&json!(two))) && of_two.len() == 1);
    // Shown in another way, and said so.
    let body = json!({ "query": "read out on the telephone", "persons": [two] });
    operator.post("/v1/disclosures", "telephone", &body).await.expect(201);
    assert_eq!(listed(&["--person", &two]).len(), 2);
    node.assert_sound();
}
