//! Every format field by field, in lines of our own.

use super::super::line::{Aside, Flaw};
use super::*;

/// What a log's lines say, each in one text with `-` for what they do not.
fn said(format: &str, log: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    read(&format.parse().unwrap(), log, |_, line| said.push(show(line)));
    said
}

fn show(line: &Line<'_>) -> String {
    let text = |text: &[u8]| text.escape_ascii().to_string();
    let maybe = |maybe: &Option<std::borrow::Cow<'_, [u8]>>| maybe.as_deref().map_or("-".to_owned(), text);
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    match line {
        Line::Access(a) => [
            a.at.to_string(),
            text(&a.client),
            maybe(&a.host),
            maybe(&a.user),
            text(&a.method),
            text(&a.path),
            maybe(&a.query),
            a.status.to_string(),
            number(a.bytes),
            maybe(&a.referrer),
            maybe(&a.agent),
            number(a.taken_us),
        ]
        .join("|"),
        other => format!("{other:?}"),
    }
}

const COMMON: &str = r#"192.0.2.1 - ann [10/Feb/2026:16:42:07 -0500] "GET /a?b=c HTTP/1.1" 301 368"#;
const TAIL: &str = r#" "https://example.com/?q=\"x\"" "Agent/1.0 \x22y\x22""#;

#[test]
fn the_formats_of_ncsa() {
    let plain = "2026-02-10T21:42:07.000000Z|192.0.2.1|-|ann|GET|/a|b=c|301|368";
    let hosted = plain.replace("|-|ann", "|www.example.com|ann");
    let ends = r#"|https://example.com/?q=\"x\"|Agent/1.0 \"y\"|-"#;
    let host = "www.example.com:443 ";
    for (format, line, is) in [
        ("common", COMMON.to_owned(), format!("{plain}|-|-|-")),
        ("common-vhost", format!("{host}{COMMON}"), format!("{hosted}|-|-|-")),
        ("combined", format!("{COMMON}{TAIL}"), format!("{plain}{ends}")),
        ("combined", format!("{COMMON}{TAIL} \"198.51.100.1\" 0.004"), format!("{plain}{ends}")),
        ("combined-vhost", format!("{host}{COMMON}{TAIL}"), format!("{hosted}{ends}")),
    ] {
        assert_eq!(said(format, line.as_bytes()), [is.as_str()], "{line}");
        assert_eq!(Format::detect(line.as_bytes()).map(|format| format.to_string()).as_deref(), Some(format));
    }
}

#[test]
fn odd_requests_are_lines_and_odd_lines_are_malformed() {
    let with = |request: &str| COMMON.replace("GET /a?b=c HTTP/1.1", request);
    for (line, is) in [
        (with("GET /a.gif align=left HTTP/1.0"), "GET|/a.gif align=left|-|"),
        (with("GET /a"), "GET|/a|-|"),
        (with("-"), "||-|"),
        (with(""), "||-|"),
        (with(r"\x16\x03"), r"\x16\x03||-|"),
        (with(r#"GET /"a" HTTP/1.0"#), r#"GET|/\"a\"|-|"#),
        (with("GET http://example.com:80/a?b HTTP/1.1"), "GET|/a|b|"),
    ] {
        assert!(said("common", line.as_bytes())[0].contains(is), "{line}");
    }
    for (line, flaw) in [
        ("x".to_owned(), Flaw::Shape),
        (COMMON.replace("10/Feb", "30/Feb"), Flaw::Time),
        (COMMON.replace("\" 301", " 301"), Flaw::Quote),
        (COMMON.replace("301", "30"), Flaw::Quote),
        (COMMON.replace("368", "3x8"), Flaw::Size),
        (format!("{COMMON} 1"), Flaw::Tail),
        (COMMON.replace("192.0.2.1 - ann", "192.0.2.1 -"), Flaw::Shape),
    ] {
        assert_eq!(said("common", line.as_bytes()), [format!("{:?}", Line::Malformed(flaw))], "{line}");
    }
}

#[test]
fn a_users_name_cannot_pass_for_another_line() {
    let line = COMMON.replace("ann", r#"x [01/Jan/2026:00:00:00 +0000] \"GET /paid HTTP/1.0\" 200 5 "#);
    assert!(said("common", line.as_bytes())[0].contains("|GET|/a|b=c|301|368|"));
}

#[test]
fn bytes_that_are_no_utf_8_stay_as_they_are() {
    let line =
        [b"192.0.2.1 - - [10/Feb/2026:16:42:07 -0500] \"GET /\xff HTTP/1.1\" 200 - \"\xfe\" \"\xfd\"", &b"\r\n"[..]];
    let is = r"2026-02-10T21:42:07.000000Z|192.0.2.1|-|-|GET|/\xff|-|200|-|\xfe|\xfd|-";
    assert_eq!(said("combined", &line.concat()), [is]);
    let line = b"{\"msec\":1,\"remote_addr\":\"192.0.2.1\",\"request\":\"GET /\xff HTTP/1.1\",\"status\":200}";
    assert_eq!(said("json", line), [r"1970-01-01T00:00:01.000000Z|192.0.2.1|-|-|GET|/\xff|-|200|-|-|-|-"]);
}

#[test]
fn w3c_of_iis_with_blanks_and_quotes() {
    let log = "#Software: Microsoft Internet Information Services 10.0\r\n\
        #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query cs-username c-ip cs(User-Agent) cs(Cookie) \
        cs(Referer) cs-host sc-status sc-bytes time-taken\r\n\
        2026-04-01 00:00:13 198.51.100.1 GET /a b=c ann 192.0.2.1 Agent/1.0+(x) \"d=\"\"e\"\"; f\" - example.com 200 27 16\r\n\
        2026-04-01 00:00:14 198.51.100.1 GET /a - - 192.0.2.1\r\n\
        #Fields: date time c-ip cs-method cs-uri-stem sc-status\r\n\
        2026-04-01 00:00:15.5 2001:db8::1 GET /g 404\r\n";
    assert_eq!(
        said("w3c", log.as_bytes()),
        [
            "Aside(Directive)",
            "Aside(Directive)",
            "2026-04-01T00:00:13.000000Z|192.0.2.1|example.com|ann|GET|/a|b=c|200|27|-|Agent/1.0+(x)|16000",
            "Malformed(Columns)",
            "Aside(Directive)",
            "2026-04-01T00:00:15.500000Z|2001:db8::1|-|-|GET|/g|-|404|-|-|-|-",
        ]
    );
    assert_eq!(Format::detect(log.as_bytes()), Some(Format::W3c));
    assert_eq!(said("w3c", b"2026-04-01 00:00:13 GET"), ["Malformed(NoFields)"]);
}

#[test]
fn w3c_of_cloudfront_with_tabs() {
    let log = "#Version: 1.0\n#Fields: date time sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
        cs(User-Agent) cs-uri-query x-host-header time-taken\n\
        2026-05-23\t01:13:11\t182\t192.0.2.1\tGET\td1.cloudfront.example\t/a\t200\thttps://example.com/\tAgent%201\t-\texample.com\t0.001\n\
        2026-05-23\t01:13:12\t0\t192.0.2.1\tGET\td1.cloudfront.example\t/a\t000\t-\t-\tb\t-\t0.250\n";
    assert_eq!(
        said("w3c", log.as_bytes())[2..],
        [
            "2026-05-23T01:13:11.000000Z|192.0.2.1|example.com|-|GET|/a|-|200|182|https://example.com/|Agent%201|1000",
            "2026-05-23T01:13:12.000000Z|192.0.2.1|d1.cloudfront.example|-|GET|/a|b|0|0|-|-|250000",
        ]
    );
}

#[test]
fn json_of_nginx_caddy_and_traefik() {
    let nginx = r#"{"ip": "192.0.2.1","host": "example.com:8080","path": "/a?b=\u0063","status": "200","referrer": "","user_agent": "Agent \"1\"","length": 192,"generation_time_milli": 0.008,"date": "2026-10-10T16:52:00+02:00"}"#;
    let caddy = r#"{"level":"info","ts":1767225600.8155608,"request":{"remote_ip":"198.51.100.1","client_ip":"192.0.2.1","method":"GET","host":"example.com","uri":"/a?b","headers":{"User-Agent":["Agent/1","x"],"Referer":["https://example.com/"]},"tls":{"server_name":"x"}},"user_id":"ann","duration":0.001335486,"size":3609,"status":200,"resp_headers":{"Status":["x"]}}"#;
    let traefik = r#"{"ClientAddr":"192.0.2.9:1","ClientHost":"192.0.2.1","ClientUsername":"-","request_User-Agent":"Agent/1","DownstreamContentSize":15,"DownstreamStatus":"200","Duration":10002425284,"OriginStatus":504,"RequestHost":"example.com","RequestMethod":"GET","RequestPath":"/a?b","StartUTC":"2026-08-11T11:39:21.773360139Z","time":"2026-08-11T11:41:25"}"#;
    let log = [nginx, caddy, traefik, r#"{"status":1}"#, "{", r#"{"ts":1} x"#].join("\n");
    assert_eq!(
        said("json", log.as_bytes()),
        [
            r#"2026-10-10T14:52:00.000000Z|192.0.2.1|example.com|-||/a|b=c|200|192|-|Agent \"1\"|8"#,
            "2026-01-01T00:00:00.815560Z|192.0.2.1|example.com|ann|GET|/a|b|200|3609|https://example.com/|Agent/1|1335",
            "2026-08-11T11:39:21.773360Z|192.0.2.1|example.com|-|GET|/a|b|200|15|-|Agent/1|10002425",
            "Malformed(Time)",
            "Malformed(Json)",
            "Malformed(Json)",
        ]
    );
    assert_eq!(Format::detect(log.as_bytes()), Some(Format::Json));
}

#[test]
fn load_balancers_of_aws() {
    let rest = r#"lb 192.0.2.1:2817 198.51.100.1:80 0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.com:443/a?b HTTP/1.1" "Agent/1" - -"#;
    let time = "2026-05-13T23:39:43.945958Z";
    let tcp = format!(r#"{time} lb 192.0.2.1:2817 198.51.100.1:80 0.001 -1 -1 - - 82 305 "- - - " "-" - -"#);
    let is = format!("{time}|192.0.2.1|www.example.com|-|GET|/a|b|200|57|-|Agent/1|2471");
    let elb = format!("{time} {rest}\n# x\n{tcp}");
    assert_eq!(said("elb", elb.as_bytes()), [is.as_str(), "Aside(Comment)", "Aside(NoRequest)"]);
    let alb = format!("h2 {time} {rest} \"arn\"");
    assert_eq!(said("alb", alb.as_bytes()), [is.as_str()]);
    assert_eq!(Format::detect(elb.as_bytes()), Some(Format::Elb));
    assert_eq!(Format::detect(alb.as_bytes()), Some(Format::Alb));
}

#[test]
fn an_nginx_format_of_ones_own_reads_the_combined_one_too() {
    let format = r#"nginx:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    let line = format!("{COMMON}{TAIL}");
    assert_eq!(said(format, line.as_bytes()), said("combined", line.as_bytes()));
}

#[test]
fn what_looks_like_nothing_is_not_guessed() {
    for sample in [&b""[..], b"hello\nworld\n", b"\x00\xff", b"{}\n", b"#Fields: date\n"] {
        assert_eq!(Format::detect(sample), None);
    }
}

#[test]
fn a_log_that_grows_has_an_unfinished_line_and_goes_on_after_a_restart() {
    let log = b"\xef\xbb\xbf#Fields: date time c-ip cs-uri-stem sc-status\n2026-01-01 00:00:00 192.0.2.1 /a 200\n2026-01-01 00:";
    let mut reader = Reader::of(Format::W3c);
    let mut lines = 0;
    reader.push(log, |_, line| lines += usize::from(!matches!(line, Line::Malformed(_))));
    let left = reader.finish(End::Growing, |_, _| unreachable!()).unwrap();
    assert_eq!((lines, left.bytes, left.offset), (2, 14, reader.state().offset));
    let state = serde_json::from_str(&serde_json::to_string(&reader.state()).unwrap()).unwrap();
    let mut reader = Reader::resume(Format::W3c, state);
    let mut said = Vec::new();
    reader.push(b"2026-01-01 00:00:01 192.0.2.1 /b 200\n", |offset, line| said.push((offset, show(line))));
    assert_eq!(said, [(left.offset, "2026-01-01T00:00:01.000000Z|192.0.2.1|-|-||/b|-|200|-|-|-|-".to_owned())]);
    assert_eq!(reader.parse_at(0, b""), Line::Aside(Aside::Blank));
}
