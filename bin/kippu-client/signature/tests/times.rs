//! Clocks: when a signature counts, and what is said where it does not.

use super::*;
use crate::signature::request::{MOST_LIFETIME_S, SKEW_S};

fn checked(created: &str, expires: &str) -> Result<(), Refused> {
    let input = format!(
        r#"("@method" "@path" "@query" "kippu-audience");created={created};expires={expires};keyid="{SHOP}.k""#
    );
    let values =
        [("\"@method\"", "GET"), ("\"@path\"", "/v1/approvals"), ("\"@query\"", "?"), ("\"kippu-audience\"", BANK)];
    Sent::query().written(&input, "sig1", &key(1), &values).checked(&key(1))
}

#[test]
fn a_signature_counts_for_five_minutes_at_most_and_clocks_may_differ_by_one() {
    let at = |created: i64, expires: i64| checked(&(NOW + created).to_string(), &(NOW + expires).to_string());
    for (created, expires) in
        [(0, 0), (0, 60), (0, MOST_LIFETIME_S), (SKEW_S, SKEW_S + 60), (-60, 0), (-360, -60), (-60, -SKEW_S)]
    {
        assert_eq!(at(created, expires), Ok(()), "{created} {expires}");
    }
    let late = |expires| Err(Refused::Late { expires: NOW + expires, now: NOW });
    assert_eq!(at(-120, -SKEW_S - 1), late(-61));
    assert_eq!(at(-660, -600), late(-600));
    assert_eq!(at(SKEW_S + 1, 100), Err(Refused::Early { created: NOW + 61, now: NOW }));
    let lifetime = |seconds| Err(Refused::Lifetime { seconds, most: MOST_LIFETIME_S });
    assert_eq!(at(0, MOST_LIFETIME_S + 1), lifetime(301));
    assert_eq!(at(0, -1), lifetime(-1));
}

#[test]
fn times_without_measure_are_refused_without_harm() {
    let most = "999999999999999";
    let huge = 999_999_999_999_999_i64;
    assert_eq!(checked(most, most), Err(Refused::Early { created: huge, now: NOW }));
    assert_eq!(checked("-1", "-1"), Err(Refused::Late { expires: -1, now: NOW }));
    assert!(matches!(checked(&format!("-{most}"), most), Err(Refused::Lifetime { .. })));
    assert!(matches!(checked(most, &format!("-{most}")), Err(Refused::Lifetime { .. })));
    for none in ["1795254300.0", "\"1795254300\"", "?1", "@1795254300", "x", "9999999999999999", "--1"] {
        assert!(matches!(checked(none, "1795254300"), Err(Refused::Time("created") | Refused::Malformed(_))), "{none}");
        assert!(matches!(checked("1795254300", none), Err(Refused::Time("expires") | Refused::Malformed(_))), "{none}");
    }
    // Those of a clock that shows no time.
    let sent = Sent::query().signed_by(&signer(SHOP, &key(1)));
    for now in [i64::MIN, 0, i64::MAX] {
        assert!(!sent.parse(Here { party: BANK, now }).unwrap_err().to_string().is_empty());
        let signed = Sent::query().as_request(|request| request::sign(request, &signer(SHOP, &key(1)), now));
        assert_eq!(signed.is_ok(), now == 0);
    }
}

#[test]
fn without_its_times_a_signature_does_not_count() {
    let input = |times: &str| format!("kippu=(\"@method\");keyid=\"{SHOP}.k\"{times}");
    let signed = Sent::query().signed_by(&signer(SHOP, &key(1)));
    let with = |times: &str| signed.clone().set(SIGNATURE_INPUT, &input(times)).checked(&key(1));
    assert_eq!(with(""), Err(Refused::Time("created")));
    assert_eq!(with(";created=1"), Err(Refused::Time("expires")));
    assert_eq!(with(";expires=1"), Err(Refused::Time("created")));
}

#[test]
fn clocks_ten_minutes_apart_are_said() {
    let sent = Sent::query().signed_by(&signer(SHOP, &key(1)));
    let said = |now: i64| sent.parse(Here { party: BANK, now }).unwrap_err().to_string();
    assert_eq!(
        said(NOW + 600),
        "the clocks of the two parties differ, or the request is an old one: its signature counted until 2026-11-21T09:46:00Z by its signer's \
         clock, and it came at 2026-11-21T09:55:00Z by the clock of whom it asks"
    );
    assert_eq!(
        said(NOW - 600),
        "the clocks of the two parties differ by 600 s: the request was signed at 2026-11-21T09:45:00Z by its signer's clock, and came at \
         2026-11-21T09:35:00Z by the clock of whom it asks"
    );
}
