//! A shop that settles itself: one node, with the other tests of purchases.

use super::refusals::the_buyer_is_told;
use super::settlers::{altered_offers_are_refused, it_is_presented_once};
use super::{a_stranger_buys, delivery_comes_first, it_is_given_back, the_shop_delivers};
use crate::parties::Parties;

/// Shows D38.
#[tokio::test]
async fn purchases_come_out_the_same_where_one_node_is_shop_and_settlement_server() {
    let mut parties = Parties::start_in_one().await;
    a_stranger_buys(&parties).await;
    altered_offers_are_refused(&parties).await;
    it_is_presented_once(&parties).await;
    it_is_given_back(&parties).await;
    the_buyer_is_told(&parties).await;
    the_shop_delivers(&parties).await;
    parties.sell_through(&[parties.settling()], false).await;
    delivery_comes_first(&parties).await;
    assert!(parties.settler.rows("settlements").await.is_empty());
    parties.settle_on("settle_first", 10).await;
    parties.shop.node.crash();
    a_stranger_buys(&parties).await;
    parties.assert_sound();
}
