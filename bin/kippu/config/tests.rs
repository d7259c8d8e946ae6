//! Tests of configuration: precedence, places, refusals.

use kippu_events::access::Role;

use super::*;

fn load(text: &str, flags: &Flags) -> Result<Config, ConfigError> {
    Config::from_text(Some(Path::new("kippu.toml")), text, flags, |_| Vec::new())
}

fn complaints(text: &str, flags: &Flags) -> Vec<String> {
    match load(text, flags) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(load("", &Flags::default()).unwrap(), Config::default());
}

/// Shows F33.
#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let text = "[http]\nworkers = 3\ndrain_secs = 7\n";
    let flags = Flags { workers: Some(5), ..Flags::default() };
    let config = load(text, &flags).unwrap();
    assert_eq!((config.http.workers, config.http.drain_secs), (5, 7));
    assert_eq!(config.http.keep_alive_secs, Http::default().keep_alive_secs);
}

/// Shows F33.
#[test]
fn a_flag_wins_over_its_environment_variable() {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }
    // The variable of this test is set for the process that cargo started, or for nobody: PATH always is.
    for (_, flag, variable) in Flags::ALL {
        let command = <Line as clap::CommandFactory>::command();
        let argument = command.get_arguments().find(|a| a.get_long() == flag.strip_prefix("--")).unwrap();
        assert_eq!(argument.get_env().and_then(|v| v.to_str()), Some(*variable));
    }
    let line = Line::parse_from(["kippu", "--workers", "4"]);
    assert_eq!(line.flags.workers, Some(4));
}

/// Settings without a flag: names that are not ours, and values that may be secrets, for which neither a command line
/// nor an environment is a place; and tables.
const IN_THE_FILE_ALONE: [&str; 3] = ["kafka.properties", "blobs.quota_bytes", "blobs.s3"];

/// Every setting in `table`, as `http.workers`.
fn settings_of(table: &toml::Table, before: &str) -> Vec<String> {
    let mut settings = Vec::new();
    for (key, value) in table {
        let name = format!("{before}{key}");
        match value.as_table() {
            Some(section) if !IN_THE_FILE_ALONE.contains(&name.as_str()) => {
                settings.extend(settings_of(section, &format!("{name}.")));
            }
            Some(_) | None => settings.push(name),
        }
    }
    settings
}

#[test]
fn every_setting_of_the_file_has_a_flag() {
    let log = Some("kafka://a:1/b".to_owned());
    let all = Config { data: Some("/d".into()), log, ..Config::default() };
    let all = Config { node: Node { url: Some("http://n".into()), ..all.node.clone() }, ..all };
    let properties = Properties([("client.rack".to_owned(), "here".to_owned())].into());
    let all = Config { kafka: Kafka { properties, ..all.kafka.clone() }, ..all };
    let tls = ServerTls { certificate: Some("/c".into()), key: Some("/k".into()) };
    let all = Config {
        http: Http { tls, evidence_dir: Some("/e".into()), ..all.http.clone() },
        tls: ClientTls { roots: Some("/r".into()) },
        ..all
    };
    let s3 = Some(S3 { bucket: "b".to_owned(), ..S3::default() });
    let blobs = Blobs { dir: Some("/b".into()), quota_bytes: [(Role::Shop, 1)].into(), s3, ..Blobs::default() };
    let all = Config { blobs, ..all };
    let mut settings = settings_of(&toml::Table::try_from(&all).unwrap(), "");
    settings.sort();
    let mut flags: Vec<String> = Flags::ALL.iter().map(|(setting, ..)| (*setting).to_owned()).collect();
    flags.extend(IN_THE_FILE_ALONE.map(str::to_owned));
    flags.sort();
    assert_eq!(settings, flags);
}

/// Shows F33.
#[test]
fn an_unknown_key_is_refused_with_its_line_and_column() {
    let found = complaints("[http]\n  wokers = 3\n", &Flags::default());
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("kippu.toml:2:3: unknown field `wokers`"), "{found:?}");
}

#[test]
fn a_wrong_type_is_refused_with_its_line_and_column() {
    let found = complaints("[http]\nworkers = \"many\"\n", &Flags::default());
    assert!(found[0].starts_with("kippu.toml:2:11: "), "{found:?}");
}

#[test]
fn every_setting_out_of_range_is_named_at_once() {
    let found = complaints("[node]\npartitions = 0\n[http]\ndrain_secs = 0\n", &Flags::default());
    assert_eq!(
        found,
        [
            "kippu.toml:2:14: node.partitions: 0 is not between 1 and 1024",
            "kippu.toml:4:14: http.drain_secs: 0 is not between 1 and 600"
        ]
    );
}

#[test]
fn a_flag_out_of_range_is_named_as_the_flag() {
    let found = complaints("", &Flags { partitions: Some(0), ..Flags::default() });
    assert_eq!(found, ["--partitions or KIPPU_NODE_PARTITIONS: node.partitions: 0 is not between 1 and 1024"]);
}

#[test]
fn the_url_of_a_node_is_refused_or_taken_without_a_slash_at_its_end() {
    let url = |text: &str| load(text, &Flags::default()).unwrap().node.url;
    assert_eq!(url("[node]\nurl = \"http://n1:7701/\"\n").as_deref(), Some("http://n1:7701"));
    let found = complaints("[node]\nurl = \"http://n1:7701/kippu\"\n", &Flags::default());
    assert!(found[0].starts_with("kippu.toml:2:7: node.url: a URL ends with host and port"), "{found:?}");
    let flags = Flags { url: Some("http://n1?to=me".to_owned()), ..Flags::default() };
    assert!(complaints("", &flags)[0].starts_with("--url or KIPPU_NODE_URL: node.url: "));
}

/// Shows D11.
#[test]
fn where_plain_http_is_refused_a_node_without_a_certificate_is_refused_with_the_place() {
    let found = complaints("[http]\nlisten = \"0.0.0.0:7701\"\n", &Flags::default());
    assert!(found[0].starts_with("kippu.toml:2:10: http.listen: without a certificate this node answers"), "{found:?}");
    assert_eq!(complaints("[http]\nlisten = \"0.0.0.0:7701\"\nplain = \"allow\"\n", &Flags::default()), [""; 0]);
    let found = complaints("[http]\nplain = \"refuse\"\n", &Flags::default());
    assert!(found[0].starts_with("kippu.toml:2:9: http.plain: plain HTTP is refused"), "{found:?}");
    let tls = "[http]\nlisten = \"0.0.0.0:7701\"\nplain = \"refuse\"\n[http.tls]\ncertificate = \"c\"\n";
    let found = complaints(tls, &Flags::default());
    assert!(found[0].starts_with("kippu.toml:5:15: http.tls.certificate: a certificate wants its key"), "{found:?}");
    assert_eq!(complaints(&format!("{tls}key = \"k\"\n"), &Flags::default()), [""; 0]);
    let flags = Flags { url: Some("http://n1:7701".to_owned()), ..Flags::default() };
    let found = complaints(&format!("{tls}key = \"k\"\n"), &flags);
    assert!(found[0].starts_with("--url or KIPPU_NODE_URL: node.url: this node speaks TLS alone"), "{found:?}");
}

#[test]
fn the_documentation_names_every_setting_with_its_variable_and_flag() {
    let text = include_str!("../../../docs/configuration.md");
    for (setting, flag, variable) in Flags::ALL {
        let row = format!("| `{setting}` | `{variable}` | `{flag}` |");
        assert!(text.contains(&row), "{row}");
    }
    for setting in IN_THE_FILE_ALONE {
        let row = format!("| `{setting}` | – | – |");
        assert!(text.contains(&row), "{row}");
    }
}

#[test]
fn properties_of_kafkas_client_are_taken_with_quotes_and_without() {
    let properties = |text: &str| load(text, &Flags::default()).unwrap().kafka.properties;
    let quoted = "[kafka.properties]\n\"security.protocol\" = \"plaintext\"\n\"socket.timeout.ms\" = \"30000\"\n\
                  \"socket.keepalive.enable\" = \"true\"\n";
    let plain = "[kafka.properties]\nsecurity.protocol = \"plaintext\"\nsocket.timeout.ms = 30000\n\
                 socket.keepalive.enable = true\n";
    assert_eq!(properties(quoted), properties(plain));
    assert_eq!(properties(plain).0["socket.timeout.ms"], "30000");
}

/// Shows F5, F33.
#[test]
fn properties_that_break_a_promise_are_refused_by_name_place_and_reason() {
    let found = complaints(
        "[kafka.properties]\nacks = 1\n\"enable.idempotence\" = false\nsocket.timout.ms = 5\n",
        &Flags::default(),
    );
    let starts = [
        "kippu.toml:2:8: kafka.properties.acks: it cannot be set: a record is answered because",
        "kippu.toml:3:24: kafka.properties.enable.idempotence: it cannot be set: a record is answered because",
        "kippu.toml:4:20: kafka.properties.socket.timout.ms: No such configuration property",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    let found = complaints("[kafka.properties]\ndebug = [\"broker\"]\n", &Flags::default());
    assert!(found[0].contains("a property of Kafka's client is a string"), "{found:?}");
    let found = complaints("[kafka.properties]\nclient.rack = \"a\"\n\"client.rack\" = \"b\"\n", &Flags::default());
    assert!(found[0].contains("client.rack is given twice"), "{found:?}");
}

/// Keeps S1.
#[test]
fn values_of_properties_are_not_shown() {
    let config = load("[kafka.properties]\nsasl.password = \"open-sesame\"\n", &Flags::default()).unwrap();
    let shown = [toml::to_string(&config).unwrap(), serde_json::to_string(&config).unwrap(), format!("{config:?}")];
    for shown in shown {
        assert!(shown.contains("sasl.password") && !shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn variables_that_look_like_settings_and_are_none_are_told() {
    let given = ["KIPPU_LISTEN", "KIPPU_HTTP_LISTEN", "KIPPU_CONFIG", "KIPPU_SERVICE_HOST", "HOME"];
    let told = Flags::unknown_variables(given.map(|name| (name.into(), "x".into())));
    assert_eq!(told, ["KIPPU_LISTEN"]);
}

/// Shows F46.
#[test]
fn blobs_go_to_a_store_of_objects_by_configuration_and_what_makes_no_sense_there_is_refused() {
    let text =
        "[blobs]\ndir = \"/b\"\n[blobs.quota_bytes]\nshop = 5\n[blobs.s3]\nendpoint = \"https://s3\"\nbucket = \"b\"\n";
    let Blobs { dir, quota_bytes, s3, .. } = load(text, &Flags::default()).unwrap().blobs;
    assert_eq!((dir.as_deref(), quota_bytes.get(&Role::Shop)), (Some(Path::new("/b")), Some(&5)));
    assert_eq!(s3, Some(S3 { endpoint: Some("https://s3".to_owned()), bucket: "b".to_owned(), ..S3::default() }));
    let found = complaints(
        "[blobs]\nkeep_secs = 0\n[blobs.quota_bytes]\nterminal = 5\n[blobs.s3]\nendpoint = \"s3\"\nbucket = \"\"\n",
        &Flags::default(),
    );
    let starts = [
        "kippu.toml:4:12: blobs.quota_bytes.terminal: callers of this role upload no blobs",
        "kippu.toml:6:12: blobs.s3.endpoint: an endpoint begins with https:// or http://",
        "kippu.toml:7:10: blobs.s3.bucket: a bucket has a name",
        "kippu.toml:2:13: blobs.keep_secs: 0 is not between",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}
