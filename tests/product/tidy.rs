//! The lines that the code keeps, checked by reading it: who may name whom, how files begin and how long they get, what
//! tests may not do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Past this, two things share a file.
const MOST_LINES: usize = 400;
/// Where time is waited for: for other processes, and where the product is told to come again.
const WAITS: [&str; 13] = [
    "actors/src/activities/scheduler.rs",
    "actors/src/reactions/runner.rs",
    "bin/kippu-client/retry.rs",
    "bin/kippu/bench/",
    "bin/kippu/import/drive.rs",
    "bin/kippu/log/copy.rs",
    "bin/kippu/node/forgetting.rs",
    "bin/kippu/replay/verify/watch.rs",
    "bin/kippu/server/pace.rs",
    "bin/kippu/server/refusals.rs",
    "events/src/log/kafka/topic.rs",
    "examples/purchases/",
    "tests/product/fixture/waiting.rs",
];
/// Who may need whom: the arrows of ARCHITECTURE.md.
const ARROWS: [(&str, &[&str]); 5] = [
    ("kippu-events", &[]),
    ("kippu-actors", &["kippu-events"]),
    ("kippu-projections", &["kippu-events"]),
    ("kippu-replay", &["kippu-events", "kippu-projections"]),
    ("kippu", &["kippu-events", "kippu-actors", "kippu-projections", "kippu-replay"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of ours, by its path from the root.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut sources = BTreeMap::new();
    for folder in ["events", "actors", "projections", "replay", "bin", "tests", "examples"] {
        walk(&root().join(folder), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").to_owned();
                sources.insert(name, std::fs::read_to_string(path).expect("sources are UTF-8"));
            }
        });
    }
    assert!(sources.len() > 50, "the sources were found");
    sources
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("folders can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}

/// The lines of code that name `word`, comments left out.
fn naming<'a>(source: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    source.lines().filter(|line| !line.trim_start().starts_with("//")).filter(move |line| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back().is_some_and(is_word);
            let after = line[at + word.len()..].chars().next().is_some_and(is_word);
            !before && !after
        })
    })
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn arrows_between_crates_point_one_way() {
    let mut found = Vec::new();
    for (name, may) in ARROWS {
        let folder = name.strip_prefix("kippu-").unwrap_or(".");
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("every crate has a manifest");
        let manifest: toml::Table = text.parse().expect("manifests are TOML");
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let ours = manifest.get(table).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
            let wrong = ours.filter(|needs| needs.starts_with("kippu") && !may.contains(&needs.as_str()));
            found.extend(wrong.map(|needs| format!("{name} must not need {needs}")));
        }
    }
    assert_none(&found);
}

#[test]
fn clients_are_made_in_one_place_where_no_environment_leads_them_astray() {
    let made = ["Client::builder", "reqwest::Client::new", "ClientBuilder::new", "reqwest::get"];
    let found = sources().into_iter().filter(|(path, source)| {
        let may = ["bin/kippu-client/lib.rs", "tests/product/tidy.rs"].iter().any(|place| path.ends_with(place));
        !may && made.iter().any(|made| source.contains(made))
    });
    assert_none(&found.map(|(path, _)| format!("{} makes an HTTP client", path.display())).collect::<Vec<_>>());
}

#[test]
fn modules_of_a_crate_need_each_other_one_way_only() {
    let sources = sources();
    let tests = |source: &String| -> Vec<String> {
        let declared = source.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
            let line = rest.lines().next().unwrap_or_default().trim_start_matches("pub(crate) ");
            line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
        });
        declared.collect()
    };
    let tests: BTreeSet<String> = sources.values().flat_map(tests).collect();
    let (mut found, mut uses) = (Vec::new(), 0);
    for folder in
        ["events/src", "actors/src", "projections/src", "replay/src", "bin/kippu", "bin/kippu-client", "bin/kippu-user"]
    {
        let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, source) in &sources {
            let Ok(within) = path.strip_prefix(folder) else { continue };
            let module = within.iter().next().and_then(|first| Path::new(first).file_stem()?.to_str()).expect("a name");
            let is_of_tests = |part: &std::ffi::OsStr| {
                Path::new(part).file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| tests.contains(stem))
            };
            if module == "lib" || module == "main" || within.iter().any(is_of_tests) {
                continue;
            }
            let code = source.split_once("#[cfg(test)]\nmod tests {").map_or(source.as_str(), |(code, _)| code);
            let named = naming(code, "crate").flat_map(|line| line.split("crate::").skip(1));
            let name = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
            needs.entry(module.to_owned()).or_default().extend(named.filter_map(name).filter(|name| name != module));
        }
        uses += needs.values().map(BTreeSet::len).sum::<usize>();
        // Who needs nobody who is left is in no circle.
        while let Some(free) = needs.keys().find(|it| needs[*it].iter().all(|n| !needs.contains_key(n))).cloned() {
            needs.remove(&free);
        }
        found.extend(needs.keys().map(|module| format!("{folder}: {module} is in a circle, or needs one")));
    }
    assert!(uses > 100, "uses were found: {uses}");
    assert_none(&found);
}

#[test]
fn what_is_wrapped_is_named_only_by_its_wrapper() {
    type Allowed = fn(&str) -> bool;
    // The client library is what a program without our crates could have, and buyers have such a program.
    let may_name_ours: Allowed =
        |path| !["bin/kippu-client/", "bin/kippu-user/"].iter().any(|place| path.starts_with(place));
    let ours = ["kippu_events", "kippu_actors", "kippu_projections", "kippu_replay"].map(|it| (it, may_name_ours));
    let wrapped: [(&str, Allowed); 5] = [
        ("actix", |path| path.starts_with("actors/src/runtime/") || path.starts_with("actors/tests/")),
        ("rocksdb", |path| {
            path.starts_with("events/src/log/rocks/")
                // The backend's name in the list of backends.
                || path == "events/src/log/backends.rs"
                || path == "events/src/secrets/persons.rs"
                || path == "events/src/secrets/forgetting.rs"
                || path == "events/src/secrets/transfer.rs"
                || path == "events/src/secrets/copy.rs"
                || path == "events/src/secrets/secondary.rs"
                || path.starts_with("actors/src/runtime/entity_store")
                || path.starts_with("projections/src/view_store")
                // What the machine can do is measured, and what a store may suffer is done to it, without the wrapper.
                || path.starts_with("bin/kippu/bench/")
                || path == "tests/product/stores.rs"
        }),
        ("rdkafka", |path| {
            path.starts_with("events/src/log/kafka/")
                || ["bin/kippu/bench/broker.rs", "tests/product/topics/admin.rs"].contains(&path)
        }),
        ("object_store", |path| path.starts_with("events/src/blobs/")),
        ("actix_web", |path| path.ends_with("/http.rs") || path.starts_with("bin/")),
    ];
    let mut found = Vec::new();
    for (path, source) in sources() {
        let path = path.to_str().expect("paths of ours are UTF-8");
        for (word, may) in wrapped.into_iter().chain(ours) {
            if path != "tests/product/tidy.rs" && !may(path) {
                found.extend(naming(&source, word).map(|line| format!("{path} names {word}: {}", line.trim())));
            }
        }
    }
    assert_none(&found);
}

#[test]
fn every_file_opens_with_what_it_is_for_and_stays_small() {
    let mut found = Vec::new();
    for (path, source) in sources() {
        let first = source.lines().next().unwrap_or_default();
        if !(first.starts_with("//! ") && first.len() > 15) {
            found.push(format!("{} does not open with what it is for", path.display()));
        }
        if source.lines().count() > MOST_LINES {
            found.push(format!("{} has {} lines", path.display(), source.lines().count()));
        }
    }
    assert_none(&found);
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_skipped() {
    // Put together, so that this file does not hold what it looks for.
    let marks = [["to", "do!("], ["unimple", "mented!("], ["#[ign", "ore"], ["FIX", "ME"], ["not built", " yet"]];
    let mut found = Vec::new();
    for (path, source) in sources() {
        for mark in marks.map(|parts| parts.concat()) {
            let lines = source.lines().filter(|line| line.contains(&mark));
            found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    assert_none(&found);
}

#[test]
fn no_test_sleeps() {
    let waits = [["sl", "eep"], ["sl", "eep_until"], ["park", "_timeout"]].map(|parts| parts.concat());
    let mut found = Vec::new();
    for (path, source) in sources() {
        let path = path.to_str().expect("paths of ours are UTF-8");
        let may = WAITS.iter().any(|place| path.starts_with(place));
        let scanned = if may { source.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests) } else { &source };
        for wait in &waits {
            found.extend(naming(scanned, wait).map(|line| format!("{path}: {}", line.trim())));
        }
    }
    assert_none(&found);
}

#[test]
fn tests_name_rows_and_invariants_that_there_are() {
    let output = std::process::Command::new("sh").arg("tests/scripts/rows.sh").current_dir(root()).output();
    let output = output.expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("the script writes UTF-8");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("rows: ") && line.ends_with(" of 304")), "{text}");
}

#[test]
fn the_map_names_files_that_there_are() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("there is a map");
    let mut found = Vec::new();
    for path in map.split('`').skip(1).step_by(2) {
        let looks_like_a_path = path.contains('/') && !path.contains(['{', '*', ' ', '<', ':']);
        if looks_like_a_path
            && ["events/", "actors/", "projections/", "replay/", "bin/", "tests/", "docs/"]
                .iter()
                .any(|f| path.starts_with(f))
            && !root().join(path).exists()
        {
            found.push(format!("ARCHITECTURE.md names {path}, which is not there"));
        }
    }
    assert_none(&found);
}
