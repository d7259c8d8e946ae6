//! Every event kind ever released has a golden file, `golden/events/{kind}.json`, which this code decodes, and – for
//! the schemas that it still writes – encodes again to the same bytes. `KIPPU_BLESS=1` writes files that are missing;
//! a file that exists is never changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Once;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::access::clients::Client;
use crate::event::{AnyEvent, BodyWriter, Cause, EventId, Mac, Place, read_body};
use crate::log::LogId;
use crate::principal::ReactionName;
use crate::{EntityId, EntityKey, Family, Principal, Time};

type Sample = (EntityKey, Box<dyn AnyEvent>);

fn id(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

/// The samples of every family, each family's of one entity.
fn samples() -> Vec<Sample> {
    let of = |family: Family| {
        let key = EntityKey { family, id: id(family.code()) };
        family.samples().into_iter().map(move |event| (key, event))
    };
    Family::ALL.into_iter().flat_map(of).collect()
}

fn encode(event: &dyn AnyEvent, key: EntityKey) -> Vec<u8> {
    caused(&Cause::new(Mac([3; 16]), Mac([5; 16]), Principal::Client(id(6))), event, key)
}

fn caused(cause: &Cause, event: &dyn AnyEvent, key: EntityKey) -> Vec<u8> {
    let time = Time::from_micros(1_795_253_400_000_000);
    let place = Place { log: &LogId([0xa5; 16]), partition: 3, number: 17, time, cause };
    let mut body = BodyWriter::new(place);
    body.push(key, 1, event);
    body.finish()
}

/// The folder of golden files. With `KIPPU_BLESS=1`, those that are missing are written first.
fn folder() -> PathBuf {
    static BLESSED: Once = Once::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/events");
    BLESSED.call_once(|| {
        for (key, event) in samples().into_iter().filter(|_| std::env::var_os("KIPPU_BLESS").is_some()) {
            let bytes = encode(&*event, key);
            let written = &read_body(&bytes).unwrap()[0];
            let path = folder.join(format!("{}.{}.json", written.kind, written.schema));
            if !path.exists() {
                std::fs::write(&path, &bytes).unwrap();
            }
        }
    });
    folder
}

/// The kinds that the families' schemas name.
fn kinds() -> BTreeSet<String> {
    fn collect(value: &serde_json::Value, kinds: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(members) => {
                if let Some(kind) = members.get("properties").and_then(|p| p.get("type")).and_then(|t| t.get("const")) {
                    kinds.extend(kind.as_str().map(str::to_owned));
                }
                members.values().for_each(|value| collect(value, kinds));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|value| collect(value, kinds)),
            _ => {}
        }
    }
    let mut kinds = BTreeSet::new();
    for family in Family::ALL {
        collect(family.event_schema().as_value(), &mut kinds);
    }
    kinds
}

fn golden(kind: &str, schema: u32) -> PathBuf {
    folder().join(format!("{kind}.{schema}.json"))
}

/// Shows F37.
#[test]
fn every_event_kind_has_a_golden_file_that_this_code_writes_byte_for_byte() {
    let mut sampled = BTreeSet::new();
    for (key, event) in samples() {
        let bytes = encode(&*event, key);
        let (kind, schema) = (read_body(&bytes).unwrap()[0].kind.to_owned(), read_body(&bytes).unwrap()[0].schema);
        // What can happen again has its first sample in the file.
        if sampled.contains(&kind) {
            continue;
        }
        let path = golden(&kind, schema);
        if std::env::var_os("KIPPU_BLESS").is_some() && !path.exists() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let stored = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(String::from_utf8(stored).unwrap(), String::from_utf8(bytes).unwrap(), "{kind}");
        sampled.insert(kind);
    }
    assert_eq!(sampled, kinds(), "every kind has a sample here");
}

/// Keeps E1.
#[test]
fn a_state_that_is_laid_out_or_folded_otherwise_has_another_revision() {
    for family in Family::ALL {
        let (samples, mut digest) = (family.samples(), Sha256::new());
        let mut fold = |events: &[usize]| {
            let mut state = family.fresh();
            for which in events {
                samples[*which].evolve(&mut *state, Time::from_micros(1_795_253_400_000_000));
                digest.update(state.encode());
            }
        };
        // All of them in order, and from every beginning each event: what comes late in a life is met in time, too.
        let all: Vec<usize> = (0..samples.len()).collect();
        fold(&all);
        for length in 0..all.len() {
            for next in &all {
                fold(&[&all[..length], &[*next]].concat());
            }
        }
        let found = HEXLOWER.encode(&digest.finalize());
        let path = folder().join(format!("../states/{}.{}", family.name(), family.revision()));
        if std::env::var_os("KIPPU_BLESS").is_some() && !path.exists() {
            std::fs::write(&path, &found).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        let name = family.name();
        assert_eq!(stored, found, "states of {name} are not what they were: raise their REVISION, and KIPPU_BLESS=1");
    }
}

/// The members of `data` that the documentation of the log has of a kind, and whether each is always there. A row may be
/// of several kinds, whose members `·` parts.
fn documented(kind: &str) -> Option<BTreeMap<&'static str, bool>> {
    let page = include_str!("../../docs/log-format.md");
    let cells = |row: &'static str| row.split('|').map(str::trim).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(cells);
    let mut of_kind = rows.filter_map(|row| {
        let (kinds, members) = (row.get(1)?, row.get(2)?);
        let at = kinds.split(" · ").position(|name| name.trim_matches('`') == kind)?;
        let members: Vec<_> = members.split(" · ").collect();
        // One group is that of all of them.
        members.get(if members.len() == 1 { 0 } else { at }).copied()
    });
    let names = of_kind.next()?.split('`').skip(1).collect::<Vec<_>>();
    Some(names.chunks(2).map(|pair| (pair[0], !pair.get(1).is_some_and(|after| after.starts_with('?')))).collect())
}

#[test]
fn the_documentation_of_the_log_has_the_members_of_every_event_kind() {
    for (key, event) in samples() {
        let stored = encode(&*event, key);
        for event in read_body(&stored).unwrap() {
            let kind = event.kind;
            let members = documented(kind).unwrap_or_else(|| panic!("docs/log-format.md does not name {kind}"));
            let data: BTreeMap<String, serde_json::Value> = serde_json::from_str(event.data).unwrap();
            let unknown: Vec<_> = data.keys().filter(|name| !members.contains_key(name.as_str())).collect();
            let lacking: Vec<_> =
                members.iter().filter(|(name, always)| **always && !data.contains_key(**name)).collect();
            assert!(unknown.is_empty() && lacking.is_empty(), "{kind}: not told {unknown:?}, not there {lacking:?}");
        }
    }
}

/// Shows F37.
#[test]
fn every_golden_file_is_decoded_by_this_code() {
    let mut files = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for event in read_body(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
            let mut state = event.entity.family.fresh();
            let decoded = state.evolve_stored(event.kind, event.schema, event.data, event.time);
            assert!(decoded.is_ok(), "{}: {decoded:?}", path.display());
            assert_eq!(golden(event.kind, event.schema), path);
        }
        files += 1;
    }
    assert!(files >= kinds().len(), "a kind has no file: KIPPU_BLESS=1 writes what is sampled");
}

/// Shows F8.
#[test]
fn every_golden_file_is_a_valid_batch_of_cloud_events_1_0() {
    for file in std::fs::read_dir(folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let batch: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for event in batch.as_array().unwrap() {
            let members = event.as_object().unwrap();
            for required in ["id", "source", "specversion", "type"] {
                assert!(members[required].as_str().is_some_and(|text| !text.is_empty()), "{required}");
            }
            assert_eq!(members["specversion"], "1.0");
            assert!(members["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
            for name in members.keys() {
                let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
                assert!(plain && name.len() <= 20, "attribute {name}");
            }
        }
    }
}

#[test]
fn events_that_nobody_wrote_are_refused_by_name() {
    let (key, event) = samples().remove(0);
    let text = String::from_utf8(encode(&*event, key)).unwrap();
    for (from, to, finding) in [
        (r#""specversion":"1.0""#, r#""specversion":"0.3""#, "specversion"),
        ("urn:kippu:", "urn:other:", "source"),
        ("3-17.0", "3-017.0", "id is not"),
        ("clients/aeaq", "guests/aeaq", "subject"),
        ("2026-11", "2026-31", "time"),
        (r#""principal":"clients/"#, r#""principal":"nobody/"#, "principal"),
        (r#""entityversion":1"#, r#""entityversion":-1"#, "batch"),
        (r#""specversion""#, r#""extra":1,"specversion""#, "attributes that this version of kippu does not know"),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        let error = read_body(text.replacen(from, to, 1).as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(finding), "{error}");
    }
    for (from, to, finding) in [
        ("client.opened", "client.opening", "client.opening"),
        (r#""role":"terminal""#, r#""role":"king""#, "data does not fit client.opened"),
        (r#""schemaversion":1"#, r#""schemaversion":2"#, "schemaversion"),
    ] {
        let changed = text.replacen(from, to, 1);
        let event = read_body(changed.as_bytes()).unwrap().remove(0);
        let error = event.decode::<Client>().unwrap_err().to_string();
        assert!(error.contains(finding), "{error}");
    }
}

/// Every kind of principal, with and without what a command follows from.
fn causes() -> Vec<(&'static str, Cause)> {
    let reaction = ReactionName::new("approvals-settled").map(Principal::Reaction).unwrap();
    let principals = [
        ("client", Principal::Client(id(6))),
        ("user", Principal::User(id(6))),
        ("peer", Principal::Peer(id(6))),
        ("operator", Principal::Operator),
        ("deadline", Principal::Deadline),
        ("reaction", reaction),
    ];
    let caused = |(name, principal)| {
        let mut cause = Cause::new(Mac([3; 16]), Mac([5; 16]), principal);
        if name == "reaction" {
            cause.causation = Some(EventId { partition: 9, number: 4, index: 1 });
        }
        if matches!(name, "reaction" | "deadline") {
            cause.correlation = Some(Mac([7; 16]));
        }
        (name, cause)
    };
    principals.map(caused).to_vec()
}

/// Shows F37.
#[test]
fn every_cause_has_a_golden_file_that_this_code_writes_byte_for_byte_and_reads() {
    let (key, event) = samples().remove(0);
    for (name, cause) in causes() {
        let written = caused(&cause, &*event, key);
        let path = folder().join(format!("../causes/{name}.json"));
        if std::env::var_os("KIPPU_BLESS").is_some() && !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &written).unwrap();
        }
        let stored = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(String::from_utf8(stored.clone()).unwrap(), String::from_utf8(written).unwrap(), "{name}");
        assert_eq!(read_body(&stored).unwrap()[0].cause, cause, "{name}");
    }
}

#[test]
fn a_body_that_is_spelt_in_another_way_than_it_is_written_is_none() {
    let (key, event) = samples().remove(0);
    for (_, cause) in causes() {
        let text = String::from_utf8(caused(&cause, &*event, key)).unwrap();
        for (from, to) in [
            (r#","time""#, r#", "time""#),
            (r#""entityversion":1"#, r#""entityversion":1.0"#),
            (r#""principal":""#, r#""causation":null,"principal":""#),
            (r#""command":""#, r#""\u0063ommand":""#),
            ("[{", "[ {"),
            ("}]", "}]\n"),
        ] {
            assert!(text.contains(from), "{from} is not in {text}");
            let changed = text.replacen(from, to, 1);
            assert!(read_body(changed.as_bytes()).is_err(), "{changed}");
        }
    }
}
