//! A node over an embedded log is never ready while it refuses commands.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{Node, say};
use crate::truth::Truth;

/// No limit is in the way.
const FLAGS: [&str; 2] = ["--rate-per-second", "0"];

/// An address at which nobody listens.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn flags(more: &[&str]) -> Vec<String> {
    FLAGS.iter().chain(more).map(|&flag| flag.to_owned()).collect()
}

/// Shows F34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_is_killed_and_is_stopped_is_not_ready_while_it_refuses() {
    let address = free_address();
    let url = format!("http://{address}");
    let truth = Truth::of(&url);
    let folder = TempDir::with_prefix("kippu-ready-").unwrap();
    let mut node = Node::start_at(folder, flags(&[]), &address);
    truth.ready().await;
    // At once, without a retry: it said so.
    node.operator().post("/v1/placements", "first", &json!({ "label": "l" })).await.expect(201);
    let truth = truth.commanded_by(&node.operator());
    truth.accepted().await;
    node.kill();
    // Those who ask go on while it starts.
    node.start_again();
    truth.ready().await;
    truth.accepted().await;
    node.stop();
    node.start_again();
    truth.accepted().await;
    truth.end();
}

/// A file system of the test's own.
struct Disk(TempDir);

impl Disk {
    /// Of so many MiB, where this process may make one.
    fn of(mebibytes: u32) -> Option<Self> {
        let folder = TempDir::with_prefix("kippu-disk-").unwrap();
        let size = format!("size={mebibytes}m");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that has not ended yet may hold it: the mount then goes with it.
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

/// Shows F34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_disk_is_nearly_full_is_not_ready_before_commands_get_507() {
    let Some(disk) = Disk::of(800) else {
        return say("ready: a file system for the test may not be mounted here, so low space was not shown");
    };
    let folder = TempDir::new_in(disk.path()).unwrap();
    // What an operator asks for is not in the way of what the log itself does.
    let node = Node::start_at(folder, flags(&["--least-free-bytes", "1"]), &free_address());
    let truth = Truth::of(node.url()).commanded_by(&node.operator());
    for _ in 0..2 {
        truth.ready().await;
        truth.accepted().await;
        let filler = disk.path().join("filler");
        std::fs::write(&filler, vec![1; 320 << 20]).unwrap();
        truth.refused(20).await;
        truth.unready("the log takes no commands").await;
        std::fs::remove_file(&filler).unwrap();
    }
    truth.ready().await;
    truth.accepted().await;
    truth.end();
}

/// Shows F34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_traffic_notices_that_its_disk_is_nearly_full() {
    let Some(disk) = Disk::of(800) else {
        return say("ready: a file system for the test may not be mounted here, so low space was not shown");
    };
    let folder = TempDir::new_in(disk.path()).unwrap();
    let node = Node::start_at(folder, flags(&["--least-free-bytes", "1"]), &free_address());
    let truth = Truth::of(node.url());
    truth.ready().await;
    std::fs::write(disk.path().join("filler"), vec![1; 320 << 20]).unwrap();
    truth.unready("the log takes no commands").await;
    let asked = node.operator().post("/v1/placements", "low", &json!({ "label": "l" })).await;
    asked.expect_problem(507, "insufficient-storage");
    truth.end();
}
