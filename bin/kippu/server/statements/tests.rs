//! Every form of a statement has the same figures, and nothing in one is taken for something else.

use actix_web::test::TestRequest;
use kippu_events::log::Cut;
use kippu_events::money::Minor;
use kippu_events::{EntityId, Time};
use kippu_projections::QueryError;
use kippu_projections::approvals::books::{Account, Found, Line, Period, Side, Statement, What};

use super::*;

/// Documents that `tests/strangers/statements.py` holds against the schema of ISO 20022.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strangers/statements");

fn id(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

/// A statement of `account` with lines of these amounts, which are debits where they are negative.
fn found(account: &str, period: &str, opening: i64, lines: &[(i64, What, Option<&str>)]) -> Found {
    let account: Account = account.parse().unwrap();
    let period: Period = period.parse().unwrap();
    let mut statement = Statement {
        account: account.to_string(),
        category: account.category(),
        closing: opening,
        credit: 0,
        currency: account.currency(),
        debit: 0,
        lines: Vec::new(),
        opening,
        owner: account.owner(),
        owner_kind: account.owner_kind(),
        period: period.to_string(),
    };
    for (n, (amount, what, note)) in (0_i64..).zip(lines) {
        let at = Time::from_micros(period.from().micros() + (n + 1) * 3_600_123_456);
        let side = if *amount < 0 { Side::Debit } else { Side::Credit };
        statement.closing -= amount;
        match side {
            Side::Debit => statement.debit += amount.unsigned_abs(),
            Side::Credit => statement.credit += amount.unsigned_abs(),
        }
        statement.lines.push(Line {
            amount: Minor::new(amount.unsigned_abs()).unwrap(),
            at,
            balance: statement.closing,
            cause: format!("approvals/{}", id(40)),
            entry: format!("0-{n}.0"),
            note: note.map(str::to_owned),
            side,
            what: *what,
        });
    }
    Found { statement, account, period, cut: Cut(vec![17, 3]) }
}

fn of_settler() -> Found {
    let lines = [(1_250, What::Settlement, None), (99, What::Settlement, None), (-250, What::Refund, None)];
    found(&format!("settler.{}.settlements.EUR", id(1)), "2026-11-30", -5_000, &lines)
}

fn of_subscriber() -> Found {
    let lines = [
        (-1_990, What::Charge, Some("=HYPERLINK(\"http://x\"), <b>&\u{ffff}")),
        (-5, What::Charge, Some("-5+3")),
        (1_990, What::Refund, Some("plain")),
    ];
    found(&format!("subscriber.{}.line.JPY", id(2)), "2026-11", 0, &lines)
}

fn parsed(found: &Found) -> Vec<Vec<String>> {
    let bytes = csv::written(found).unwrap();
    assert!(
        bytes.ends_with(b"\r\n")
            && bytes.iter().filter(|byte| **byte == b'\n').count() == found.statement.lines.len() + 3
    );
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

/// Shows D43.
#[test]
fn csv_has_the_figures_of_the_statement() {
    let rows = parsed(&of_settler());
    let figures: Vec<Vec<&str>> = rows.iter().map(|row| [2, 5, 6, 7, 8, 9].map(|at| &*row[at]).to_vec()).collect();
    assert_eq!(
        figures,
        [
            ["what", "debit", "credit", "balance", "balance_side", "currency"],
            ["opening", "", "", "50.00", "credit", "EUR"],
            ["settlement", "", "12.50", "62.50", "credit", "EUR"],
            ["settlement", "", "0.99", "63.49", "credit", "EUR"],
            ["refund", "2.50", "", "60.99", "credit", "EUR"],
            ["closing", "2.50", "13.49", "60.99", "credit", "EUR"],
        ]
    );
    assert_eq!((&*rows[1][0], &*rows[5][0]), ("2026-11-30T00:00:00.000000Z", "2026-12-01T00:00:00.000000Z"));
    let yen = parsed(&of_subscriber());
    assert_eq!((&*yen[2][5], &*yen[2][7], &*yen[2][8]), ("1990", "1990", "debit"));
}

/// Shows D43.
#[test]
fn no_cell_of_csv_is_a_formula_and_every_cell_comes_back_as_it_was() {
    let rows = parsed(&of_subscriber());
    let notes: Vec<&str> = rows[2..5].iter().map(|row| &*row[4]).collect();
    assert_eq!(notes, ["'=HYPERLINK(\"http://x\"), <b>&\u{ffff}", "'-5+3", "plain"]);
    for found in [of_settler(), of_subscriber()] {
        let mut cells = parsed(&found).into_iter().flatten();
        assert!(cells.all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
    }
    for (content, expected) in [
        ("", ""),
        ("a", "a"),
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\ta", "'\ta"),
        ("\ra", "'\ra"),
    ] {
        assert_eq!(csv::no_formula(content), expected);
    }
}

/// Shows D43.
#[test]
fn the_page_has_the_figures_of_the_statement_escaped_and_no_script() {
    let text = page::written(&of_settler());
    for figure in ["50.00", "12.50", "62.50", "0.99", "63.49", "2.50", "13.49", "60.99"] {
        assert!(text.contains(&format!(">{figure}<")), "{figure} in {text}");
    }
    let text = page::written(&of_subscriber());
    assert!(text.contains("=HYPERLINK(&quot;http://x&quot;), &lt;b&gt;&amp;") && !text.contains("<b>"), "{text}");
    assert!(!text.contains("<script") && !text.contains("style="), "{text}");
}

/// Shows D43.
#[test]
fn bank_statements_are_the_documents_that_the_schema_was_held_against() {
    let now = "2026-12-02T10:00:00Z".parse().unwrap();
    let empty = found(&format!("settler.{}.settlements.BHD", id(1)), "2026-11-29", 0, &[]);
    let house = found("house.clearing.EUR", "2026-12-02", 100, &[(100, What::Settlement, None)]);
    for (name, found) in
        [("settler", of_settler()), ("subscriber", of_subscriber()), ("empty", empty), ("house", house)]
    {
        let written = camt::written(&found, id(9), now);
        let path = format!("{GOLDEN}/{name}.xml");
        if std::env::var_os("KIPPU_BLESS").is_some() && !std::path::Path::new(&path).exists() {
            std::fs::write(&path, &written).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), written, "{path}");
    }
}

/// Shows D43.
#[test]
fn a_bank_statement_of_a_day_that_is_not_over_closes_for_now() {
    let found = of_settler();
    let at = |now: &str| camt::written(&found, id(9), now.parse().unwrap());
    let (during, after) = (at("2026-11-30T23:59:59.999999Z"), at("2026-12-01T00:00:00Z"));
    assert!(during.contains("<Cd>ITBD</Cd>") && !during.contains("CLBD"));
    assert!(after.contains("<Cd>CLBD</Cd>") && !after.contains("ITBD"));
    let id = |text: &str| text.split("<MsgId>").nth(1).and_then(|rest| rest.split('<').next().map(str::to_owned));
    assert_eq!((id(&during), id(&during).map(|id| id.len())), (id(&after), Some(32)));
    let later = camt::written(
        &Found { cut: Cut(vec![18, 3]), ..found.clone() },
        self::id(9),
        "2026-12-01T00:00:00Z".parse().unwrap(),
    );
    assert_ne!(id(&later), id(&after), "another message");
}

#[test]
fn the_form_is_what_the_format_says_or_what_is_accepted() {
    let asked = |query: &str, accept: Option<&str>| {
        let request = TestRequest::with_uri(&format!("/v1/statements/a?{query}"));
        let request = accept.into_iter().fold(request, |request, accept| request.insert_header(("accept", accept)));
        Asked::of(&request.to_http_request())
    };
    for (query, accept, expected) in [
        ("month=2026-11", None, Form::Json),
        ("month=2026-11", Some("*/*"), Form::Json),
        ("month=2026-11", Some("text/csv"), Form::Csv),
        ("month=2026-11", Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html),
        ("day=2026-11-30", Some("application/xml"), Form::Camt),
        ("day=2026-11-30&format=camt.053", Some("text/html"), Form::Camt),
        ("format=csv&day=2026-11-30", None, Form::Csv),
    ] {
        assert_eq!(asked(query, accept).unwrap().form, expected, "{query} {accept:?}");
    }
    for query in [
        "",
        "format=json",
        "month=2026-11-30",
        "day=2026-11",
        "month=2026-11&day=2026-11-30",
        "month=2026-11&month=2026-11",
        "month=2026-11&format=pdf",
        "month=2026-11&limit=1",
    ] {
        assert!(matches!(asked(query, None), Err(QueryError::Parameter { .. })), "{query}");
    }
}
