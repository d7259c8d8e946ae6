//! What is true of whatever is read: nothing panics, parts and order make no difference, and all lines add up.

use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::agents::Agents;
use super::super::pages::Class;
use super::super::tally::{Key, Report, Tally};
use super::super::visits::{Outcome, Place, Visited, settle};
use super::super::{Classifier, Gather, Rules, path};
use super::counting::rules;
use super::*;

const NGINX: &str = r#"nginx:$remote_addr [$time_local] "$request" $status "$http_user_agent""#;
const FORMATS: [&str; 9] = ["common", "common-vhost", "combined", "combined-vhost", "w3c", "json", "elb", "alb", NGINX];
/// Bytes that formats give a meaning.
const TELLING: &[u8] = b"\"\\[]{}#:-, /?%.\t\n\r0x";

/// A line as servers write it, some of them in a format that is not the log's.
fn written() -> impl Strategy<Value = String> {
    let client = select(vec!["192.0.2.1", "192.0.2.2", "2001:db8::1", "a.example.com"]);
    let request = select(vec![
        "GET /own HTTP/1.1",
        "GET /paid/x?y HTTP/1.1",
        "GET /paid/%e3 HTTP/1.1",
        "HEAD /own HTTP/1.0",
        "GET /own",
        "GET /a.png HTTP/1.1",
        "-",
    ]);
    let agent = select(vec!["Mozilla/5.0", "x bot", "-", "a \\\" b"]);
    let status = select(vec![200_u16, 200, 200, 304, 404]);
    // Times are near each other, often the same.
    (client, request, agent, status, 0..150_u32, select(vec!["+0000", "-0000"]), any::<u64>()).prop_map(
        |(client, request, agent, status, at, zone, bytes)| {
            let (minute, second) = (at * 40 / 60 % 60, at * 40 % 60);
            let time = format!("01/Jun/2026:{:02}:{minute:02}:{second:02} {zone}", 23 - at * 40 / 3_600);
            format!("{client} - - [{time}] \"{request}\" {status} {bytes} \"-\" \"{agent}\"")
        },
    )
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let noise = vec(prop_oneof![any::<u8>(), select(TELLING.to_vec())], 0..60);
    prop_oneof![
        6 => written().prop_map(String::into_bytes),
        1 => noise,
        1 => (60_000..70_000_usize).prop_map(|len| vec![b'x'; len]),
    ]
}

/// Lines of any format with some bytes changed.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let whole = select(vec![
        r#"www.example.com 192.0.2.1 - ann [10/Feb/2026:16:42:07 -0500] "GET /a HTTP/1.0" 301 368 "-" "x""#,
        "#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes time-taken\n2026-04-01 00:00:13 192.0.2.1 GET /a 200 1 \"2\"",
        r#"{"ts":1703373474.8155608,"request":{"client_ip":"192.0.2.1","method":"GET","uri":"/a","headers":{"User-Agent":["x"]}},"size":1,"status":200}"#,
        r#"{"date":"2026-10-10T16:52:00+02:00","ip":"192.0.2.1","request":"GET /a HTTP/1.1","status":"200","length":null}"#,
        r#"h2 2026-05-13T23:39:43.945958Z lb 192.0.2.1:1 198.51.100.1:80 0.1 0.2 -1 200 200 0 57 "GET https://a/b HTTP/1.1" "x" -"#,
        r#"192.0.2.1 [10/Feb/2026:16:42:07 -0500] "GET /a HTTP/1.0" 301 "x""#,
    ]);
    let byte = prop_oneof![any::<u8>(), select(TELLING.to_vec())];
    (whole, vec((any::<Index>(), byte, any::<bool>()), 0..5)).prop_map(|(whole, changes)| {
        let mut bytes = whole.as_bytes().to_vec();
        for (at, byte, insert) in changes {
            let at = at.index(bytes.len());
            if insert { bytes.insert(at, byte) } else { bytes[at] = byte }
        }
        bytes
    })
}

fn classifier(rules: &Rules) -> Classifier {
    Classifier::of(rules, year()).unwrap()
}

fn whole(rules: &Rules, log: &[u8]) -> Report {
    let (classifier, mut gather) = (classifier(rules), Gather::default());
    read(&Format::Combined, log, |offset, line| {
        gather.take(&classifier, Place { source: 0, segment: 0, offset }, line, visitor);
    });
    gather.finish(rules, TimeZone::get("Asia/Tokyo").unwrap())
}

/// The log in parts cut at `cuts`, its lines dealt out to as many gathers as `deal` names, merged in that order.
fn dealt(rules: &Rules, log: &[u8], cuts: &[Index], deal: &[Index]) -> Report {
    let classifier = classifier(rules);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
    cuts.extend([0, log.len()]);
    cuts.sort_unstable();
    let mut gathers: Vec<Gather> = deal.iter().map(|_| Gather::default()).collect();
    let mut lines = 0;
    let mut take = |offset: u64, line: &Line<'_>| {
        let to = deal[lines % deal.len()].index(deal.len());
        lines += 1;
        gathers[to].take(&classifier, Place { source: 0, segment: 0, offset }, line, visitor);
    };
    let mut reader = Reader::of(Format::Combined);
    for pair in cuts.windows(2) {
        reader.push(&log[pair[0]..pair[1]], &mut take);
    }
    reader.finish(End::Complete, &mut take);
    let mut all = Gather::default();
    while !gathers.is_empty() {
        let next = deal[gathers.len() - 1].index(gathers.len());
        all.merge(gathers.swap_remove(next));
    }
    all.finish(rules, TimeZone::get("Asia/Tokyo").unwrap())
}

/// Visits and reloads told as plainly as can be: every access looks through all before it.
fn plainly(accesses: &[Visited], rules: &Rules) -> (u64, u64, usize) {
    let mut sorted: Vec<&Visited> = accesses.iter().collect();
    sorted.sort_by_key(|access| (access.at, access.place));
    let (mut visits, mut visitors, mut reloads) = (0, 0, 0);
    for (at, access) in sorted.iter().enumerate() {
        let mut own: Vec<&&Visited> = sorted[..at].iter().filter(|other| other.visitor == access.visitor).collect();
        own.reverse();
        let within = |later: &Visited, earlier: &Visited, seconds: u32| {
            later.at.micros() - earlier.at.micros() <= i64::from(seconds) * 1_000_000
        };
        visitors += u64::from(own.is_empty());
        let mut later = *access;
        own = own
            .into_iter()
            .take_while(|other| within(std::mem::replace(&mut later, other), other, rules.visit_s))
            .collect();
        visits += u64::from(own.is_empty());
        let same = own.iter().find(|other| other.page == access.page);
        let soon = same.is_some_and(|same| within(access, same, rules.reload_s));
        reloads += usize::from(rules.reload_s > 0 && soon);
    }
    (visits, visitors, reloads)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_panics(logs in vec(prop_oneof![broken(), line()], 1..4)) {
        let log = logs.join(&b'\n');
        let classifier = classifier(&rules());
        for format in FORMATS {
            let mut gather = Gather::default();
            let mut lines = 0;
            read(&format.parse().unwrap(), &log, |offset, line| {
                lines += 1;
                gather.take(&classifier, Place { source: 0, segment: 0, offset }, line, visitor);
            });
            let report = gather.finish(&rules(), TimeZone::UTC);
            prop_assert_eq!(report.tally.lines, lines);
            prop_assert!(report.tally.adds_up());
        }
        let _ = Format::detect(&log);
        let _ = String::from_utf8_lossy(&log).parse::<Wanted>();
    }

    #[test]
    fn parts_and_order_make_no_difference(
        lines in vec(line(), 0..60), crlf in any::<bool>(), ended in any::<bool>(),
        cuts in vec(any::<Index>(), 0..20), deal in vec(any::<Index>(), 1..6), visit_s in 0..400_u32, reload_s in 0..200_u32,
    ) {
        let mut log = lines.join(if crlf { &b"\r\n"[..] } else { b"\n" });
        if ended {
            log.push(b'\n');
        }
        let rules = Rules { visit_s, reload_s, ..rules() };
        let one = whole(&rules, &log);
        prop_assert!(one.tally.adds_up());
        prop_assert_eq!(dealt(&rules, &log, &cuts, &deal), one);
    }

    #[test]
    fn visits_and_reloads_are_what_they_plainly_are(
        dealt in vec((0..4_u8, 0..60_i64, 0..3_u64, 0..3_usize), 0..60), visit_s in 0..20_u32, reload_s in 0..20_u32,
    ) {
        let rules = Rules { visit_s, reload_s, ..Rules::default() };
        let pages = ["/a", "/b", "/c"];
        let mut accesses: Vec<Visited> = dealt.into_iter().enumerate().map(|(at, (who, second, source, page))| Visited {
            visitor: Visitor([who; 16]),
            at: Time::from_micros(second * 1_000_000),
            place: Place { source, segment: 0, offset: at as u64 },
            page: pages[page].into(),
            class: Class::TieUp,
            bytes: None,
        }).collect();
        let plain = plainly(&accesses, &rules);
        let mut reloads = 0;
        let audience = settle(&mut accesses, &rules, |_, outcome| reloads += usize::from(outcome == Outcome::Reload));
        prop_assert_eq!((audience.visits, audience.visitors, reloads), plain);
    }

    #[test]
    fn a_log_is_left_and_gone_on_with_at_any_byte(cut in any::<Index>(), blanks in vec(0..3_usize, 1..9)) {
        let mut log = Vec::new();
        for (at, fields) in blanks.iter().enumerate() {
            let columns = ["", " cs-method", " cs-method sc-bytes"][*fields];
            let values = ["", " GET", " GET 1"][*fields];
            log.extend(format!("#Fields: date time c-ip cs-uri-stem sc-status{columns}\n").bytes());
            log.extend(format!("2026-04-01 00:00:0{at} 192.0.2.1 /a 200{values}\n\n").bytes());
        }
        let mut one = Vec::new();
        read(&Format::W3c, &log, |offset, line| one.push((offset, format!("{line:?}"))));
        prop_assert!(!one.iter().any(|(_, line)| line.contains("Malformed")));
        let cut = cut.index(log.len());
        let (mut reader, mut two) = (Reader::of(Format::W3c), Vec::new());
        reader.push(&log[..cut], |offset, line| two.push((offset, format!("{line:?}"))));
        let state = reader.state();
        let from = usize::try_from(state.offset).unwrap();
        Reader::resume(Format::W3c, state).push(&log[from..], |offset, line| two.push((offset, format!("{line:?}"))));
        prop_assert_eq!(two, one);
    }

    #[test]
    fn a_normal_path_is_its_own_and_stays_below_the_root(
        path in vec(prop_oneof![any::<u8>(), select(b"//..%2eE?a".to_vec())], 0..30)
    ) {
        let path = [b"/", &path[..]].concat();
        let normal = path::normal(&path).unwrap().into_owned();
        let again = path::normal(normal.as_bytes());
        prop_assert_eq!(again.as_deref(), Some(&*normal));
        prop_assert!(normal.starts_with('/') && !normal.contains("//") && normal.is_ascii());
        prop_assert!(normal.split('/').all(|segment| segment != "." && segment != ".."));
    }

    #[test]
    fn agents_are_found_as_by_looking_everywhere(agent in "[a-dA-D/\"\\-]{0,20}", texts in vec("[a-dA-D/\\-]{3,4}", 0..4)) {
        let lower = agent.to_ascii_lowercase();
        let plain = texts.iter().any(|text| lower.contains(&text.to_ascii_lowercase()));
        prop_assert_eq!(Agents::of(&texts).unwrap().find(agent.as_bytes()), plain);
    }

    #[test]
    fn tallies_add_up_in_whatever_order(rows in vec((0..3_i16, 0..2_usize, any::<bool>(), any::<u64>()), 0..30), at in any::<Index>()) {
        let tally = |rows: &[(i16, usize, bool, u64)]| {
            let mut tally = Tally::default();
            for (day, page, tie_up, bytes) in rows {
                let day = jiff::civil::date(2026, 1, 1 + i8::try_from(*day).unwrap());
                let class = if *tie_up { Class::TieUp } else { Class::Original };
                tally.lines += 1;
                tally.count(Key { day, page: ["/a", "/b"][*page].into(), class }, Some(*bytes));
            }
            tally
        };
        let (one, two) = rows.split_at(at.index(rows.len() + 1));
        let (mut forth, mut back) = (tally(one), tally(two));
        forth.merge(tally(two));
        back.merge(tally(one));
        prop_assert_eq!(&forth, &back);
        prop_assert_eq!(&forth, &tally(&rows));
        prop_assert!(forth.adds_up());
    }
}
