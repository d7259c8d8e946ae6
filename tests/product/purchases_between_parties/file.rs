//! A file of purchases that customers made elsewhere, played through the five parties while each is killed in turn.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use serde_json::json;
use tokio::sync::watch;

use crate::fixture::say;
use crate::parties::{Buyer, End, Parties, Patient};

/// What each customer may spend, in cents.
const LIMIT: u64 = 10_000;
/// How many customers buy side by side.
const AT_ONCE: usize = 16;

/// Per customer, in the file's order, what each purchase cost in cents.
fn customers(text: &str) -> Vec<Vec<u64>> {
    let (mut places, mut all) = (HashMap::new(), Vec::<Vec<u64>>::new());
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[customer, _date, _quantity, amount] = &*fields else { panic!("not a purchase: {line}") };
        let (whole, cents) = amount.split_once('.').unwrap_or((amount, "00"));
        let cents: u64 = format!("{whole}{cents:0<2}").parse().expect("an amount has two decimals");
        let place = *places.entry(customer.to_owned()).or_insert(all.len());
        if place == all.len() {
            all.push(Vec::new());
        }
        all[place].push(cents);
    }
    all
}

/// How many of these are permitted within the limit, what they cost, and how many are refused.
fn tally(all: &[Vec<u64>]) -> (usize, u64, usize) {
    let (mut permitted, mut total, mut refused) = (0, 0, 0);
    for purchases in all {
        let mut spent = 0;
        for amount in purchases {
            if spent + amount <= LIMIT {
                (permitted, spent) = (permitted + 1, spent + amount);
            } else {
                refused += 1;
            }
        }
        total += spent;
    }
    (permitted, total, refused)
}

/// Shows D16, D19, D21, D34, D35, D36, F17, F44. Keeps R3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sums_of_a_file_of_purchases_are_the_sums_in_the_books_although_each_party_was_killed() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/purchases-sample.txt").to_owned();
    let text = std::fs::read_to_string(std::env::var("KIPPU_PURCHASES").unwrap_or(sample)).unwrap();
    let all = customers(&text);
    let (permitted, total, refused) = tally(&all);
    let mut parties = Parties::start().await;
    // However long a party that was killed takes to be back, no permission comes too late.
    parties.settle_on("settle_first", 50).await;
    let mut products = HashMap::new();
    for amount in all.iter().flatten().copied().collect::<BTreeSet<_>>() {
        products.insert(amount, parties.product(amount).await);
    }
    let products = Arc::new(products);
    let buyers: Vec<Buyer> = iter(&all).map(|_| parties.buyer(LIMIT)).buffered(AT_ONCE).collect().await;
    let (shop, settler) = (parties.shop.guest(), parties.settler.guest());
    let (told, mut played) = watch::channel(0);
    let told = Arc::new(told);
    let market = tokio::spawn({
        let (all, buyers) = (all.clone(), buyers.clone());
        let customers = iter(all.into_iter().zip(buyers)).map(move |(purchases, buyer)| {
            let (shop, settler, products, told) = (shop.clone(), settler.clone(), products.clone(), told.clone());
            async move {
                let mut bought = 0;
                for amount in purchases {
                    let (product, file) = &products[&amount];
                    match Patient::of(&buyer.terminal, &shop, &settler).buy(product).await {
                        End::Over(row, files) => {
                            assert_eq!(row["state"], json!("settled"), "{row}");
                            assert_eq!(files.concat().as_bytes(), file);
                            bought += 1;
                        }
                        End::Refused(reason) => assert_eq!(reason, "limit-exceeded"),
                    }
                    told.send_modify(|played| *played += 1);
                }
                bought
            }
        });
        async move { customers.buffer_unordered(AT_ONCE).fold(0, async |sum, bought| sum + bought).await }
    });
    for (number, party) in parties.each().into_iter().enumerate() {
        let part = (permitted + refused) * (number + 1) / 6;
        if played.wait_for(|played| *played >= part).await.is_err() {
            break;
        }
        party.node.crash();
    }
    let bought: usize = market.await.unwrap();
    for party in parties.each() {
        party.owes_nothing().await;
    }
    let charged: u64 =
        parties.authenticator.rows("users").await.iter().map(|row| row["charged"].as_u64().unwrap()).sum();
    let settlements = parties.settler.rows("settlements").await;
    let settled: u64 = settlements.iter().filter_map(|row| row["settled_amount"].as_u64()).sum();
    assert_eq!((bought, charged, settled), (permitted, total, total));
    parties.assert_sound();
    say(&format!("{permitted} permitted for {}.{:02}, {refused} refused", total / 100, total % 100));
}
