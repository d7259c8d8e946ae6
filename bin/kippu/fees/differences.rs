//! Where two statements of a fee differ.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Something that one statement says otherwise than the other.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// What it is about.
    pub(super) what: String,
    /// As the file has it.
    pub(super) theirs: Option<String>,
    /// As the node computes it.
    pub(super) ours: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: theirs {}, ours {}", self.what, side(&self.theirs), side(&self.ours))
    }
}

/// Where two statements differ: by page and day first, since everything else follows from that.
pub(super) fn differences(theirs: &Value, ours: &Value) -> Vec<Difference> {
    let (theirs, ours) = (entries(theirs), entries(ours));
    let mut found = Vec::new();
    for what in theirs.keys().chain(ours.keys().filter(|what| !theirs.contains_key(*what))) {
        let (of_theirs, of_ours) = (theirs.get(what), ours.get(what));
        if of_theirs != of_ours {
            let what = what.1.clone();
            found.push(Difference { what, theirs: of_theirs.cloned(), ours: of_ours.cloned() });
        }
    }
    found
}

/// What a statement says, by what it is about, in the order in which it is told.
fn entries(statement: &Value) -> BTreeMap<(u8, String), String> {
    let mut entries = BTreeMap::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut add = |rank: u8, what: String, value: &Value| drop(entries.insert((rank, what), value.to_string()));
    for stretch in list(&statement["stretches"]) {
        let terms = &stretch["terms"];
        for page in list(&stretch["pages"]) {
            let [day, name, class] = ["day", "page", "class"].map(|name| page[name].as_str().unwrap_or_default());
            add(0, format!("{day} {name} {class} accesses (terms {terms})"), &page["accesses"]);
            add(1, format!("{day} {name} {class} bytes (terms {terms})"), &page["bytes"]);
        }
        for name in ["lines", "visits", "visitors", "excluded"] {
            add(2, format!("{name} (terms {terms})"), &stretch[name]);
        }
    }
    for line in list(&statement["fee"]["lines"]) {
        let (rule, part) = (line["rule"].as_str().unwrap_or_default(), &line["part"]);
        add(3, format!("line {rule} (part {part})"), &line["amount"]);
    }
    add(4, "total".to_owned(), &statement["fee"]["total"]);
    for name in ["conflicting", "conflicts", "gaps", "main", "partner", "time_zone"] {
        add(5, name.to_owned(), &statement[name]);
    }
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(accesses: u64, amount: i64) -> Value {
        json!({
            "stretches": [{ "terms": 1, "pages": [{ "day": "2026-11-03", "page": "/a", "class": "tie_up", "accesses": accesses, "bytes": 9 }] }],
            "fee": { "lines": [{ "rule": "ratio", "part": 0, "amount": amount }], "total": amount },
        })
    }

    #[test]
    fn what_differs_is_told_by_page_and_day_and_then_by_line() {
        assert_eq!(differences(&statement(3, 100), &statement(3, 100)), []);
        let told: Vec<String> =
            differences(&statement(3, 100), &statement(2, 90)).iter().map(ToString::to_string).collect();
        let first = "2026-11-03 /a tie_up accesses (terms 1): theirs 3, ours 2";
        assert_eq!(told, [first, "line ratio (part 0): theirs 100, ours 90", "total: theirs 100, ours 90"]);
    }

    #[test]
    fn what_one_statement_alone_has_differs() {
        let none = json!({ "stretches": [], "fee": { "lines": [], "total": 0 } });
        assert!(differences(&statement(3, 0), &none).iter().any(|it| it.ours.is_none()));
        assert!(differences(&none, &statement(3, 0)).iter().any(|it| it.theirs.is_none()));
    }
}
