//! What is wrong with topics, and what is not.

use super::*;

fn complaints(facts: &Facts, accept_single_copy: bool) -> Vec<String> {
    super::complaints(facts, &Settings { accept_single_copy, ..Settings::default() })
}

fn safe() -> Facts {
    let settings = [
        ("cleanup.policy", "delete"),
        ("retention.ms", "-1"),
        ("retention.bytes", "-1"),
        ("unclean.leader.election.enable", "false"),
        ("min.insync.replicas", "2"),
        ("max.message.bytes", "1048588"),
        ("segment.bytes", "1073741824"),
        ("message.timestamp.type", "LogAppendTime"),
        ("message.timestamp.after.max.ms", "3600000"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Facts { replicas: 3, settings }
}

fn with(name: &str, value: &str) -> Facts {
    let mut facts = safe();
    facts.settings.insert(name.to_owned(), value.to_owned());
    facts
}

#[test]
fn a_topic_that_loses_nothing_is_taken() {
    assert_eq!(complaints(&safe(), false), Vec::<String>::new());
}

#[test]
fn each_setting_that_could_lose_history_is_named() {
    for (name, value) in [
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", "604800000"),
        ("retention.bytes", "1"),
        ("unclean.leader.election.enable", "true"),
        ("min.insync.replicas", "1"),
        ("min.insync.replicas", ""),
    ] {
        let mut facts = with(name, value);
        let [complaint] = &complaints(&facts, false)[..] else { panic!("{name}") };
        assert!(complaint.starts_with(&format!("{name} is {value}, not ")), "{complaint}");
        facts.settings.remove(name);
        assert_eq!(complaints(&facts, false).len(), 1, "what is not told is not trusted");
    }
}

#[test]
fn each_limit_that_a_record_could_pass_is_named() {
    for (name, too_small, enough) in
        [("max.message.bytes", "100000", "1000000"), ("segment.bytes", "999999", "1000000")]
    {
        let [complaint] = &complaints(&with(name, too_small), true)[..] else { panic!("{name}") };
        assert!(complaint.starts_with(&format!("{name} is {too_small}, less than 1000000: ")), "{complaint}");
        assert!(complaints(&with(name, enough), true).is_empty());
    }
    let larger =
        Settings { properties: [("message.max.bytes".to_owned(), "2000000".to_owned())].into(), ..Settings::default() };
    assert_eq!(super::complaints(&safe(), &larger).len(), 1, "an operator lets nodes write more at once");
}

#[test]
fn limits_of_time_count_where_the_time_of_a_record_is_its_writers() {
    for name in ["message.timestamp.before.max.ms", "message.timestamp.after.max.ms"] {
        let mut facts = with(name, "1000");
        assert!(complaints(&facts, true).is_empty(), "the broker's clock counts");
        facts.settings.insert("message.timestamp.type".to_owned(), "CreateTime".to_owned());
        let [complaint] = &complaints(&facts, true)[..] else { panic!("{name}") };
        assert!(complaint.starts_with(&format!("{name} is 1000, less than 300000: ")), "{complaint}");
    }
}

#[test]
fn few_copies_are_taken_only_where_that_is_accepted() {
    let mut facts = Facts { replicas: 1, ..with("min.insync.replicas", "1") };
    assert_eq!(complaints(&facts, false).len(), 2);
    assert!(complaints(&facts, true).is_empty());
    facts.settings.insert("retention.ms".to_owned(), "1".to_owned());
    assert_eq!(complaints(&facts, true).len(), 1);
}

#[test]
fn a_topic_that_takes_no_record_is_named_whatever_is_accepted() {
    let facts = Facts { replicas: 1, ..with("min.insync.replicas", "2") };
    let [complaint] = &complaints(&facts, true)[..] else { panic!() };
    assert!(complaint.contains("more than the replication factor 1"), "{complaint}");
}

#[test]
fn a_topic_is_not_made_that_would_be_refused() {
    let new = NewTopic { partitions: 1, replicas: 1 };
    assert!(check_new("t", &new, &Settings::default()).is_err());
    assert!(check_new("t", &new, &Settings { accept_single_copy: true, ..Settings::default() }).is_ok());
}
