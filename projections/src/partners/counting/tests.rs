//! However a log was cut and in whatever order it came, the same counts; what contradicts itself is named.

use jiff::tz::TimeZone;
use kippu_events::partners::access::pages::{Class, Page, Reach};
use kippu_events::partners::access::{Period, Reader, Report, Rules};
use kippu_events::partners::access_batches::{Encoding, KnownName, mask};
use kippu_events::{EntityId, Time};
use proptest::prelude::*;

use super::super::access_batches::Lines;
use super::{Conflict, Counting, Gap, Stretch};

fn rules() -> Rules {
    let page = |path: &str, class| Page {
        path: path.to_owned(),
        reach: Reach::Prefix,
        host: None,
        class,
        from: None,
        until: None,
    };
    Rules { pages: vec![page("/tie-up", Class::TieUp), page("/own", Class::Original)], ..Rules::default() }
}

/// What these bytes at `offset` are on record as.
fn lines(offset: usize, text: &str) -> Lines {
    let (encoding, text) = Encoding::text(text.as_bytes());

    let mut reader = Reader::of("common".parse().unwrap());
    let masked = mask(&text, offset as u64, &mut reader);
    let known = |name: &String| KnownName { key: format!("{name:0>16}"), bytes: u32::try_from(name.len()).unwrap() };
    Lines {
        id: EntityId::from_hash(&[u8::try_from(offset % 251).unwrap(); 32]),
        writer: EntityId::from_hash(&[1; 32]),
        source: "www".to_owned(),
        segment: "access.log".to_owned(),
        offset: offset as u64,
        format: "common".to_owned(),
        directives: Default::default(),
        encoding,
        known_names: masked.names.iter().map(known).collect(),
        text: masked.text,
    }
}

fn log(count: usize) -> String {
    let line = |n: usize| {
        let page = ["/tie-up/a", "/own/b", "/logo.png", "/other"][n % 4];
        format!("192.0.2.{} - - [01/Nov/2026:10:{:02}:00 +0000] \"GET {page} HTTP/1.1\" 200 {n}\n", n % 9, n % 60)
    };
    (0..count).map(line).collect()
}

struct Counted {
    report: Report,
    conflicts: Vec<Conflict>,
    gaps: Vec<Gap>,
}

fn counted(batches: &[Lines]) -> Counted {
    let period = Period { from: Time::from_micros(0), until: Time::from_micros(i64::MAX) };
    let mut stretches = [Stretch::new(&rules(), period).unwrap()];
    let mut counting = Counting::default();
    let mut sorted: Vec<&Lines> = batches.iter().collect();
    sorted.sort_by_key(|lines| (&lines.source, &lines.segment, lines.offset, lines.id));
    for lines in sorted {
        counting.take(lines, &mut stretches).unwrap();
    }
    let [stretch] = stretches;
    Counted { report: stretch.finish(TimeZone::UTC), conflicts: counting.conflicts, gaps: counting.gaps }
}

/// Pieces of `text`, cut behind lines: `cuts` says how many lines each has.
fn pieces(text: &str, cuts: &[usize]) -> Vec<Lines> {
    let (mut batches, mut offset) = (Vec::new(), 0);
    let mut rest: Vec<&str> = text.split_inclusive('\n').collect();
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let piece: String = rest.drain(..cut.min(rest.len())).collect();
        if !piece.is_empty() {
            batches.push(lines(offset, &piece));
            offset += piece.len();
        }
    }
    batches
}

#[test]
fn every_line_counts_or_has_a_reason() {
    let Counted { report, conflicts, gaps } = counted(&pieces(&log(100), &[7, 50]));
    assert!(report.tally.adds_up(), "{report:?}");
    assert_eq!((report.tally.lines, report.tally.accesses()), (100, 50));
    assert_eq!((conflicts, gaps), (vec![], vec![]));
    assert_eq!(report.audience.visitors, 9);
}

#[test]
fn the_same_place_with_another_content_is_named_and_counts_once() {
    let text = log(10);
    let changed = text.replacen("/own/b", "/own/x", 1);
    let at = text.find('\n').unwrap() + 1;
    let mut other = lines(0, &changed);
    other.id = EntityId::from_hash(&[9; 32]);
    let Counted { report, conflicts, .. } = counted(&[lines(0, &text), other]);
    let here = Conflict { source: "www".to_owned(), segment: "access.log".to_owned(), offset: at as u64 };
    assert_eq!(conflicts, [here]);
    assert_eq!(report, counted(&[lines(0, &text)]).report);
}

#[test]
fn lines_that_nobody_certified_are_named() {
    let text = log(10);
    let mut batches = pieces(&text, &[3, 4]);
    let missing = batches.remove(1);
    let Counted { report, gaps, .. } = counted(&batches);
    assert_eq!(report.tally.lines, 6);
    let until = batches[1].offset;
    assert_eq!(gaps, [Gap { source: "www".to_owned(), segment: "access.log".to_owned(), from: missing.offset, until }]);
}

proptest! {
    #[test]
    fn how_a_log_was_cut_and_what_came_twice_makes_no_difference(
        cuts in proptest::collection::vec(0_usize..20, 0..8),
        again in proptest::collection::vec(0_usize..20, 0..8),
    ) {
        let text = log(60);
        let whole = counted(&[lines(0, &text)]);
        let mut twice = pieces(&text, &again);
        twice.extend(pieces(&text, &cuts));
        let twice = counted(&twice);
        prop_assert_eq!(&twice.report, &whole.report);
        prop_assert_eq!((twice.conflicts, twice.gaps), (vec![], vec![]));
    }
}
