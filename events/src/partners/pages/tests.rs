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

#[test]
fn a_page_in_a_layout_is_made_anew_whenever_that_changes_and_stays_as_it_was_where_it_cannot() {
    let layout = PagePath::try_from("layout.html".to_owned()).unwrap();
    let around = |byte| Around { shown: [(layout.clone(), BlobId([byte; 32]))].into(), ..Around::default() };
    let (path, content) = sample(0xa1);
    let revised = |revision, content: &Content| Event::Revised {
        path: path.clone(),
        revision,
        content: content.clone(),
        tie_up: false,
        part: Part::Content,
        category: None,
        layout: Some(layout.clone()),
        links: false,
    };
    let made = |wanted: &ToMake, byte| {
        let content = sample(byte).1;
        Event::Made { revision: wanted.revision, of: wanted.of, content, until: None }
    };
    let mut page = Page::default();
    page.evolve(&revised(1, &content), at(1));
    assert_eq!(page.shown(), None);
    let first = page.to_make(&around(1)).unwrap();
    page.evolve(&made(&first, 0xe1), at(2));
    assert_eq!(shown(&page), (1, BlobId([0xe1; 32]), false));
    assert_eq!(page.to_make(&around(1)), None);
    // Another layout.
    let second = page.to_make(&around(2)).unwrap();
    assert_eq!((second.revision, second.source.sha256), (1, content.sha256));
    page.evolve(&Event::NotMade { revision: 1, of: second.of, reason: NotMade::PageLayoutWithoutPlace }, at(3));
    assert_eq!(page.to_make(&around(2)), None);
    assert_eq!(shown(&page), (1, BlobId([0xe1; 32]), false));
    // Another revision: what was shown stays until that is made.
    page.evolve(&revised(2, &sample(0xa2).1), at(4));
    assert_eq!(shown(&page), (1, BlobId([0xe1; 32]), false));
    let third = page.to_make(&around(3)).unwrap();
    page.evolve(&made(&third, 0xe2), at(5));
    assert_eq!(shown(&page), (2, BlobId([0xe2; 32]), false));
    assert_eq!(page.revision(1).map(|content| content.sha256), Some(BlobId([0xe1; 32])));
    // What was made and is damaged is made again.
    page.evolve(&Event::Damaged { sha256: BlobId([0xe2; 32]), found: None }, at(6));
    let again = page.to_make(&around(3)).unwrap();
    assert_eq!(again.of, third.of);
}

#[test]
fn a_difference_is_applied_to_what_is_shown_and_to_what_comes_and_a_conflict_declines_that() {
    let digest = |byte| BlobId([byte; 32]);
    // The sample ends with revision 4, which was fetched, and is to be made with a difference.
    let mut page = after(14);
    let wanted = page.to_make(&Around::default()).unwrap();
    assert_eq!((wanted.revision, wanted.source.sha256), (4, digest(0xa4)));
    assert_eq!(wanted.overlay.map(|overlay| overlay.sha256), Some(digest(0xd1)));
    assert_eq!(shown(&page), (2, digest(0xc2), false));
    page.evolve(&Event::NotMade { revision: 4, of: wanted.of, reason: NotMade::PageOverlayConflict }, at(20));
    assert_eq!(shown(&page), (2, digest(0xc2), false));
    let Page::TieUp(tie_up) = &page else { panic!("a tie-up page") };
    let report = tie_up.report.clone().unwrap();
    assert_eq!((report.revision, report.sha256), (4, digest(0xa4)));
    assert_eq!(report.became, Became::Declined(Decliner::Node));
    assert_eq!(report.reason.as_deref(), Some("page-overlay-conflict"));
    // What is shown is to have it too, and has not.
    let shown_next = page.to_make(&Around::default()).unwrap();
    assert_eq!((shown_next.revision, shown_next.source.sha256), (2, digest(0xc2)));
    page.evolve(&Event::Overlaid { overlay: None }, at(21));
    assert_eq!(page.to_make(&Around::default()), None);
}
