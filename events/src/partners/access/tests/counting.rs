//! Which accesses count: given some rules, when lines are read, then so many count and the others have these reasons.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::super::pages::{Class, Page, Reach};
use super::super::rules::{Nameless, Reason};
use super::super::visits::Place;
use super::super::{Classifier, Gather, Report, Rules};
use super::*;

/// `/paid` and all below it is a tie-up, `/own` is not.
pub(super) fn rules() -> Rules {
    let page =
        |path: &str, reach, class| Page { path: path.to_owned(), reach, host: None, class, from: None, until: None };
    let pages = vec![page("/paid", Reach::Prefix, Class::TieUp), page("/own", Reach::Exact, Class::Original)];
    Rules { pages, ..Rules::default() }
}

pub(super) fn count(rules: &Rules, zone: &str, log: &str) -> Report {
    let classifier = Classifier::of(rules, year()).unwrap();
    let mut gather = Gather::default();
    read(&Format::Combined, log.as_bytes(), |offset, line| {
        gather.take(&classifier, Place { source: 0, segment: 0, offset }, line, visitor);
    });
    let report = gather.finish(rules, TimeZone::get(zone).unwrap());
    assert!(report.tally.adds_up());
    let again: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(again, report);
    report
}

/// A line of 2026-06-01 at this time of day.
fn line(time: &str, client: &str, request: &str, status: u16, agent: &str) -> String {
    format!("{client} - - [01/Jun/2026:{time} +0000] \"{request} HTTP/1.1\" {status} 10 \"-\" \"{agent}\"\n")
}

fn get(time: &str, path: &str) -> String {
    line(time, "192.0.2.1", &format!("GET {path}"), 200, "Mozilla/5.0")
}

#[test]
fn every_line_counts_or_has_the_first_reason_that_is_true_of_it() {
    let rules = Rules { origins: vec!["198.51.100.0/24".parse().unwrap()], ..rules() };
    let people = "Mozilla/5.0";
    for (line, reason) in [
        ("# x".to_owned(), Reason::Comment),
        ("\n".to_owned(), Reason::Comment),
        ("x".to_owned(), Reason::Malformed),
        ("x".repeat(70_000), Reason::TooLong),
        (get("00:00:00", "/own").replace("2026", "2025"), Reason::OutsidePeriod),
        (line("00:00:00", "192.0.2.1", "HEAD /own", 200, people), Reason::Method),
        (line("00:00:00", "192.0.2.1", "POST /own", 404, people), Reason::Method),
        (line("00:00:00", "192.0.2.1", "GET /own", 304, people), Reason::Status),
        (line("00:00:00", "192.0.2.1", "GET /own", 999, people), Reason::Status),
        (line("00:00:00", "192.0.2.1", "GET /own", 200, "x GoogleBot/2.1"), Reason::Robot),
        (line("00:00:00", "192.0.2.1", "GET /robots.txt", 200, people), Reason::Robot),
        (line("00:00:00", "198.51.100.9", "GET /own", 200, people), Reason::Origin),
        (get("00:00:00", "/paid/a.PNG?x=/own"), Reason::NotAPage),
        (get("00:00:00", "*"), Reason::NotAPage),
        (get("00:00:00", "/own/"), Reason::NotListed),
        (get("00:00:00", "/paid.html/x"), Reason::NotListed),
    ] {
        let report = count(&rules, "UTC", &line);
        assert_eq!(report.tally.excluded, BTreeMap::from([(reason, 1)]), "{line}");
    }
    for counted in [
        get("00:00:00", "//own?x"),
        get("00:00:00", "/paid/a.b/c"),
        get("00:00:00", "/x/../paid/%e3"),
        line("00:00:00", "192.0.2.1", "GET /own", 200, "Mozilla/5.0 CUBOT X"),
        line("00:00:00", "192.0.2.1", "GET /own", 200, "-"),
    ] {
        assert_eq!(count(&rules, "UTC", &counted).tally.accesses(), 1, "{counted}");
    }
    let strict = Rules { nameless: Nameless::Robot, ..rules };
    let report = count(&strict, "UTC", &line("00:00:00", "192.0.2.1", "GET /own", 200, "-"));
    assert_eq!(report.tally.excluded, BTreeMap::from([(Reason::Robot, 1)]));
}

#[test]
fn the_same_page_again_is_a_reload_for_as_long_as_it_goes_on() {
    let log = |times: &[&str]| times.iter().map(|time| get(time, "/own")).collect::<String>();
    let accesses = |times: &[&str]| count(&rules(), "UTC", &log(times)).tally.accesses();
    assert_eq!(accesses(&["00:00:00", "00:00:30"]), 1);
    assert_eq!(accesses(&["00:00:00", "00:00:31"]), 2);
    assert_eq!(accesses(&["00:00:00", "00:00:20", "00:00:40", "00:01:00"]), 1);
    // In whatever order they are written.
    assert_eq!(accesses(&["00:00:40", "00:00:00", "00:01:00", "00:00:20"]), 1);
    let others = get("00:00:00", "/own") + &get("00:00:01", "/paid") + &get("00:00:02", "/paid/a");
    assert_eq!(count(&rules(), "UTC", &others).tally.accesses(), 3);
    let elsewhere = get("00:00:00", "/own") + &get("00:00:01", "/own").replace("192.0.2.1", "192.0.2.2");
    assert_eq!(count(&rules(), "UTC", &elsewhere).tally.accesses(), 2);
    let never = Rules { reload_s: 0, ..rules() };
    assert_eq!(count(&never, "UTC", &log(&["00:00:00", "00:00:00"])).tally.accesses(), 2);
    let visits_of_ten = Rules { visit_s: 10, ..rules() };
    assert_eq!(count(&visits_of_ten, "UTC", &log(&["00:00:00", "00:00:11"])).tally.accesses(), 2);
}

#[test]
fn a_visit_ends_after_half_an_hour_without_a_page() {
    let log = |times: &[&str]| times.iter().map(|time| get(time, "/own")).collect::<String>();
    let audience = |log: &str| {
        let audience = count(&rules(), "UTC", log).audience;
        (audience.visits, audience.visitors)
    };
    assert_eq!(audience(""), (0, 0));
    assert_eq!(audience(&log(&["00:00:00", "00:30:00"])), (1, 1));
    assert_eq!(audience(&log(&["00:00:00", "00:30:01"])), (2, 1));
    // A reload goes on with the visit, an image does not.
    assert_eq!(audience(&log(&["00:00:00", "00:00:10", "00:30:10"])), (1, 1));
    assert_eq!(audience(&(log(&["00:00:00", "00:30:01"]) + &get("00:10:00", "/paid/a.png"))), (2, 1));
    let two = get("00:00:00", "/own") + &get("00:00:00", "/own").replace("Mozilla/5.0", "Other");
    assert_eq!(audience(&two), (2, 2));
}

#[test]
fn days_are_those_of_the_zone_and_bytes_those_of_what_counts() {
    let log =
        get("14:59:59", "/own") + &get("15:00:30", "/own") + &get("15:00:40", "/own") + &get("16:00:00", "/paid/x");
    let tally = count(&rules(), "Asia/Tokyo", &log).tally;
    let rows: Vec<String> = tally
        .counted
        .iter()
        .map(|(key, count)| format!("{} {} {:?} {} {}", key.day, key.page, key.class, count.accesses, count.bytes))
        .collect();
    assert_eq!(
        rows,
        ["2026-06-01 /own Original 1 10", "2026-06-02 /own Original 1 10", "2026-06-02 /paid/x TieUp 1 10",]
    );
}

#[test]
fn bytes_beyond_the_largest_number_do_not_end_the_count() {
    let most = get("00:00:00", "/own").replace(" 10 ", &format!(" {} ", u64::MAX));
    let log = most.clone() + &most.replace("00:00:00", "01:00:00");
    assert_eq!(count(&rules(), "UTC", &log).tally.counted.values().next().map(|count| count.bytes), Some(u64::MAX));
}
