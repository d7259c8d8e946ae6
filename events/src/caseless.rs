//! Names that people write in different ways: letters in either case, characters that look the same and are stored in
//! different ways, characters that nobody sees.
//!
//! This is Unicode's caseless matching of identifiers (Unicode Standard, 3.13, D147): `NFKC_Casefold` with full case folding,
//! without the characters that are ignored by default. White space around a name does not count, and within it any run of
//! white space is one space (as in RFC 8266).

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// The one form of all ways to write `name`. Empty where nothing of it can be seen.
#[must_use]
pub fn fold(name: &str) -> String {
    let mut folded = pass(name);
    // What one pass makes can need another: removing a character can bring two together that compose.
    loop {
        let again = pass(&folded);
        if again == folded {
            return folded;
        }
        folded = again;
    }
}

fn pass(name: &str) -> String {
    let (nfkc, ignorable) = (ComposingNormalizer::new_nfkc(), CodePointSetData::new::<DefaultIgnorableCodePoint>());
    let normal = nfkc.normalize(name);
    let folded = CaseMapper::new().fold_string(&normal);
    let visible: String = folded.chars().filter(|character| !ignorable.contains(*character)).collect();
    let normal = nfkc.normalize(&visible);
    normal.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_one_name_have_one_form() {
        for (one, others) in [
            ("νίκος", &["ΝΊΚΟΣ", "Νίκος", "νίκοσ", "ΝΙ\u{301}ΚΟΣ"][..]),
            ("straße", &["STRASSE", "strasse", "STRAẞE"]),
            ("ada lovelace", &[" Ada  Lovelace ", "ADA\u{a0}LOVELACE", "ada\u{3000}lovelace", "ada\u{2003}lovelace"]),
            (
                "ada",
                &[
                    "\u{feff}ada",
                    "a\u{200b}d\u{200d}a",
                    "a\u{ad}da",
                    "ad\u{2060}a",
                    "\u{202e}ada",
                    "ａｄａ",
                    "ADA\u{fe0f}",
                ],
            ),
            ("file", &["ﬁle", "FILE"]),
            ("i\u{307}stanbul", &["İstanbul", "İSTANBUL"]),
            ("ᏸ", &["Ᏸ"]),
            ("ŉ", &["ʼn", "ʼN"]),
            ("가", &["\u{1100}\u{1161}"]),
            ("カ", &["ｶ"]),
        ] {
            for other in others {
                assert_eq!(fold(other), fold(one), "{other:?} and {one:?}");
            }
        }
    }

    #[test]
    fn names_that_people_tell_apart_keep_their_own_form() {
        let names = ["zoe", "zoë", "ada", "ada lovelace", "adalovelace", "ı", "i", "o'neill", "oneill", "a-b", "ab"];
        for (at, one) in names.iter().enumerate() {
            for other in &names[at + 1..] {
                assert_ne!(fold(one), fold(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn the_form_of_a_form_is_itself_for_every_character() {
        for character in char::MIN..=char::MAX {
            let folded = fold(&format!("a{character}b"));
            assert_eq!(fold(&folded), folded, "U+{:04X}", u32::from(character));
            for other in character.to_uppercase().chain(character.to_lowercase()).map(String::from) {
                assert_eq!(fold(&other.to_uppercase()), fold(&other.to_lowercase().to_uppercase()), "{other}");
            }
        }
    }

    #[test]
    fn what_nobody_sees_is_no_name() {
        for nothing in ["", "  ", "\u{200b}", "\u{ad}\u{2060}", "\u{3164}", "\u{200b} \u{feff}", "\u{e0061}"] {
            assert_eq!(fold(nothing), "", "{nothing:?}");
        }
    }
}
