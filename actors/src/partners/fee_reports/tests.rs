//! The rules of reports, one by one.

use kippu_events::partners::fee_reports::{Event, FeeReport};
use kippu_events::{Entity as _, EntityId};

use super::{ATTEMPT, Command, KNOWN};
use crate::given::given;
use crate::problem;

fn made() -> Event {
    FeeReport::samples().swap_remove(0)
}

fn make() -> Command {
    let Event::Made { report, to } = made() else { panic!("the first sample makes one") };
    Command::Make { report, to }
}

const fn came(refusal: Option<String>) -> Command {
    Command::CameOf { attempt: ATTEMPT, refusal }
}

#[test]
fn a_report_is_made_once_and_handed_over_once() {
    given::<FeeReport>(&[]).when(&make()).becomes(&[made()]);
    given::<FeeReport>(&[made()]).when(&make()).refused(&KNOWN);
    given::<FeeReport>(&[made()]).when(&came(None)).becomes(&[Event::HandedOver {}]);
    let reason = || "forbidden".to_owned();
    given::<FeeReport>(&[made()]).when(&came(Some(reason()))).becomes(&[Event::Refused { reason: reason() }]);
    given::<FeeReport>(&[made(), Event::HandedOver {}]).when(&came(None)).refused(&problem::NOT_DUE);
    let other = Command::CameOf { attempt: 7, refusal: None };
    given::<FeeReport>(&[made()]).when(&other).refused(&problem::NOT_DUE);
    given::<FeeReport>(&[]).when(&came(None)).refused(&problem::NOT_DUE);
    assert_ne!(super::id_of(EntityId::from_hash(&[1; 32]), "a"), super::id_of(EntityId::from_hash(&[1; 32]), "b"));
}
