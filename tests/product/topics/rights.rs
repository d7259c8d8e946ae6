//! What becomes of a node from which rights are taken away, one at a time, while it runs or before it starts. It names what it
//! lacks, takes nothing for damage, and goes on by itself once it has the right again.

use serde_json::json;

use super::Scene;
use super::admin::Broker;
use crate::fixture::{say, until};
use crate::http::{Caller, Reply};

/// Rights by what `/readyz` says without them.
const RIGHTS: [(&str, [&str; 2], &str); 5] = [
    ("Write", ["--topic", "kept"], "halted"),
    ("Read", ["--topic", "kept"], "read the topic kept"),
    ("Describe", ["--topic", "kept"], "topic kept"),
    ("Write", ["--topic", "kept.keys"], "keys"),
    ("Read", ["--group", "*"], "served by nobody"),
];

async fn ready(operator: &Caller) -> Reply {
    operator.get("/readyz").await
}

/// Shows F5, F33.
#[tokio::test]
async fn a_right_that_is_taken_away_is_named_and_the_node_goes_on_once_it_is_back() {
    let mut scene = Scene::new(Broker::start_with_rights());
    let operator = scene.node.operator();
    for (number, (operation, on, name)) in RIGHTS.into_iter().enumerate() {
        scene.broker.deny(operation, on);
        // Until a command that needs the right was refused, or taken although the right is missing, nobody can know.
        let user =
            json!({ "login": format!("u{number}"), "limit": { "source": "fixed", "amount": 1, "currency": "EUR" } });
        let ask = async || {
            let mut refused = 0;
            for (path, body) in [("/v1/users", &user), ("/v1/placements", &json!({ "label": "here" }))] {
                let reply = operator.post(path, &format!("k{number}"), body).await;
                assert!([201, 503].contains(&reply.status), "{operation} {on:?}: {}", reply.text);
                refused += u32::from(reply.status == 503);
            }
            (refused, ready(&operator).await)
        };
        until(ask, |(_, ready)| ready.status == 503 && ready.text.contains(name)).await;
        scene.broker.allow(operation, on);
        until(ask, |(refused, ready)| *refused == 0 && ready.status == 200).await;
        say(&format!("rights: without {operation} on {} not ready, and ready with it again", on[1]));
    }
    scene.node.stop();
    for (operation, on, name) in
        [("Read", ["--topic", "kept"], "TopicAuthorizationFailed"), ("Describe", ["--topic", "kept.keys"], "kept.keys")]
    {
        scene.broker.deny(operation, on);
        let refused = scene.node.try_start_again().unwrap_err();
        assert!(
            refused.contains(name) && refused.contains("do not allow") && refused.contains("exit status: 3"),
            "{refused}"
        );
        scene.broker.allow(operation, on);
    }
    scene.node.start_again();
    scene.node.stop();
    assert!(scene.node.verify().ok().said.contains("verify: sound"));
}
