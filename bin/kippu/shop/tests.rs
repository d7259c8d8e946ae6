//! Small catalogues of the forms that there are in the field.

use clap::Parser as _;
use kippu_events::approvals::products;

use super::*;
use crate::shop::upsert::{Does, Known, Plan, plan};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(more: &[&str]) -> Args {
    Line::try_parse_from([&["import", "FILE"], more].concat()).unwrap_or_else(|error| panic!("{error}")).args
}

fn read(text: &str, more: &[&str]) -> Result<Vec<Wanted>, String> {
    let table = Table::parse(text).map_err(|wrong| told(&wrong))?;
    let mapping = Mapping::new(&table, &args(more))?;
    product::wanted(&table, &mapping).map_err(|wrong| told(&wrong))
}

fn told(wrong: &[Wrong]) -> String {
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

const HEAD: &str = "Name,Author,User Rating,Reviews,Price,Year,Genre\r\n";

/// Shows D2.
#[test]
fn books_have_an_sku_of_title_author_and_year_and_a_number_where_that_is_there_twice() {
    let text = format!(
        "{HEAD}The Fault in Our Stars,John Green,4.7,50482,7,2014,Fiction\r\n\
         The Fault in Our Stars,John Green,4.7,50482,13,2014,Fiction\r\n\
         The Fault in Our Stars,John Green,4.7,50482,7,2013,Fiction\r\n\
         \"Enchanted Forest: An \"\"Inky\"\" Quest (Activity Books, …)\",Johanna Basford,4.7,5413,0,2015,Non Fiction\r\n"
    );
    let wanted = read(&text, &[]).unwrap();
    let skus: Vec<&str> = wanted.iter().map(|wanted| wanted.open.sku.as_str()).collect();
    assert!(skus.iter().all(|sku| sku.starts_with("book-")) && skus[1] == format!("{}-2", skus[0]), "{skus:?}");
    assert_eq!(skus.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    let prices: Vec<u64> = wanted.iter().map(|wanted| wanted.open.price.units()).collect();
    assert_eq!(prices, [700, 1_300, 700, 0]);
    let last = &wanted[3];
    assert_eq!((last.line, last.open.name.as_str()), (5, "Enchanted Forest: An \"Inky\" Quest (Activity Books, …)"));
    let about = last.open.about.as_ref().map(|about| about.as_str());
    assert_eq!((about, last.open.currency.code(), last.open.kind), (Some("Johanna Basford, 2015"), "USD", Kind::Goods));
    assert_eq!(read(&text, &[]).unwrap()[1].open.sku.as_str(), skus[1], "the same in every run");
}

#[test]
fn what_real_catalogues_have_at_the_ends_of_text_is_left_out_and_what_they_have_inside_is_told() {
    let wanted = read(&format!("{HEAD}  A Title ,Zhi Gang Sha\u{85},4.6,37,6,2009,Non Fiction\r\n"), &[]).unwrap();
    let about = wanted[0].open.about.as_ref().map(|about| about.as_str());
    assert_eq!((wanted[0].open.name.as_str(), about), ("A Title", Some("Zhi Gang Sha, 2009")));
    let inside = read(&format!("{HEAD}T,A,4,3,6,2009,F\r\nA\u{85}B,A,4.6,37,6,2009,F\r\n"), &[]);
    assert_eq!(inside.err(), Some("line 3, column 1 (Name): there is a control character in it, U+0085".to_owned()));
}

#[test]
fn rows_that_are_no_products_are_all_told_with_line_and_column() {
    let rows = "a,A,1,1,$8,2009,F\r\nb,A,1,1,1.999,2009,F\r\n,A,1,1,1,2009,F\r\nd,A,1,1,,2009,F\r\n";
    let told = read(&format!("{HEAD}{rows}"), &[]).err().unwrap();
    for part in [
        "line 2, column 5 (Price): an amount is written as",
        "line 3, column 5 (Price): USD has 2 decimals",
        "line 4, column 1 (Name): there is no name",
        "line 5, column 5 (Price): there is no price",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let short = read(&format!("{HEAD}a,A,1\r\n"), &[]).err().unwrap();
    assert!(short.contains("line 2, column 1: it has 3 fields, and the head has 7"), "{short}");
}

const TRACKS: &str = r#"[
  {"TrackId": 1, "Name": "Balls to the Wall", "AlbumId": 2, "GenreId": 1, "Composer": null, "UnitPrice": 0.99},
  {"TrackId": 2, "Name": "Desafinado", "AlbumId": 3, "GenreId": 7, "Composer": "T. Jobim", "UnitPrice": 1.99}
]"#;

/// Shows D2.
#[test]
fn tracks_are_joined_with_album_artist_and_genre_and_their_prices_are_never_floats() {
    let table = |text: &str| Table::parse(text).unwrap();
    let albums = table(
        r#"[{"AlbumId": 2, "Title": "Restless", "ArtistId": 5}, {"AlbumId": 3, "Title": "Getz", "ArtistId": 6}]"#,
    );
    let artists = table(r#"[{"ArtistId": 5, "Name": "Accept"}, {"ArtistId": 6, "Name": "João Gilberto"}]"#);
    let genres = table(r#"[{"GenreId": 1, "Name": "Rock"}, {"GenreId": 7, "Name": "Latin"}]"#);
    let joined = join::join(table(TRACKS), &albums, &artists, &genres).unwrap();
    let mapping = Mapping::new(&joined, &args(&[])).unwrap();
    let wanted = product::wanted(&joined, &mapping).unwrap_or_else(|wrong| panic!("{}", told(&wrong)));
    let shown: Vec<_> = wanted
        .iter()
        .map(|Wanted { open, .. }| {
            let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
            let about = text(open.about.as_ref().map(|about| about.as_str()));
            (open.sku.as_str(), about, text(open.genre.as_ref().map(|genre| genre.as_str())), open.price.units())
        })
        .collect();
    let row = |sku, about: &str, genre: &str, price| (sku, about.to_owned(), genre.to_owned(), price);
    assert_eq!(
        shown,
        [row("track-1", "Accept, Restless", "Rock", 99), row("track-2", "João Gilberto, Getz", "Latin", 199)]
    );
    assert!(wanted.iter().all(|wanted| wanted.open.kind == Kind::Digital));
}

#[test]
fn json_that_is_no_catalogue_is_told_with_line_and_column() {
    let syntax = Table::parse("[\n  {\"sku\": 1,}\n]").unwrap_err();
    assert!(told(&syntax).starts_with("line 2, column 13: no JSON array"), "{}", told(&syntax));
    let number = Table::parse("[{\"sku\": 1},\n 7]").unwrap_err();
    assert!(told(&number).starts_with("line 2, column 2: no object"), "{}", told(&number));
    let text = "[{\"sku\": \"a\", \"name\": \"n\",\n  \"price\": 1e2, \"currency\": \"EUR\"}]";
    let price = read(text, &[]).err().unwrap();
    assert!(price.starts_with("line 2, column 12 (price): an amount is written as"), "{price}");
}

#[test]
fn columns_are_mapped_as_asked_and_what_is_missing_is_named() {
    let text = "code;title\n";
    assert!(read(text, &[]).err().unwrap().contains("no column is the sku"));
    let text = "code,title,cost,what,file\nx1,Ein Buch,1.50,service,\nx2,Noch eins,2,goods,\n";
    let map = "--map=sku=code,name=title,price=cost,kind=what";
    assert!(read(text, &[map]).err().unwrap().contains("--currency"));
    assert!(read(text, &["--map=sku=none"]).err().unwrap().contains("there is no column \"none\""));
    let wanted = read(text, &[map, "--currency=EUR", "--sku-prefix=de-"]).unwrap();
    let shown: Vec<_> = wanted.iter().map(|wanted| (wanted.open.sku.as_str(), wanted.open.kind)).collect();
    assert_eq!(shown, [("de-x1", Kind::Service), ("de-x2", Kind::Goods)]);
    let twice = read("sku,name,price,currency\na,n,1,EUR\na,m,2,EUR\n", &[]).err().unwrap();
    assert_eq!(twice, "line 3, column 1 (sku): the sku \"a\" is that of line 2 too");
    for wrong in ["--map=sku", "--map=colour=c", "--map=sku=", "--kind=stream", "--currency=eur"] {
        assert!(Line::try_parse_from(["import", "FILE", wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn files_that_come_with_a_product_are_taken_from_a_list() {
    let file =
        r#"{"name":"1.ogg","media_type":"audio/ogg","sha256":"HASH","size":7}"#.replace("HASH", &"0a".repeat(32));
    let text =
        format!(r#"[{{"sku":"a","name":"n","price":"1","currency":"EUR","kind":"digital","contents":[{file}]}}]"#);
    assert_eq!(read(&text, &[]).unwrap()[0].open.contents.len(), 1);
    let wrong = read(&text.replace("0a0a", "zz"), &[]).err().unwrap();
    assert!(wrong.contains("(contents): a sha-256 of 64"), "{wrong}");
}

fn known(more: &serde_json::Value) -> Known {
    let mut row = serde_json::json!({"id": products::id_of("a"), "state": "listed", "version": 3, "price": 150,
        "currency": "EUR", "name": "n", "kind": "goods"});
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    serde_json::from_value(row).unwrap()
}

fn does(text: &str, listed: Option<&serde_json::Value>) -> Vec<(Does, String)> {
    let wanted = read(text, &["--currency=EUR"]).unwrap();
    match plan(&wanted[0].open, listed.map(known).as_ref()).unwrap() {
        Plan::Unchanged | Plan::Withdrawn | Plan::No(_) => Vec::new(),
        Plan::Give(given) => given.into_iter().map(|(does, line)| (does, line.key)).collect(),
    }
}

#[test]
fn what_is_listed_so_already_is_left_alone_and_the_rest_is_brought_up_to_date() {
    use serde_json::json;
    let text = "sku,name,price,genre\na,n,1.50,\n";
    let new = does(text, None);
    assert_eq!((new[0].0, new.len()), (Does::List, 1));
    assert_eq!(does(text, None), new, "the same key in every run");
    let kinds = |text, more| does(text, Some(&more)).into_iter().map(|(does, _)| does).collect::<Vec<_>>();
    assert!(kinds(text, json!({})).is_empty());
    assert_eq!(kinds("sku,name,price\na,n,1.51\n", json!({})), [Does::Reprice]);
    assert_eq!(kinds(text, json!({"genre": "Rock"})), [Does::Change]);
    assert_eq!(kinds("sku,name,price\na,m,2\n", json!({})), [Does::Change, Does::Reprice]);
    for left in [json!({"state": "withdrawn"}), json!({"currency": "USD"})] {
        assert!(kinds("sku,name,price\na,m,2\n", left.clone()).is_empty(), "{left}");
    }
    let repriced = |version: u64| does("sku,name,price\na,n,2\n", Some(&json!({"version": version})));
    assert_eq!(repriced(3), repriced(3));
    assert_ne!(repriced(3), repriced(9), "on another version it is another command");
}
