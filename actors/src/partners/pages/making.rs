//! What becomes of pages that the node has made: whether what it made is what is wanted is decided here.

use std::time::Duration;

use kippu_events::Time;
use kippu_events::partners::pages::{Content, Event, MOST_PAGE_BYTES, MadeOf, NotMade, Overlay, Page, Phase};

use super::refusal::Refused;

/// The node has made what is shown, or could not.
pub(super) fn made(
    page: &Page,
    revision: u32,
    of: MadeOf,
    made: &Result<Content, NotMade>,
    now: Time,
) -> Result<Event, Refused> {
    let answer_secs = wanted(page, revision, of).ok_or(Refused::NotDue)?;
    match made {
        Err(reason) => Ok(Event::NotMade { revision, of, reason: *reason }),
        Ok(content) if content.size > MOST_PAGE_BYTES => {
            Ok(Event::NotMade { revision, of, reason: NotMade::PageTooLarge })
        }
        Ok(content) => {
            let until = answer_secs.map(|secs| now.after(Duration::from_secs(secs.into())));
            Ok(Event::Made { revision, of, content: content.clone(), until })
        }
    }
}

/// Whether this is to be made of what was written, and so long the manager is waited for then, who may be asked.
fn wanted(page: &Page, revision: u32, of: MadeOf) -> Option<Option<u32>> {
    let (overlay, shown, failed) = match page {
        Page::Absent => return None,
        Page::Own(own) => {
            if let Some((its, source)) = &own.next {
                let is_new = own.failed.map(|failed| failed.of) != Some(of);
                return (*its == revision && source.sha256 == of.source && of.overlay.is_none() && is_new)
                    .then_some(None);
            }
            (None, &own.shown, own.failed)
        }
        Page::TieUp(page) => {
            let overlay = page.overlay.map(|Overlay { sha256, .. }| sha256);
            let offer = page.offer.as_ref().filter(|offer| matches!(offer.phase, Phase::Making { .. }));
            if let Some(offer) = offer {
                let is_it = offer.revision == revision && offer.content.sha256 == of.source && overlay == of.overlay;
                return is_it.then(|| offer.answer_secs());
            }
            (overlay, &page.shown, page.failed)
        }
    };
    let shown = shown.as_ref()?;
    let is_it = shown.revision == revision && shown.source.sha256 == of.source && overlay == of.overlay;
    let is_new = shown.damaged || shown.made_of.unwrap_or(MadeOf::plain(shown.source.sha256)) != of;
    (is_it && is_new && failed.map(|failed| failed.of) != Some(of)).then_some(None)
}
