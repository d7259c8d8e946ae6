//! What is shown when, and what the main site is told.

use super::*;

const fn at(secs: i64) -> Time {
    Time::from_micros(secs * 1_000_000)
}

/// The state after the sample events up to and with this one, each a second behind the one before.
fn after(count: usize) -> Page {
    let mut page = Page::default();
    for (n, event) in (1..).zip(Page::samples().iter().take(count)) {
        page.evolve(event, at(n));
    }
    page
}

fn shown(page: &Page) -> (u32, BlobId, bool) {
    let shown = page.shown().expect("something is shown");
    (shown.revision, shown.content.sha256, shown.damaged)
}

#[test]
fn a_revision_that_is_brought_is_shown_once_it_is_updated_and_not_before() {
    let digest = |byte| BlobId([byte; 32]);
    assert_eq!(shown(&after(1)), (1, digest(0xa1), false));
    for waiting in [2, 3] {
        assert_eq!(after(waiting).shown(), None);
    }
    assert_eq!(shown(&after(4)), (2, digest(0xa2), false));
    assert_eq!(shown(&after(6)), (2, digest(0xa2), true));
    assert_eq!(shown(&after(7)), (2, digest(0xa2), false));
    // The next one was declined.
    assert_eq!(shown(&after(9)), (2, digest(0xa2), false));
    assert_eq!(shown(&after(11)), (2, digest(0xc2), false));
}

#[test]
fn the_main_site_is_told_of_each_revision_under_a_number_of_its_own() {
    let page = |count| match after(count) {
        Page::TieUp(page) => page,
        other => panic!("{other:?}"),
    };
    assert_eq!(page(4).report.as_ref().map(|report| report.became), Some(Became::Applied));
    assert_eq!(page(5).report, None);
    assert_eq!(page(9).report.as_ref().map(|report| report.became), Some(Became::Declined(Decliner::Manager)));
    assert_eq!(page(8).newest(), 3);
    assert_eq!(page(9).newest(), 2);
    let attempts: Vec<u32> = (2..12).map(|count| page(count).attempt).collect();
    assert!(attempts.is_sorted_by(|one, next| one < next), "{attempts:?}");
}

#[test]
fn each_path_of_each_site_is_a_page_of_its_own() {
    let path = |text: &str| PagePath::try_from(text.to_owned()).unwrap();
    let [here, there] = [1, 2].map(|byte| EntityId::from_hash(&[byte; 32]));
    assert_ne!(id_of(here, &path("a")), id_of(there, &path("a")));
    assert_ne!(id_of(here, &path("a")), id_of(here, &path("b")));
}
