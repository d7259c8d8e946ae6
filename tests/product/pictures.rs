//! Pictures of messages between parties, `docs/NAME.svg`, each made of the text in `docs/sequences/NAME.txt`. `KIPPU_BLESS=1` writes them.
//!
//! ```text
//! Shop, Terminal                     who takes part, from left to right
//! 1 Terminal -> Shop: POST /v1/…     a message, with its number in the guide where it has one
//! Shop: offer.made                   an event that it leaves
//! Shop --> Terminal: the offer       an answer
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use maud::{PreEscaped, html};

/// From one party to the next.
const WIDTH: usize = 240;
/// From one line to the next.
const HEIGHT: usize = 30;
/// Above the first line.
const TOP: usize = 46;
/// Left and right.
const SIDE: usize = 110;
/// Of a character, about.
const CHAR: usize = 7;
/// Colours of paper, ink and events, by day and by night: whoever shows the picture says which.
const STYLE: &str = "svg{background:#fff;color:#1b1f24;font:13px system-ui,sans-serif}\
    .event{color:#0a5a2b}.line{stroke:#9aa3ad}\
    text{fill:currentColor;text-anchor:middle}.head{font-weight:600}.number{font-weight:600}\
    path{stroke:currentColor;fill:none}.answer{stroke-dasharray:5 4}marker path{fill:currentColor;stroke:none}\
    .paper{fill:#fff}.box{fill:#e4f4e9;stroke:#0a5a2b}\
    @media(prefers-color-scheme:dark){svg{background:#14181d;color:#e6e9ed}.event{color:#a6e3b8}.line{stroke:#5b6570}\
    .paper{fill:#14181d}.box{fill:#173222;stroke:#a6e3b8}}";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// What a line says.
struct Line<'a> {
    number: Option<&'a str>,
    from: usize,
    /// Whom it reaches; nobody where it is an event.
    to: Option<usize>,
    is_answer: bool,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str, parties: &[&str]) -> Self {
        let (head, text) = line.split_once(": ").unwrap_or_else(|| panic!("no text: {line}"));
        let number = head.split_once(' ').filter(|(first, _)| first.bytes().all(|byte| byte.is_ascii_digit()));
        let (number, head) = number.map_or((None, head), |(number, rest)| (Some(number), rest));
        let is_answer = head.contains(" --> ");
        let named =
            |name: &str| parties.iter().position(|party| *party == name).unwrap_or_else(|| panic!("who is {name}?"));
        match head.split_once(if is_answer { " --> " } else { " -> " }) {
            Some((from, to)) => Self { number, from: named(from), to: Some(named(to)), is_answer, text },
            None => Self { number, from: named(head), to: None, is_answer, text },
        }
    }
}

/// The picture of `text`.
fn picture(text: &str) -> String {
    let mut lines = text.lines();
    let parties: Vec<&str> = lines.next().expect("somebody takes part").split(", ").collect();
    let lines: Vec<Line<'_>> = lines.map(|line| Line::read(line, &parties)).collect();
    let at = |party: usize| SIDE + party * WIDTH;
    let (width, height) = (at(parties.len() - 1) + SIDE, TOP + lines.len() * HEIGHT + 10);
    let row = |place: usize, line: &Line<'_>| {
        let (y, from) = (TOP + place * HEIGHT + 18, at(line.from));
        let Some(to) = line.to.map(at) else {
            let half = (line.text.len() * CHAR + 24) / 2;
            return html! {
                g.event {
                    rect.box x=(from - half) y=(y - 16) width=(2 * half) height="22" rx="4" {}
                    text x=(from) y=(y) { (line.text) }
                }
                @if let Some(number) = line.number { text.number x=(from - half - 12) y=(y) { (number) } }
            };
        };
        // The head of the arrow is before the line.
        let end = if to > from { to - 2 } else { to + 2 };
        let (middle, half) = (usize::midpoint(from, to), (line.text.len() * CHAR + 10) / 2);
        html! {
            path.answer[line.is_answer] d={ "M" (from) " " (y + 5) "H" (end) } marker-end="url(#head)" {}
            rect.paper x=(middle - half) y=(y - 13) width=(2 * half) height="16" {}
            text x=(middle) y=(y) { (line.text) }
            @if let Some(number) = line.number {
                text.number x=(if to > from { from - 12 } else { from + 12 }) y=(y + 9) { (number) }
            }
        }
    };
    let mut svg = String::from("<!-- Made of the text in docs/sequences: tests/product/pictures.rs says how. -->\n");
    let drawn = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img" {
            title { "Messages between " (parties.join(", ")) }
            style { (PreEscaped(STYLE)) }
            marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto" {
                path d="M0 0L8 4L0 8z" {}
            }
            @for (party, name) in parties.iter().enumerate() {
                path.line d={ "M" (at(party)) " 40V" (height) } {}
                text.head x=(at(party)) y="26" { (name) }
            }
            @for (place, line) in lines.iter().enumerate() { (row(place, line)) }
        }
    };
    writeln!(svg, "{}", drawn.into_string()).expect("a string takes everything");
    svg
}

#[test]
fn every_picture_is_what_its_text_gives_and_names_what_there_is() {
    let read =
        |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (format, http) = (read(&docs().join("log-format.md")), read(&docs().join("reference.md")));
    let mut pictures = 0;
    for entry in std::fs::read_dir(docs().join("sequences")).expect("a folder of ours") {
        let source = entry.expect("a folder of ours").path();
        let name = source.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let text = read(&source);
        for (_, said) in text.lines().skip(1).filter_map(|line| line.split_once(": ")) {
            let is_event = said.contains('.') && !said.contains(' ');
            assert!(!is_event || format.contains(&format!("`{said}`")), "{name}: there is no event {said}");
            let command = said.strip_prefix("POST ").map(|rest| rest.split(':').next().expect("a first piece"));
            assert!(command.is_none_or(|path| http.contains(&format!("POST {path}"))), "{name}: nobody takes {said}");
        }
        let (made, svg) = (picture(&text), docs().join(format!("{name}.svg")));
        if std::env::var_os("KIPPU_BLESS").is_some() {
            std::fs::write(&svg, &made).expect("a file of ours");
        }
        assert!(read(&svg) == made, "docs/{name}.svg is stale: KIPPU_BLESS=1 writes it");
        let guide = read(&docs().join(format!("{name}.md")));
        assert!(guide.contains(&format!("]({name}.svg)")), "docs/{name}.md shows its picture");
        pictures += 1;
    }
    assert!(pictures > 0, "there are pictures");
}
