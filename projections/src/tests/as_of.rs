//! Entities as they were.

use std::collections::BTreeMap;

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::log::{Cut, Position, ReadLog as _};
use kippu_events::{EntityId, Time};
use serde_json::Value;

use super::sample::BEGIN;
use super::{Running, SampleHistory, Scripted, end_of, folded, seed};
use crate::access::users::Users;
use crate::approvals::Approvals;
use crate::locate::{self, ANCHOR_EVERY};
use crate::queries::{Moment, QueryError};
use crate::view::View;

fn state(row: &Value) -> &str {
    row["state"].as_str().expect("a state")
}

/// Shows F20, F22.
#[test]
fn an_entity_is_shown_as_it_was_at_each_of_its_positions() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 30);
    let user = sample.users[0];
    let issue = sample.issue(user, 10);
    let issued = log.write(&issue);
    let which = sample.approvals.len() - 1;
    let approval = sample.approvals[which].0;
    let settler = sample.settlers[0];
    let redeem = sample.redeem(which, settler);
    let redeemed = log.write(&redeem);
    let finish = sample.finish(which);
    let settled = log.write(&finish);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let at = |moment: Moment| queries.as_of("approvals", &approval.to_string(), &Caller::OPERATOR, false, &moment);
    for (position, time, expected, version) in [
        (issued, issue.time, "issued", 1),
        (redeemed, redeem.time, "redeemed", 2),
        (settled, finish.time, "settled", 3),
    ] {
        let mut cut = end_of(&*log);
        cut.0[usize::from(position.partition)] = position.number;
        for moment in [Moment::Position(position), Moment::Time(time), Moment::Cut(cut)] {
            let found = at(moment.clone()).expect("found");
            assert_eq!(
                (state(&found.row.value()), found.version, found.position),
                (expected, version, Some(position)),
                "{moment}"
            );
        }
    }
    let before = Time::from_micros(issue.time.micros() - 1);
    assert_eq!(at(Moment::Time(before)), Err(QueryError::NotFound));
    assert_eq!(at(Moment::Time(Time::from_micros(BEGIN - 1))), Err(QueryError::NotFound));
    let now = queries.get("approvals", &approval.to_string(), &Caller::OPERATOR, false).expect("found");
    assert_eq!(at(Moment::Time(Time::from_micros(i64::MAX))).expect("found").row, now.row);
}

/// Shows F20.
#[test]
fn a_moment_that_says_nothing_about_the_entity_is_refused() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 30);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let user = sample.users[0];
    let partition = user.slot().partition(2);
    let at = |moment: Moment| queries.as_of("users", &user.to_string(), &Caller::OPERATOR, false, &moment);
    let head = log.head(partition);
    let here = Position::new(partition, head.number, &head.hash);
    assert!(at(Moment::Position(here)).is_ok());
    assert!(matches!(at(Moment::Position(Position { partition: 1 - partition, ..here })), Err(QueryError::NoAsOf(_))));
    let ahead = Position { number: head.number + 1, ..here };
    assert!(matches!(at(Moment::Position(ahead)), Err(QueryError::Behind { .. })));
    let other = Position { mark: [1; 8], ..here };
    assert_eq!(at(Moment::Position(other)), Err(QueryError::OtherHistory(other.to_string())));
    assert!(matches!(at(Moment::Cut(Cut(vec![1]))), Err(QueryError::Parameter { .. })));
}

/// Shows F20, F32.
#[test]
fn the_past_of_what_is_not_for_a_viewer_is_nothing_whatever_the_moment() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 30);
    let queries = Running::over(log.clone()).caught_up();
    let (approval, owner, _) = sample.approvals[0];
    let partition = owner.slot().partition(2);
    let (head, wrong) = (log.head(partition), log.head(1 - partition));
    let stranger = sample.users.iter().copied().find(|user| *user != owner);
    let terminal = |user| Caller { roles: Roles::one(Role::Terminal), user, ..Caller::OPERATOR };
    let as_of = |user, moment| queries.as_of("approvals", &approval.to_string(), &terminal(user), false, &moment);
    let here = Moment::Position(Position::new(partition, head.number, &head.hash));
    let other = Moment::Position(Position::new(1 - partition, wrong.number, &wrong.hash));
    assert!(as_of(Some(owner), here.clone()).is_ok());
    assert!(matches!(as_of(Some(owner), other.clone()), Err(QueryError::NoAsOf(_))));
    for moment in [here, other, Moment::Time(Time::from_micros(i64::MAX))] {
        assert_eq!(as_of(stranger, moment.clone()), Err(QueryError::NotFound), "{moment}");
    }
}

/// Shows F22.
#[test]
fn every_row_as_of_a_cut_is_the_row_of_a_view_that_was_folded_to_that_cut() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 60);
    let cut = end_of(&*log);
    let users = sample.users.clone();
    let approvals: Vec<EntityId> = sample.approvals.iter().map(|approval| approval.0).collect();
    for _ in 0..100 {
        log.tell(&mut sample);
    }
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    for (view, ids) in [(&Users as &dyn View, users), (&Approvals, approvals)] {
        let fold = folded(&*log, view, &cut);
        let table = view.table().expect("a table");
        let filters = crate::Filters::default();
        let ask = crate::Ask { own: None, hidden: &[], filters: &filters, decrypt: None };
        for id in ids {
            let row = fold.get(&crate::view::row_key(&id)).expect("a row");
            let expected = table.present(id.as_bytes(), row, &ask).expect("a row").expect("shown");
            let moment = Moment::Cut(cut.clone());
            let found = queries.as_of(view.name(), &id.to_string(), &Caller::OPERATOR, false, &moment).expect("found");
            assert_eq!((found.row, found.version), (expected.row, expected.version));
        }
    }
}

#[test]
fn records_are_found_by_number_and_by_time_from_the_anchor_before_them() {
    let mut sample = SampleHistory::new(seed(), 1);
    let log = Scripted::new(1);
    let mut times = BTreeMap::new();
    for _ in 0..(2 * ANCHOR_EVERY + 100) {
        let beat = sample.next();
        times.insert(log.write(&beat).number, beat.time);
    }
    let dir = tempfile::tempdir().expect("a folder");
    let mut engine = super::engine(log.clone(), dir.path(), crate::runner::Limits::default());
    while engine.turn().expect("a batch") {}
    let store = engine.store();
    let snap = store.snapshot();
    for number in [ANCHOR_EVERY, 2 * ANCHOR_EVERY] {
        let anchor = snap.anchor(0, number).expect("read").expect("an anchor");
        assert_eq!(anchor.number(), number);
    }
    let last = log.end(0).expect("an end") - 1;
    for number in [0, 1, 2, ANCHOR_EVERY - 1, ANCHOR_EVERY, ANCHOR_EVERY + 1, 2 * ANCHOR_EVERY + 5, last] {
        let cursor = locate::number(&*log, &snap, 0, number).expect("found");
        assert_eq!((cursor.number(), cursor.offset), (number, number + 1));
        let Some(time) = times.get(&number) else { continue };
        assert_eq!(locate::time(&*log, &snap, 0, last, *time).expect("found").number(), number);
        let before = Time::from_micros(time.micros() - 1);
        assert_eq!(locate::time(&*log, &snap, 0, last, before).expect("found").number(), number - 1);
    }
    let late = Time::from_micros(i64::MAX);
    assert_eq!(locate::time(&*log, &snap, 0, last, late).expect("found").number(), last);
    assert_eq!(locate::time(&*log, &snap, 0, 17, late).expect("found").number(), 17);
}
