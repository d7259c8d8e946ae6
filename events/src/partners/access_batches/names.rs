//! Names in the text of lines: taken out, and put back.
//!
//! ```text
//! 192.0.2.7 - ada [..] "GET / HTTP/1.1"   ─▶   ␡0␡ - ␡1␡ [..] "GET / HTTP/1.1"  and  ["192.0.2.7", "ada"]
//! ```
//!
//! ␡ is the character `\x7f`, which JSON does not escape. One that was in a line already stands twice.

use std::collections::HashMap;

const MARK: char = '\x7f';

/// Text without names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Masked {
    /// The text, with numbers in place of names.
    pub text: String,
    /// The names, each once.
    pub names: Vec<String>,
}

/// Text that is not as [`mask`] writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text names a name that is not there")]
pub struct NotMasked;

/// `text` without names: `names_of` says which the next line has. A name is replaced wherever its line has it.
pub fn mask(text: &str, mut names_of: impl FnMut() -> Vec<String>) -> Masked {
    let mut masked = Masked { text: String::with_capacity(text.len()), names: Vec::new() };
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for line in text.split_inclusive('\n') {
        let mut names = names_of();
        names.retain(|name| !name.is_empty());
        // The longest first: one may be a part of another.
        names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
        let mut rest = line;
        'line: while !rest.is_empty() {
            for name in &names {
                if let Some(after) = rest.strip_prefix(name.as_str()) {
                    let number = *numbers.entry(name.clone()).or_insert_with(|| {
                        masked.names.push(name.clone());
                        masked.names.len() - 1
                    });
                    masked.text.push(MARK);
                    masked.text.push_str(&number.to_string());
                    masked.text.push(MARK);
                    rest = after;
                    continue 'line;
                }
            }
            let mut chars = rest.chars();
            if let Some(c) = chars.next() {
                masked.text.push(c);
                if c == MARK {
                    masked.text.push(MARK);
                }
            }
            rest = chars.as_str();
        }
    }
    masked
}

/// A part of masked text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// As it was.
    Text(&'a str),
    /// The name with this number.
    Name(usize),
}

/// The parts that masked text has, in order.
///
/// # Errors
/// Where it is not as [`mask`] writes it.
pub fn parts(text: &str) -> impl Iterator<Item = Result<Part<'_>, NotMasked>> {
    let mut is_text = false;
    let mut marks = text.split(MARK).peekable();
    std::iter::from_fn(move || {
        let part = marks.next()?;
        is_text = !is_text;
        Some(match (is_text, part) {
            (true, text) => Ok(Part::Text(text)),
            // A mark that opens is closed.
            (false, _) if marks.peek().is_none() => Err(NotMasked),
            (false, "") => Ok(Part::Text("\x7f")),
            (false, number) => number.parse().map(Part::Name).map_err(|_| NotMasked),
        })
    })
}

/// The text that was masked.
///
/// # Errors
/// Where it names a name that is not among `names`.
pub fn unmask(text: &str, names: &[String]) -> Result<String, NotMasked> {
    let mut whole = String::with_capacity(text.len() + 8 * names.len());
    for part in parts(text) {
        whole.push_str(match part? {
            Part::Text(text) => text,
            Part::Name(number) => names.get(number).ok_or(NotMasked)?,
        });
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first two words of each line are names.
    fn masked(text: &str) -> Masked {
        let mut lines = text.split_inclusive('\n');
        mask(text, || lines.next().unwrap_or_default().split_whitespace().take(2).map(str::to_owned).collect())
    }

    #[test]
    fn names_are_replaced_wherever_their_line_has_them() {
        let text = "192.0.2.7 ada GET /?from=192.0.2.7\n192.0.2.77 ada GET /192.0.2.7\n";
        let masked = masked(text);
        assert_eq!(masked.text, "\x7f0\x7f \x7f1\x7f GET /?from=\x7f0\x7f\n\x7f2\x7f \x7f1\x7f GET /192.0.2.7\n");
        assert_eq!(masked.names, ["192.0.2.7", "ada", "192.0.2.77"]);
        assert_eq!(unmask(&masked.text, &masked.names).as_deref(), Ok(text));
    }

    #[test]
    fn what_names_no_name_is_refused() {
        for wrong in ["\x7f1\x7f", "\x7f0", "\x7fx\x7f"] {
            assert_eq!(unmask(wrong, &["ada".to_owned()]), Err(NotMasked), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_masked_comes_back(text in "([ab\\x7f0 \n]|é){0,40}") {
            let masked = masked(&text);
            prop_assert_eq!(unmask(&masked.text, &masked.names), Ok(text));
        }
    }
}
