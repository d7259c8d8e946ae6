//! What a stock takes and gives.

use kippu_events::access::{Caller, Role};
use serde_json::json;

use super::*;
use crate::given::{caller, given, id};
use crate::problem;
use crate::world::{World, slug};
use kippu_events::Family;

fn text(article: &str) -> Text<MOST_ARTICLE_CHARS> {
    Text::try_from(article.to_owned()).unwrap()
}

#[test]
fn no_more_is_removed_than_is_there_and_not_reserved() {
    let came = Event::Received { article: "book".to_owned(), quantity: 5 };
    let add = Request::Open(Open { article: text("book"), quantity: 5 });
    given::<Stock>(&[]).when(&add).becomes(std::slice::from_ref(&came));
    let remove = |quantity| Request::Remove(Remove { quantity });
    let history = [came, Event::Reserved { request: id(7), quantity: 2 }];
    given::<Stock>(&history).when(&remove(3)).becomes(&[Event::Removed { quantity: 3 }]);
    given::<Stock>(&history).when(&remove(4)).refused(&NOT_AVAILABLE);
    given::<Stock>(&[]).when(&remove(1)).refused(&problem::NOT_FOUND);
}

#[test]
fn a_stock_is_for_its_own_party_and_counts_whole_things() {
    let mut world = World::new();
    let open = (Family::Stocks, "open", None);
    let body = |quantity: u32| json!({ "article": "book", "quantity": quantity });
    world.ask(caller(Role::Shop, 3), open, &body(1)).unwrap();
    assert_eq!(slug(world.ask(Caller::OPERATOR, open, &body(0))), "invalid-body");
    let peer = Caller::of_peer(id(3), kippu_events::access::Roles::one(Role::Shop));
    assert_eq!(slug(world.ask(peer, open, &body(1))), "forbidden");
    world.replays();
}

#[test]
fn a_shelf_reserves_what_is_there_and_no_more() {
    let mut shelf = Shelf::of(&Stock { on_hand: 5, reserved: 3, ..Stock::default() }, id(1));
    assert_eq!((shelf.reserve(3), shelf.events.len(), shelf.available()), (false, 0, 2));
    assert!(shelf.reserve(2));
    assert_eq!(shelf.told(Step::of("buy")), Step::of("buy"));
    shelf.stock.steps = Some([Step::Payment].into());
    assert_eq!(shelf.told(Step::of("buy")), [Step::Payment]);
}
