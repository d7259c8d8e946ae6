//! Tests of how a node is made: interrupted at any step, and with keys that are gone.

use super::*;

fn config(dir: &tempfile::TempDir) -> Config {
    let mut config = Config { data: Some(dir.path().join("node")), ..Config::default() };
    config.node.partitions = 2;
    config
}

fn init(config: &Config) -> Result<String, NodeError> {
    on_a_system(async {
        let node = Node::init(config, false).await?;
        node.stop().await;
        Ok(std::fs::read_to_string(node.dir.operator_key()).unwrap())
    })
}

#[test]
fn an_initialisation_that_was_interrupted_is_finished_with_the_same_client_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    let key = init(&config).unwrap();
    let data = dir.path().join("node");
    for lost in [&["kippu.json"][..], &["kippu.json", "operator.key"]] {
        for name in lost {
            std::fs::remove_file(data.join(name)).unwrap();
        }
        assert_eq!(init(&config).unwrap(), key, "without {lost:?}");
    }
    assert!(matches!(init(&config), Err(NodeError::Exists(_))));
}

#[test]
fn keys_of_another_node_are_refused_and_so_are_keys_without_those_of_persons() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (config(&one), config(&other));
    let open = |config: &Config| {
        on_a_system(async { Node::open(config, "", false).await.map(|_| ()) }).map_err(|error| error.to_string())
    };
    init(&one).unwrap();
    init(&other).unwrap();
    let keys = |config: &Config| config.data.as_deref().unwrap().join("keys");
    let (mine, theirs) = (keys(&one).join("keyring.json"), keys(&other).join("keyring.json"));
    let kept = std::fs::read(&mine).unwrap();
    std::fs::copy(&theirs, &mine).unwrap();
    let error = open(&one).unwrap_err();
    assert!(error.contains("keyring.json: made for the log"), "{error}");
    std::fs::write(&mine, kept).unwrap();
    std::fs::remove_dir_all(keys(&one).join("persons")).unwrap();
    let error = open(&one).unwrap_err();
    assert!(error.contains("persons"), "{error}");
    assert_eq!(open(&other), Ok(()));
}

/// Shows F33. Keeps E3.
#[test]
fn a_history_that_is_gone_is_not_begun_anew_under_its_keys() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    init(&config).unwrap();
    let data = dir.path().join("node");
    std::fs::remove_file(data.join("kippu.json")).unwrap();
    std::fs::remove_dir_all(data.join("log")).unwrap();
    // As it is where the history lies on Kafka, and where a volume is not mounted.
    for mount_point in [false, true] {
        if mount_point {
            std::fs::create_dir(data.join("log")).unwrap();
        }
        let opened = on_a_system(async { Node::open(&config, "", false).await.map(|_| ()) });
        assert!(matches!(opened, Err(NodeError::HistoryLost(_))), "{opened:?}");
        let opened = on_a_system(async { Node::open_stopped(&config).await.map(|_| ()) });
        assert!(matches!(opened, Err(NodeError::HistoryLost(_))), "{opened:?}");
        assert!(matches!(init(&config), Err(NodeError::HistoryLost(_))));
        assert!(!data.join("log/store").exists());
    }
}

#[test]
fn keys_that_are_gone_are_not_made_anew_over_a_history() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(&dir);
    init(&config).unwrap();
    let data = dir.path().join("node");
    std::fs::remove_dir_all(data.join("keys")).unwrap();
    std::fs::remove_file(data.join("kippu.json")).unwrap();
    assert!(matches!(init(&config), Err(NodeError::KeysLost(_))));
    assert!(!data.join("keys").exists());
}
