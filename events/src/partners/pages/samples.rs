//! Events of every kind. A page that was written here comes to be one that is brought in samples alone.

use super::{Content, Decliner, Event, Form, MadeOf, MediaType, NotMade, Overlay, PagePath};
use crate::blobs::BlobId;
use crate::id::EntityId;
use crate::opaque::EncryptedField;
use crate::partners::contracts::{Part, Way};
use crate::time::Time;

/// A path and content for samples.
#[allow(clippy::expect_used, reason = "constants of this form")]
pub(in crate::partners) fn page(bytes: u8) -> (PagePath, Content) {
    let path = PagePath::try_from("offers/index.html".to_owned()).expect("a path");
    let media_type = MediaType::try_from("text/html".to_owned()).expect("a media type");
    (path, Content { sha256: BlobId([bytes; 32]), media_type, size: 5_120 })
}

pub(super) fn all() -> Vec<Event> {
    let [contract, main, delivery] = [7, 3, 8].map(|byte| EntityId::from_hash(&[byte; 32]));
    let offered = |revision, bytes| {
        let (path, content) = page(bytes);
        let capability = EncryptedField { xchacha20poly1305: "AQ".to_owned() };
        let (part, answer_secs) = (Part::Content, Some(259_200));
        Event::Offered {
            contract,
            main,
            delivery,
            path,
            revision,
            content,
            part,
            capability,
            answer_secs,
            category: None,
            layout: None,
            links: false,
            way: Way::Overwrite,
        }
    };
    let (path, content) = page(0xa1);
    let digest = |bytes| BlobId([bytes; 32]);
    vec![
        Event::Revised {
            path,
            revision: 1,
            content,
            tie_up: true,
            part: Part::Content,
            category: Some("regional goods".to_owned()),
            layout: None,
            links: false,
        },
        offered(2, 0xa2),
        Event::Held { revision: 2, sha256: digest(0xa2), until: Time::from_micros(1_795_254_300_000_000) },
        Event::Updated { revision: 2, sha256: digest(0xa2) },
        Event::Told { attempt: 3 },
        Event::Damaged { sha256: digest(0xa2), found: Some(digest(0xb2)) },
        Event::Restored { sha256: digest(0xa2) },
        offered(3, 0xa3),
        Event::Declined {
            revision: 3,
            sha256: digest(0xa3),
            by: Decliner::Manager,
            reason: Some("the price is that of last week".to_owned()),
        },
        Event::NotTold { attempt: 8, reason: "page-delivery-other-revision".to_owned() },
        Event::Repaired { revision: 2, content: page(0xc2).1 },
        Event::Overlaid { overlay: Some(Overlay { form: Form::TextPatch, sha256: digest(0xd1) }) },
        offered(4, 0xa4),
        Event::Fetched { revision: 4, sha256: digest(0xa4) },
        Event::Made {
            revision: 4,
            of: MadeOf { overlay: Some(digest(0xd1)), ..MadeOf::plain(digest(0xa4)) },
            content: page(0xe4).1,
            until: Some(Time::from_micros(1_795_254_300_000_000)),
        },
        Event::NotMade {
            revision: 4,
            of: MadeOf { overlay: Some(digest(0xd1)), ..MadeOf::plain(digest(0xa4)) },
            reason: NotMade::PageOverlayConflict,
        },
        Event::Linked { revision: 4, sha256: digest(0xa4) },
    ]
}
