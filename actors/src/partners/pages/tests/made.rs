//! Pages that are shown with a difference, in a layout, or by links.

use kippu_events::partners::pages::{Form, MadeOf, NotMade, Overlay};

use super::*;

const OVERLAY: Overlay = Overlay { form: Form::TextPatch, sha256: BlobId([0xd1; 32]) };

fn overlay(rights: PageRights, overlay: Option<Overlay>) -> Command {
    Command::Overlay { contract: (contract(), known(terms(rights, Confirmation::None))), overlay }
}

fn of(revision: u8) -> MadeOf {
    MadeOf { overlay: Some(OVERLAY.sha256), ..MadeOf::plain(content(revision).sha256) }
}

fn made(revision: u8, of: MadeOf) -> Command {
    Command::Made { revision: revision.into(), of, made: Ok(content(0xe0 + revision)) }
}

/// A page that is shown with a difference, whose second revision is on its way.
fn overlaid(answer_secs: Option<u32>) -> Vec<Event> {
    let content = content(0xe1);
    vec![
        offered(1, None),
        updated(1),
        Event::Told { attempt: 2 },
        Event::Overlaid { overlay: Some(OVERLAY) },
        Event::Made { revision: 1, of: of(1), content, until: None },
        offered(2, answer_secs),
    ]
}

#[test]
fn a_difference_is_for_who_may_repair_by_the_contract_of_the_page() {
    let page = [offered(1, None), updated(1)];
    let overlaid = Event::Overlaid { overlay: Some(OVERLAY) };
    given::<Page>(&page).when(&overlay(PageRights::Repair, Some(OVERLAY))).becomes(std::slice::from_ref(&overlaid));
    given::<Page>(&page).when(&overlay(PageRights::Brand, Some(OVERLAY))).refused(&refusal::NOT_WRITABLE);
    given::<Page>(&page).when(&overlay(PageRights::Repair, None)).refused(&problem::NOT_DUE);
    given::<Page>(&[]).when(&overlay(PageRights::Repair, Some(OVERLAY))).refused(&problem::NOT_FOUND);
    given::<Page>(&[revised(1, 1)]).when(&overlay(PageRights::Repair, None)).refused(&refusal::PATH_TAKEN);
}

#[test]
fn a_revision_with_a_difference_is_shown_once_it_is_made_and_never_without() {
    let page = overlaid(None);
    let attempt = 6;
    let here = Event::Fetched { revision: 2, sha256: content(2).sha256 };
    given::<Page>(&page).when(&fetched(attempt)).becomes(std::slice::from_ref(&here));
    let page = [page, vec![here]].concat();
    let shown = Event::Made { revision: 2, of: of(2), content: content(0xe2), until: None };
    given::<Page>(&page).when(&made(2, of(2))).becomes(&[shown]);
    // Of another revision, or without the difference.
    for wrong in [made(1, of(1)), made(2, of(1)), made(2, MadeOf::plain(content(2).sha256))] {
        given::<Page>(&page).when(&wrong).refused(&problem::NOT_DUE);
    }
    let reason = NotMade::PageOverlayConflict;
    let conflict = Command::Made { revision: 2, of: of(2), made: Err(reason) };
    let refused = Event::NotMade { revision: 2, of: of(2), reason };
    given::<Page>(&page).when(&conflict).becomes(std::slice::from_ref(&refused));
    // It is over: neither what was made late nor the same conflict again changes anything.
    let over = [page, vec![refused]].concat();
    given::<Page>(&over).when(&made(2, of(2))).refused(&problem::NOT_DUE);
    given::<Page>(&over).when(&conflict).refused(&problem::NOT_DUE);
}

#[test]
fn the_manager_agrees_to_the_bytes_that_come_to_be_shown() {
    let page = [overlaid(Some(SECS)), vec![Event::Fetched { revision: 2, sha256: content(2).sha256 }]].concat();
    let until = NOW.after(Duration::from_secs(SECS.into()));
    let asked = Event::Made { revision: 2, of: of(2), content: content(0xe2), until: Some(until) };
    given::<Page>(&page).when(&made(2, of(2))).becomes(std::slice::from_ref(&asked));
    let page = [page, vec![asked]].concat();
    let answer = |sha256| Command::Answer { revision: 2, sha256, agrees: true, reason: None };
    given::<Page>(&page).when(&answer(content(2).sha256)).refused(&refusal::NOT_ASKED);
    let shown = Event::Updated { revision: 2, sha256: content(0xe2).sha256 };
    given::<Page>(&page).when(&answer(content(0xe2).sha256)).becomes(&[shown]);
}

#[test]
fn by_links_nothing_is_fetched_and_by_a_switch_the_manager_is_always_asked() {
    let by = |way| {
        let mut terms = plain();
        terms.pages.way = way;
        terms
    };
    let offered = |way, answer_secs| {
        let mut event = offered(1, answer_secs);
        if let Event::Offered { way: its, .. } = &mut event {
            *its = way;
        }
        event
    };
    let linked = [offered(Way::Links, None), Event::Linked { revision: 1, sha256: content(1).sha256 }];
    given::<Page>(&[]).when(&update(1, by(Way::Links))).becomes(&linked);
    given::<Page>(&linked).when(&update(1, by(Way::Links))).refused(&refusal::NOT_NEWER);
    given::<Page>(&[]).when(&update(1, by(Way::Switch))).becomes(&[offered(Way::Switch, Some(SECS))]);
    let mut contradictory = terms(PageRights::Brand, Confirmation::Manager);
    contradictory.pages.way = Way::Links;
    assert!(contradictory.pages.wrong().is_some());
}
