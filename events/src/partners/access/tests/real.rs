//! Logs that others wrote, where `KIPPU_ACCESS_FORMATS` names the folder of them. Only numbers of them are known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::*;

/// A log by its name in the folder; without the folder, one of our own that the same is said about.
fn log(name: &str, own: &str) -> (Vec<u8>, bool) {
    match std::env::var_os("KIPPU_ACCESS_FORMATS") {
        Some(folder) => (std::fs::read(PathBuf::from(folder).join(name)).unwrap(), true),
        None => (own.as_bytes().to_vec(), false),
    }
}

/// Number of requests, of asides, of malformed lines, and of bytes.
fn sums(format: &Format, log: &[u8]) -> (usize, usize, usize, u64) {
    let mut sums = (0, 0, 0, 0);
    read(format, log, |_, line| match line {
        Line::Access(access) => {
            sums.0 += 1;
            sums.3 += access.bytes.unwrap_or(0);
        }
        Line::Aside(_) => sums.1 += 1,
        Line::Malformed(_) | Line::TooLong => sums.2 += 1,
    });
    sums
}

const NCSA: &str = r#"192.0.2.1 - ann [10/Feb/2012:16:42:07 -0500] "GET / HTTP/1.0" 301 368"#;

/// The first access of a log: time, client, host, user, method, path, length of the query, status, bytes, lengths of referrer
/// and agent, microseconds taken.
fn first(format: &Format, log: &[u8]) -> String {
    let mut first = None;
    read(format, log, |_, line| {
        let Line::Access(a) = line else { return };
        let text = |text: &Option<std::borrow::Cow<'_, [u8]>>| {
            text.as_deref().map_or("-".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
        };
        let len = |text: &Option<std::borrow::Cow<'_, [u8]>>| text.as_deref().map_or(0, <[u8]>::len);
        first.get_or_insert_with(|| {
            format!(
                "{} {} {} {} {:?} {} {} {} {:?} {} {} {:?}",
                a.at,
                String::from_utf8_lossy(&a.client),
                text(&a.host),
                text(&a.user),
                String::from_utf8_lossy(&a.method),
                String::from_utf8_lossy(&a.path),
                len(&a.query),
                a.status,
                a.bytes,
                len(&a.referrer),
                len(&a.agent),
                a.taken_us
            )
        });
    });
    first.unwrap_or_default()
}

#[test]
fn every_format_is_detected_and_read() {
    let vhost = format!("www.example.com {NCSA}");
    let combined = format!("{NCSA} \"-\" \"Agent\"");
    let none = "";
    for (name, own, format, sum, is) in [
        (
            "common.txt",
            NCSA,
            Format::Common,
            (1, 0, 0, 368),
            "2012-02-10T21:42:07.000000Z 1.2.3.4 - theuser \"GET\" / 0 301 Some(368) 0 0 None",
        ),
        (
            "common_vhost.txt",
            &*vhost,
            Format::CommonVhost,
            (1, 0, 0, 368),
            "2012-02-10T21:42:07.000000Z 1.2.3.4 www.example.com theuser \"GET\" / 0 301 Some(368) 0 0 None",
        ),
        (
            "ncsa_extended.txt",
            &*combined,
            Format::Combined,
            (1, 0, 0, 368),
            "2012-02-10T21:42:07.000000Z 1.2.3.4 - theuser \"GET\" / 0 301 Some(368) 0 103 None",
        ),
        (
            "iis.txt",
            none,
            Format::W3c,
            (1, 4, 0, 27_028),
            "2012-04-01T00:00:13.000000Z 1.2.3.4 example.com theuser \"GET\" /foo/bar 30 200 Some(27028) 0 80 Some(1687000)",
        ),
        (
            "amazon_cloudfront_web.txt",
            none,
            Format::W3c,
            (1, 2, 0, 182),
            "2014-05-23T01:13:11.000000Z 192.0.2.10 example.com - \"GET\" /view/my/file.html 0 200 Some(182) 20 166 Some(1000)",
        ),
        (
            "nginx_json.txt",
            none,
            Format::Json,
            (2, 0, 0, 384),
            "2013-10-10T14:52:00.000000Z 1.2.3.4 www.piwik.org - \"\" /piwik.php 414 200 Some(192) 20 108 Some(8)",
        ),
        (
            "caddy_json.txt",
            none,
            Format::Json,
            (3, 0, 0, 256_055),
            "2023-12-23T23:17:54.815560Z 1.2.3.4 example.com - \"GET\" /beta/ 0 200 Some(3609) 0 84 Some(1335)",
        ),
        (
            "traefik_json.txt",
            none,
            Format::Json,
            (1, 0, 0, 15),
            "2023-08-11T11:39:21.773360Z 1.2.3.4 localhost - \"GET\" /my/app/auth 17 200 Some(15) 15 17 Some(10002425)",
        ),
        (
            "elb.txt",
            none,
            Format::Elb,
            (1, 2, 0, 57),
            "2015-05-13T23:39:43.945958Z 1.2.3.4 www.example.com - \"GET\" /path/index.html 0 200 Some(57) 0 103 Some(2471)",
        ),
        (
            "alb.txt",
            none,
            Format::Alb,
            (1, 0, 0, 24_950),
            "2020-01-01T00:55:04.127531Z 1.2.3.4 www.example.com - \"GET\" /path/index.html 0 200 Some(24950) 0 103 Some(103000)",
        ),
    ] {
        let (log, real) = log(name, own);
        if log.is_empty() {
            // Lines of our own in this format are in `formats`.
            continue;
        }
        assert_eq!(Format::detect(&log), Some(format.clone()), "{name}");
        assert_eq!(sums(&format, &log), sum, "{name}");
        if real {
            assert_eq!(first(&format, &log), is, "{name}");
        }
    }
}

/// What is known about a log in the common format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    lines: usize,
    malformed: usize,
    statuses: BTreeMap<u16, usize>,
    methods: BTreeMap<String, usize>,
    bytes: u64,
    without_size: usize,
    clients: usize,
    backwards: usize,
    first: Option<Time>,
    last: Option<Time>,
}

fn known(log: &[u8]) -> Known {
    let (mut known, mut clients, mut before) = (Known::default(), BTreeSet::new(), None);
    read(&Format::Common, log, |_, line| {
        known.lines += 1;
        let Line::Access(access) = line else {
            known.malformed += 1;
            return;
        };
        *known.statuses.entry(access.status).or_default() += 1;
        *known.methods.entry(String::from_utf8_lossy(&access.method).into_owned()).or_default() += 1;
        known.bytes += access.bytes.unwrap_or(0);
        known.without_size += usize::from(access.bytes.is_none());
        known.backwards += usize::from(before > Some(access.at));
        before = Some(access.at);
        known.first = Some(known.first.map_or(access.at, |first| first.min(access.at)));
        known.last = known.last.max(Some(access.at));
        clients.insert(access.client.to_vec());
    });
    known.clients = clients.len();
    known
}

fn named<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// Two requests of three words and one of two.
const OWN: &str = "a.example.com - - [01/Jul/1995:00:00:01 -0400] \"GET / HTTP/1.0\" 200 7\n\
    192.0.2.1 - - [01/Jul/1995:00:00:01 -0500] \"GET /a\" 404 -\n\
    192.0.2.1 - - [01/Jul/1995:00:00:02 -0400] \"HEAD /a b HTTP/1.0\" 304 0";

#[test]
fn logs_in_the_common_format_add_up() {
    let time = |text: &str| Some(text.parse().unwrap());
    let own = Known {
        lines: 3,
        malformed: 0,
        statuses: BTreeMap::from([(200, 1), (304, 1), (404, 1)]),
        methods: named([("GET", 2), ("HEAD", 1)]),
        bytes: 7,
        without_size: 1,
        clients: 2,
        backwards: 1,
        first: time("1995-07-01T04:00:01Z"),
        last: time("1995-07-01T05:00:01Z"),
    };
    let july = Known {
        lines: 7_084,
        malformed: 0,
        statuses: BTreeMap::from([(200, 6_421), (302, 197), (304, 426), (404, 40)]),
        methods: named([("GET", 7_071), ("HEAD", 11), ("POST", 2)]),
        bytes: 126_123_560,
        without_size: 83,
        clients: 857,
        backwards: 0,
        first: time("1995-07-01T04:00:01Z"),
        last: time("1995-07-28T17:32:25Z"),
    };
    let august = Known {
        lines: 5_000,
        malformed: 0,
        statuses: BTreeMap::from([(200, 2_572), (302, 70), (304, 362), (403, 1), (404, 1_352), (503, 643)]),
        methods: named([("GET", 4_997), ("HEAD", 2), ("POST", 1)]),
        bytes: 83_357_526,
        without_size: 115,
        clients: 443,
        backwards: 2_249,
        first: time("1995-08-01T04:00:01Z"),
        last: time("1995-08-01T15:43:56Z"),
    };
    for (name, is) in [("../nasa-jul95-7084.txt", july), ("../nasa-aug95-5000.txt", august)] {
        let (log, real) = log(name, OWN);
        assert_eq!(known(&log), if real { is } else { own.clone() }, "{name}");
        assert_eq!(Format::detect(&log), Some(Format::Common));
    }
}
