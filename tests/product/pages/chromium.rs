//! The same purchase with a real browser, Chromium, in which scripts are switched off: what it sends along with forms, which cookies it
//! keeps and what its policies allow are its own.

use std::path::Path;
use std::process::Command;

use super::PIN;
use crate::fixture::{Ended, utf8};
use crate::parties::{Parties, key};

/// Shows D2, D3, D5, D21, D22, D30, F45.
#[tokio::test]
async fn chromium_without_scripts_buys_through_three_sites_on_a_narrow_screen() {
    let mut parties = Parties::start_apart().await;
    let (product, bytes) = parties.product(1_250).await;
    let login = key("login");
    let user = parties.subscriber(&login, PIN, 10_000).await;
    let folder = tempfile::TempDir::with_prefix("kippu-browser-").expect("a temporary folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/browser.py");
    let shop = format!("{}/shop/{product}", parties.shop.node.url());
    let [authenticator, settler] = [&parties.authenticator, &parties.settler].map(|party| party.node.url().to_owned());
    let mut browser = Command::new("python3");
    browser.arg(script).arg(folder.path()).args([&*shop, &authenticator, &settler, &login, PIN]);
    let said = Ended::of(&mut browser).ok().said;
    // Another folder keeps the pictures, for whoever wants to look at them.
    if let Some(kept) = std::env::var_os("KIPPU_SCREENSHOTS") {
        Ended::of(Command::new("cp").args(["-r", utf8(folder.path())]).arg(kept)).ok();
    }
    assert_eq!(std::fs::read(folder.path().join("downloads/song.ogg")).unwrap(), bytes, "{said}");
    for page in ["product", "offer", "sign-in", "approve", "approved", "purchase", "received"] {
        let picture = std::fs::read(folder.path().join(format!("{page}.png"))).unwrap();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 1_000, "{page}: {said}");
    }
    parties.settler.owes_nothing().await;
    assert_eq!(parties.account(&user).await, (0, 1_250));
    parties.assert_sound();
}
