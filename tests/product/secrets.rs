//! What went in as a secret or as a name is nowhere: not in any byte on disk, not in a line of the log, not in an error.

use std::path::{Path, PathBuf};

use memchr::memmem;
use serde_json::json;

use crate::fixture::{Node, files_below};
use crate::http::Reply;
use crate::market::{price, purchase, redemption};
use crate::stores::Raw;

const LOGIN: &str = "Quetzalcoatl.Vexillology@example.org";
const NAME: &str = "Ulrike Zyxomma-Obtusum";
const PIN: &str = "805271934628";
const WRONG_PIN: &str = "616273849505";

/// Shows F30, D37. Keeps S1.
#[tokio::test]
async fn no_secret_and_no_name_is_on_disk_in_the_log_or_in_an_error() {
    // Everything that any library says.
    let mut node = Node::start_with(&["--trace-filter", "trace"]);
    let mut secrets: Vec<String> = [LOGIN, NAME, PIN, WRONG_PIN].map(str::to_owned).to_vec();
    let mut errors = Vec::new();
    play(&node, &mut secrets, &mut errors).await;
    node.crash();
    play(&node, &mut secrets, &mut errors).await;
    node.stop();

    let needles: Vec<_> = secrets.iter().flat_map(|secret| forms(secret).map(|form| (secret, form))).collect();
    let mut found = Vec::new();
    let mut search = |place: &str, bytes: &[u8]| {
        for (secret, form) in &needles {
            if memmem::find(bytes, form).is_some() {
                found.push(format!("{secret:?} in {place}"));
            }
        }
    };
    for reply in &errors {
        search("an error", reply.text.as_bytes());
        search("the headers of an error", format!("{:?}", reply.headers).as_bytes());
    }
    search("the log lines", node.log().as_bytes());
    // Read before a store is opened, which moves files.
    let files: Vec<_> =
        files_below(&node.data()).into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    for (bytes, path) in &files {
        search(&path.display().to_string(), bytes);
    }
    // Compressed blocks hide what they hold; the stores themselves do not.
    for store in stores_below(&node.data()) {
        Raw::open(&store).each(|key, value| {
            search(&store.display().to_string(), key);
            search(&store.display().to_string(), value);
        });
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    // The search does find: the operator's key lies where it is meant to lie, and only there.
    let key = node.operator().key.clone();
    let with_key: Vec<_> =
        files.iter().filter(|(bytes, _)| memmem::find(bytes, key.as_bytes()).is_some()).map(|(_, path)| path).collect();
    assert_eq!(with_key, [&node.data().join("operator.key")]);
    assert!(files.len() > 20 && errors.len() > 8);
}

/// Every command and every query, rightly and wrongly; the same again at a second call.
async fn play(node: &Node, secrets: &mut Vec<String>, errors: &mut Vec<Reply>) {
    let operator = node.operator();
    let body = json!({
        "login": LOGIN, "name": NAME, "pin": PIN, "limit": { "source": "fixed", "amount": 1000, "currency": "EUR" },
    });
    let user = operator.post("/v1/users", "register", &body).await.expect(201).field("id");
    errors.push(operator.post("/v1/users", "register-again", &body).await.expect(409));
    let mut keys = Vec::new();
    for role in ["terminal", "settler"] {
        let reply = operator.post("/v1/clients", role, &json!({ "role": role, "name": role })).await.expect(201);
        keys.push(reply.field("key"));
    }
    let (terminal, settler) = (operator.with_key(&keys[0]), operator.with_key(&keys[1]));
    let with_pin = |pin: &str, login: &str| {
        let mut body = purchase(10);
        body["identification"] = json!({ "login": login, "pin": pin });
        body
    };
    let opened = terminal.post("/v1/approvals", "open", &with_pin(PIN, LOGIN)).await.expect(201);
    errors.push(terminal.post("/v1/approvals", "wrong", &with_pin(WRONG_PIN, LOGIN)).await.expect(403));
    let unknown = with_pin(PIN, "Nobody.Vexillology@example.org");
    errors.push(terminal.post("/v1/approvals", "unknown", &unknown).await.expect(403));
    // A retry does not tell whether another PIN would be the right one.
    let again = terminal.post("/v1/approvals", "open", &with_pin(WRONG_PIN, LOGIN)).await;
    assert!(again.says_the_same_as(&opened), "{again:?}");
    let mut other = with_pin(WRONG_PIN, LOGIN);
    other["amount"] = 11.into();
    errors.push(terminal.post("/v1/approvals", "open", &other).await.expect(422));
    let (id, token) = (opened.field("id"), opened.field("token"));
    settler.post("/v1/approvals/redeem", "redeem", &redemption(&token)).await.expect(200);
    errors.push(settler.post("/v1/approvals/redeem", "again", &redemption(&token)).await.expect(409));
    errors.push(settler.post("/v1/approvals/redeem", "forged", &redemption(&format!("{token}A"))).await.expect(404));
    errors.push(settler.post("/v1/approvals/redeem", "key", &redemption(&keys[0])).await.expect(404));
    errors.push(settler.post(&format!("/v1/approvals/{id}/settle"), "more", &price(11)).await.expect(409));
    settler.post(&format!("/v1/approvals/{id}/settle"), "settle", &price(9)).await.expect(200);
    let sign_in = |pin: &str| json!({ "login": LOGIN, "pin": pin });
    let guest = operator.with_key("");
    let session = guest.post("/v1/sessions", &"right".repeat(8), &sign_in(PIN)).await.expect(201);
    errors.push(guest.post("/v1/sessions", &"wrong".repeat(8), &sign_in(WRONG_PIN)).await.expect(403));
    errors.push(guest.with_key(&session.field("csrf")).get("/v1/sessions").await.expect(401));
    guest.with_key(&session.field("token")).get("/v1/sessions").await.expect(200);
    secrets.extend([session.field("token"), session.field("csrf")]);
    // Where a secret does not belong.
    errors
        .push(settler.post("/v1/approvals/redeem", "field", &json!({ "token": token, LOGIN: PIN })).await.expect(422));
    errors.push(terminal.post("/v1/approvals", "type", &json!({ "amount": LOGIN, "currency": PIN })).await.expect(422));
    errors.push(terminal.post("/v1/approvals", "pin", &with_pin(NAME, LOGIN)).await.expect(422));
    errors.push(operator.with_key(&format!("{}x", keys[0])).get("/v1/users").await.expect(401));
    errors.push(operator.get(&format!("/v1/approvals/{token}")).await.expect(404));
    errors.push(operator.get(&format!("/v1/approvals?user={token}")).await.expect(400));
    // The person's own data come back to those who may see them, and to nobody else.
    assert!(operator.get(&format!("/v1/users/{user}?decrypt=true")).await.expect(200).text.contains(NAME));
    assert!(!operator.get(&format!("/v1/users/{user}")).await.expect(200).text.contains(NAME));
    secrets.extend(keys);
    secrets.push(token);
}

/// The ways in which text could lie there.
fn forms(secret: &str) -> [Vec<u8>; 7] {
    // Whole groups of three bytes, from each place where one may begin, so that what stands around them does not matter.
    let base64 = |from: usize| {
        let (groups, _) = secret.as_bytes()[from..].as_chunks::<3>();
        data_encoding::BASE64URL_NOPAD.encode(groups.as_flattened()).into_bytes()
    };
    [
        secret.as_bytes().to_vec(),
        secret.to_lowercase().into_bytes(),
        data_encoding::HEXLOWER.encode(secret.as_bytes()).into_bytes(),
        base64(0),
        base64(1),
        base64(2),
        secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ]
}

/// The folders that are stores of RocksDB.
fn stores_below(folder: &Path) -> Vec<PathBuf> {
    let current = files_below(folder).into_iter().filter(|path| path.file_name().is_some_and(|name| name == "CURRENT"));
    current.filter_map(|path| path.parent().map(Path::to_owned)).collect()
}
