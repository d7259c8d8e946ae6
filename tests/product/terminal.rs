//! `kippu-user terminal`: the real program, with five parties.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{Ended, utf8};
use crate::parties::{Buyer, Parties, key};

/// A terminal in a directory of its own.
struct Terminal(TempDir);

impl Terminal {
    /// Without anything in it.
    fn new() -> Self {
        Self(TempDir::with_prefix("kippu-terminal-").unwrap())
    }

    /// Set up for `buyer`; it knows the shop's settlement server.
    fn of(buyer: &Buyer, parties: &Parties) -> Self {
        let terminal = Self::new();
        let key_file = terminal.path("given");
        std::fs::write(&key_file, &buyer.terminal.key).unwrap();
        let (authenticator, settler) = (parties.authenticator.node.url(), parties.settler.node.url());
        let set = ["--authenticator", authenticator, "--key-file", &key_file, "--settler", settler];
        terminal.run("init", &set).ok();
        terminal
    }

    fn path(&self, name: &str) -> String {
        utf8(&self.0.path().join(name)).to_owned()
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Ended {
        let mut program = Command::new(env!("CARGO_BIN_EXE_kippu-user"));
        program.args(["--json", "terminal", command, "--dir", &self.path("terminal")]);
        Ended::of(program.args(arguments).stdin(std::process::Stdio::null()))
    }
}

/// The arguments that name what is bought.
fn of<'a>(parties: &'a Parties, product: &'a str, name: &'a str) -> Vec<&'a str> {
    vec!["--shop", parties.shop.node.url(), "--product", product, "--purchase", name, "--yes"]
}

/// What a library that writes no codes reads in a picture.
fn read(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let grey = |x, y| if is_dark(x, y) { 0 } else { 255 };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, grey);
    let grids = picture.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

fn read_png(path: &Path) -> String {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let side = reader.next_frame(&mut pixels).unwrap().width as usize;
    read(side, |x, y| pixels[y * side + x] < 128)
}

/// The modules are rectangles of one path: `M x y h width v height`, and back.
fn read_svg(path: &Path) -> String {
    let svg = std::fs::read_to_string(path).unwrap();
    let within = |before: &str| svg.split(before).last().unwrap().split('"').next().unwrap().to_owned();
    let side: usize = svg.split(" width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let mut dark = vec![false; side * side];
    for rectangle in within(" d=\"").split('M').skip(1) {
        let numbers = rectangle.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
        let [x, y, width, height] = numbers.take(4).collect::<Vec<usize>>().try_into().unwrap();
        for line in y..y + height {
            dark[line * side + x..line * side + x + width].fill(true);
        }
    }
    read(side, |x, y| dark[y * side + x])
}

/// Shows D5, D22. Keeps R3.
#[tokio::test]
async fn a_terminal_hands_an_approval_over_at_once_or_when_its_user_says_so() {
    let mut parties = Parties::start().await;
    let (product, bytes) = parties.product(1_250).await;
    let buyer = parties.buyer(10_000).await;
    let terminal = Terminal::of(&buyer, &parties);
    // At once.
    let once = terminal.run("buy", &of(&parties, &product, "once")).ok().json().remove(0);
    assert_eq!((&once["state"], &once["amount"]), (&json!("settled"), &json!(1_250)));
    assert_eq!(once["books"]["authentication_server"]["state"], json!("settled"));
    assert_eq!(std::fs::read(once["files"][0]["path"].as_str().unwrap()).unwrap(), bytes);
    assert_eq!(parties.account(&buyer.user).await, (0, 1_250));
    // The same command again is the same purchase.
    assert_eq!(terminal.run("buy", &of(&parties, &product, "once")).ok().json().remove(0), once);
    // After the user says so; no settlement server knows of it before.
    let later = terminal.run("approve", &of(&parties, &product, "later")).ok().json().remove(0);
    assert_eq!((&later["state"], &later["amount"]), (&json!("approved"), &json!(1_250)));
    assert_eq!(parties.account(&buyer.user).await, (1_250, 1_250));
    assert_eq!(parties.settler.rows("settlements").await.len(), 1);
    // The settlement server is away, and comes back: the same command goes on.
    parties.settler.node.kill();
    terminal.run("hand-over", &["later", "--patience-secs", "1"]).refused(3, "give the same command again");
    parties.settler.node.start_again();
    let out = terminal.path("bought");
    let later = terminal.run("hand-over", &["later", "--out", &out]).ok().json().remove(0);
    assert_eq!(later["state"], json!("settled"));
    assert_eq!(std::fs::read(Path::new(&out).join("song.ogg")).unwrap(), bytes);
    assert_eq!(parties.account(&buyer.user).await, (0, 2_500));
    let listed = terminal.run("list", &[]).ok().json().remove(0);
    let states: Vec<_> = listed.as_array().unwrap().iter().map(|row| (&row["purchase"], &row["state"])).collect();
    assert_eq!(states, [(&json!("later"), &json!("settled")), (&json!("once"), &json!("settled"))]);
    parties.assert_sound();
}

/// Shows D23.
#[tokio::test]
async fn an_approval_is_handed_over_as_a_qr_code_that_another_library_reads() {
    let parties = Parties::start().await;
    let (product, bytes) = parties.product(700).await;
    let buyer = parties.buyer(1_000).await;
    let terminal = Terminal::of(&buyer, &parties);
    terminal.run("approve", &of(&parties, &product, "shown")).ok();
    let [png, svg, text] = ["code.png", "code.svg", "code.txt"].map(|name| terminal.path(name));
    for file in [&png, &svg, &text] {
        terminal.run("qr", &["shown", "--out", file]).ok();
    }
    let seen = read_png(Path::new(&png));
    assert_eq!(seen, std::fs::read_to_string(&text).unwrap());
    assert_eq!(seen, read_svg(Path::new(&svg)));
    // Whoever reads it settles: here a terminal without any account.
    let (reader, file) = (Terminal::new(), terminal.path("seen"));
    reader.run("init", &[]).ok();
    std::fs::write(&file, seen).unwrap();
    let taken = reader.run("take", &[&file]).ok().json().remove(0);
    let bought = reader.run("hand-over", &[taken["purchase"].as_str().unwrap()]).ok().json().remove(0);
    assert_eq!((&bought["state"], &bought["amount"]), (&json!("settled"), &json!(700)));
    assert_eq!(std::fs::read(bought["files"][0]["path"].as_str().unwrap()).unwrap(), bytes);
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&buyer.user).await, (0, 700));
    terminal.run("hand-over", &["shown"]).refused(1, "already-presented");
}

/// Shows D7, D29.
#[tokio::test]
async fn whose_pin_is_wrong_and_who_does_not_agree_buys_nothing() {
    let parties = Parties::start().await;
    let (product, _) = parties.product(300).await;
    let login = key("login");
    let limit = json!({ "source": "fixed", "amount": 1_000, "currency": "EUR" });
    let user = json!({ "login": login, "pin": "204060", "limit": limit });
    let user = parties.authenticator.do_once("/v1/users", &key("user"), &user).await.expect(201).field("id");
    let client = json!({ "role": "terminal", "name": "a terminal for everybody" });
    let client = parties.authenticator.do_once("/v1/clients", &key("client"), &client).await.expect(201);
    let buyer = Buyer { terminal: parties.authenticator.node.caller(&client.field("key")), user };
    let terminal = Terminal::of(&buyer, &parties);
    let (right, wrong) = (terminal.path("right"), terminal.path("wrong"));
    std::fs::write(&right, "204060\n").unwrap();
    std::fs::write(&wrong, "204061\n").unwrap();
    let unasked = ["--shop", parties.shop.node.url(), "--product", &product, "--login", &login, "--pin-file", &right];
    terminal.run("buy", &unasked).refused(1, "nothing was bought");
    let with = |name, pin| [of(&parties, &product, name), vec!["--login", &login, "--pin-file", pin]].concat();
    terminal.run("buy", &with("wrong", &wrong)).refused(1, "not-identified");
    assert_eq!(parties.account(&buyer.user).await, (0, 0));
    assert!(parties.settler.rows("settlements").await.is_empty());
    terminal.run("buy", &with("right", &right)).ok();
    assert_eq!(parties.account(&buyer.user).await, (0, 300));
    // An approval that was taken back is refused at the settlement, and the terminal says so.
    let approved = terminal.run("approve", &with("back", &right)).ok().json().remove(0);
    let path = format!("/v1/approvals/{}/revoke", approved["approval"].as_str().unwrap());
    buyer.terminal.post(&path, &key("revoke"), &json!({})).await.expect(200);
    terminal.run("hand-over", &["back"]).refused(1, "approval-revoked");
    assert_eq!(parties.account(&buyer.user).await, (0, 300));
    // The PIN is nowhere in the terminal's directory.
    for path in crate::fixture::files_below(Path::new(&terminal.path("terminal"))) {
        assert!(!std::fs::read_to_string(&path).unwrap().contains("204060"), "{}", path.display());
    }
}
