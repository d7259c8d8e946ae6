//! Many requests at once around a limit, while the authentication server is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use rand::Rng as _;

use crate::fixture::{first, seeded};
use crate::http::Reply;
use crate::market::purchase;
use crate::parties::{Party, answered};

/// So many ask at once.
const REQUESTS: u64 = 200;
/// Each for so much, in cents.
const PRICE: u64 = 100;

/// Shows D16, D18, F12. Keeps T2, E2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_ask_at_once_while_the_server_is_killed_as_many_are_approved_as_the_limit_allows() {
    let mut rng = seeded("limit");
    let mut server = Party::start("authenticator").await;
    // A request less than there are, as many, as many and a cent, and one more.
    for limit in [REQUESTS * PRICE - 1, REQUESTS * PRICE, REQUESTS * PRICE + 1, (REQUESTS + 1) * PRICE] {
        let buyer = server.node.market(limit).buyer(&format!("with {limit}")).await;
        let said = Arc::new(AtomicUsize::new(0));
        let ask = |number: u64| {
            let (terminal, said, key) = (buyer.terminal.clone(), Arc::clone(&said), format!("{limit}-{number}"));
            async move {
                let body = purchase(PRICE);
                let reply = answered(|| terminal.try_post("/v1/approvals", &key, &body)).await;
                said.fetch_add(1, Ordering::Relaxed);
                reply
            }
        };
        let asked: Vec<_> = (0..REQUESTS).map(|number| tokio::spawn(ask(number))).collect();
        let many = rng.random_range(1..150);
        first(async || said.load(Ordering::Relaxed), |said| *said >= many).await;
        server.node.crash();
        let replies: Vec<Reply> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
        let is_permitted = |reply: &&Reply| reply.status == 201;
        let permitted = replies.iter().filter(is_permitted).count() as u64;
        assert_eq!(permitted, REQUESTS.min(limit / PRICE), "of {limit} cents");
        for refused in replies.iter().filter(|reply| !is_permitted(reply)) {
            assert_eq!((refused.status, refused.slug().as_deref()), (409, Some("limit-exceeded")));
        }
        let again = join_all((0..REQUESTS).map(ask)).await;
        for (reply, again) in replies.iter().zip(&again) {
            assert!(again.says_the_same_as(reply), "{reply:?}, and then {again:?}");
        }
        // One more is permitted where there is room for it alone.
        assert_eq!(ask(REQUESTS).await.status == 201, permitted < limit / PRICE, "of {limit} cents");
        assert_eq!(ask(REQUESTS + 1).await.slug().as_deref(), Some("limit-exceeded"));
        let reserved = server.row(&format!("/v1/users/{}", buyer.user)).await["reserved"].as_u64();
        assert_eq!(reserved, Some(limit / PRICE * PRICE));
    }
    server.node.kill();
    server.node.assert_sound();
}
