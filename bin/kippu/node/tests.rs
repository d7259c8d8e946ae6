//! Tests of how a node is made: interrupted at any step, and with keys that are gone.

use super::*;

fn config(dir: &tempfile::TempDir) -> Config {
    let mut config = Config { data: Some(dir.path().join("node")), ..Config::default() };
    config.node.partitions = 2;
    config
}

fn init(config: &Config) -> Result<String, NodeError> {
    on_a_system(async {
        let node = Node::init(config).await?;
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
