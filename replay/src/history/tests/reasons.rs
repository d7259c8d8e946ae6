//! The chain behind a value.

use kippu_events::access::clients::{self, Client, Role};
use kippu_events::access::users::{Charging, User};
use kippu_events::approvals::Approval;
use kippu_events::event::EventId;
use kippu_events::log::ReadLog as _;
use kippu_events::placement::placements::{self, Placement};
use kippu_events::secrets::TokenHash;
use kippu_events::{EntityKey, Principal, Time};
use kippu_projections::Moment;
use serde_json::json;

use super::{indexed, past};
use crate::history::{NotTold, Past, Why, why};
use crate::verify::tests::sample::{SampleLog, event, issued, redeemed, registered, reserved, seed};

/// A terminal, a user with an approval that it asked for, which a settler redeems, and a placement that answers that.
struct Story {
    sample: SampleLog,
    terminal: EntityKey,
    user: EntityKey,
    approval: EntityKey,
    placement: EntityKey,
    redeemed: EventId,
}

impl Story {
    fn new() -> Self {
        let mut sample = SampleLog::new(seed());
        let [terminal, user, placement] = [sample.id(), sample.id(), sample.id()];
        let approval = sample.id().in_slot(user.slot());
        let key = TokenHash { key: 1, sha256: "a2V5".to_owned() };
        let opened = clients::Event::Opened { role: Role::Terminal, name: "t".to_owned(), user: None, key };
        sample.commit(vec![event::<Client>(terminal, opened)]);
        sample.commit(vec![event::<User>(user, registered(1000, Charging::AtSettlement))]);
        sample.by = Some(Principal::Client(terminal));
        let ends = Time::from_micros(sample.now.micros() + 1_000_000);
        let given = issued(user, 600, ends, 1000, 0);
        sample.commit(vec![event::<Approval>(approval, given), event::<User>(user, reserved(approval, 600))]);
        sample.by = None;
        let (partition, number) = sample.commit(vec![event::<Approval>(approval, redeemed(terminal, 600))]);
        let redeemed = EventId { partition, number, index: 0 };
        sample.answers = Some(redeemed);
        sample.commit(vec![event::<Placement>(placement, placements::Event::Opened { label: "l".to_owned() })]);
        Self {
            sample,
            terminal: EntityKey::of::<Client>(terminal),
            user: EntityKey::of::<User>(user),
            approval: EntityKey::of::<Approval>(approval),
            placement: EntityKey::of::<Placement>(placement),
            redeemed,
        }
    }

    fn why(&self, entity: EntityKey, field: Option<&str>) -> Result<Why, NotTold> {
        let past = past(&self.sample.tape);
        let found = why(&past, entity, field, None);
        let (views, _node, _dir) = indexed(&self.sample.tape, &super::ends(&self.sample.tape));
        let by_index = why(&Past { views: Some(&views), ..past }, entity, field, None);
        assert_eq!(by_index.as_ref().ok(), found.as_ref().ok(), "an index changes no answer");
        found
    }
}

#[test]
fn a_value_is_told_with_its_event_the_caller_and_what_was_recorded_together_with_it() {
    let story = Story::new();
    let found = story.why(story.user, Some("reserved")).unwrap();
    assert_eq!((found.before, found.after), (Some(json!(0)), Some(json!(600))));
    assert_eq!(found.field.as_deref(), Some("/Registered/reserved"));
    let because = found.because;
    assert_eq!((because.event.kind.as_str(), because.event.entity), ("user.amount_reserved", story.user));
    assert_eq!(because.began.as_ref().map(|node| node.event.kind.as_str()), Some("user.registered"));
    assert_eq!(because.caller.as_ref().map(|node| node.event.entity), Some(story.terminal));
    let [together] = because.together.as_slice() else { panic!("{because:?}") };
    assert_eq!((together.event.kind.as_str(), together.event.entity), ("approval.issued", story.approval));
    assert_eq!(together.event.command, because.event.command);
}

#[test]
fn an_event_that_answers_another_is_told_with_that_one_and_what_led_to_it() {
    let story = Story::new();
    let found = story.why(story.placement, None).unwrap();
    assert_eq!((found.field, found.before, found.after), (None, None, None));
    let cause = found.because.cause.expect("it answers an event");
    assert_eq!((cause.event.event, cause.event.kind.as_str()), (story.redeemed, "approval.redeemed"));
    let began = cause.began.expect("its approval began earlier");
    assert_eq!(began.event.kind, "approval.issued");
    assert_eq!(cause.cause, None);
}

#[test]
fn an_event_that_answers_itself_ends_the_chain() {
    let mut story = Story::new();
    let partition = story.redeemed.partition;
    let number = story.sample.tape.end(partition).unwrap();
    story.sample.answers = Some(EventId { partition, number, index: 0 });
    let moved = vec![event::<Approval>(story.approval.id, redeemed(story.terminal.id, 1))];
    assert_eq!(story.sample.commit(moved), (partition, number));
    let found = story.why(story.approval, None).unwrap();
    assert_eq!((found.because.event.event.number, found.because.cause), (number, None));
}

#[test]
fn a_field_that_never_was_or_is_not_the_only_one_of_its_name_is_told_with_those_there_are() {
    let story = Story::new();
    let told = story.why(story.user, Some("colour")).unwrap_err();
    assert!(matches!(&told, NotTold::NoField { .. }) && told.to_string().contains("/Registered/limit"), "{told}");
    let told = story.why(story.user, Some("/Registered/colour")).unwrap_err();
    assert!(matches!(told, NotTold::NoField { .. }), "{told}");
    let past = past(&story.sample.tape);
    let earlier = Moment::Time(Time::from_micros(0));
    assert!(matches!(why(&past, story.user, None, Some(&earlier)), Err(NotTold::NotYet(..))));
}
