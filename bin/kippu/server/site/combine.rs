//! Of what was written of a page, what is shown of it: with a difference of this site, in a layout, with links that lead to where other
//! pages are. Depends on nothing else, so that everybody who has these bytes makes the same.

use kippu_events::partners::pages::{Around, Form, MOST_PAGE_BYTES, NotMade, PagePath};
use serde_json::Value;

/// The place in a layout at which a page is shown.
const PLACE: &str = "<!--content-->";
/// What a link to a page of this site begins with, behind its quotation mark.
const LINK: &str = "\"kippu:";

/// The bytes that a page is made of.
pub(super) struct Parts<'a> {
    /// What was written.
    pub(super) source: &'a [u8],
    /// Whether that is JSON.
    pub(super) is_json: bool,
    /// The difference, and in which form it is written.
    pub(super) overlay: Option<(Form, &'a [u8])>,
    /// The layout.
    pub(super) layout: Option<&'a [u8]>,
    /// Where other pages are, if links are to be replaced.
    pub(super) links: Option<&'a Around>,
}

/// What is shown.
///
/// # Errors
/// Where the parts do not go together.
pub(super) fn combine(parts: &Parts<'_>) -> Result<Vec<u8>, NotMade> {
    let mut page = match parts.overlay {
        None => parts.source.to_vec(),
        Some((Form::MergePatch, patch)) => merged(parts, patch)?,
        Some((Form::TextPatch, patch)) => patched(parts.source, patch)?,
    };
    if let Some(layout) = parts.layout {
        let layout = text(layout).map_err(|_| NotMade::PageLayoutWithoutPlace)?;
        let (before, after) = layout.split_once(PLACE).ok_or(NotMade::PageLayoutWithoutPlace)?;
        page = [before.as_bytes(), &page, after.as_bytes()].concat();
    }
    if let Some(around) = parts.links {
        page = linked(text(&page)?, around).into_bytes();
    }
    if page.len() as u64 > MOST_PAGE_BYTES { Err(NotMade::PageTooLarge) } else { Ok(page) }
}

fn text(bytes: &[u8]) -> Result<&str, NotMade> {
    std::str::from_utf8(bytes).map_err(|_| NotMade::PageNotText)
}

/// By RFC 7396. The members of what comes out are in the order of their names.
fn merged(parts: &Parts<'_>, patch: &[u8]) -> Result<Vec<u8>, NotMade> {
    if !parts.is_json {
        return Err(NotMade::PageOverlayUnreadable);
    }
    let patch: Value = serde_json::from_slice(patch).map_err(|_| NotMade::PageOverlayUnreadable)?;
    let mut page: Value = serde_json::from_slice(parts.source).map_err(|_| NotMade::PageOverlayConflict)?;
    // Members of something that has none would take the place of all of it.
    if patch.is_object() && !page.is_object() {
        return Err(NotMade::PageOverlayConflict);
    }
    merge(&mut page, patch);
    serde_json::to_vec(&page).map_err(|_| NotMade::PageOverlayConflict)
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn patched(page: &[u8], patch: &[u8]) -> Result<Vec<u8>, NotMade> {
    let patch = text(patch).map_err(|_| NotMade::PageOverlayUnreadable)?;
    let patch = diffy::Patch::from_str(patch).map_err(|_| NotMade::PageOverlayUnreadable)?;
    diffy::apply(text(page)?, &patch).map(String::into_bytes).map_err(|_| NotMade::PageOverlayConflict)
}

/// Each `"kippu:PATH"` led to where that page is; a path that is none stays as it is.
fn linked(page: &str, around: &Around) -> String {
    let (mut made, mut rest) = (String::with_capacity(page.len()), page);
    while let Some((before, behind)) = rest.split_once(LINK) {
        made.push_str(before);
        let path = behind.split_once('"').map(|(path, _)| path);
        match path.and_then(|path| PagePath::try_from(path.to_owned()).ok()) {
            Some(path) => {
                made.push('"');
                match around.links.get(&path) {
                    Some(url) => made.push_str(url),
                    None => made.extend(["/site/", path.as_str()]),
                }
                rest = behind.get(path.as_str().len()..).unwrap_or_default();
            }
            None => {
                made.push_str(LINK);
                rest = behind;
            }
        }
    }
    made.push_str(rest);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(source: &str) -> Parts<'_> {
        Parts { source: source.as_bytes(), is_json: true, overlay: None, layout: None, links: None }
    }

    fn made(parts: &Parts<'_>) -> Result<String, NotMade> {
        combine(parts).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_merge_patch_does_what_rfc_7396_says_in_its_appendix() {
        for (page, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            (r#"{}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        ] {
            let overlay = Some((Form::MergePatch, patch.as_bytes()));
            assert_eq!(made(&Parts { overlay, ..parts(page) }).as_deref(), Ok(expected), "{page} {patch}");
        }
        let overlay = |patch: &'static str| Some((Form::MergePatch, patch.as_bytes()));
        let refused = |page, patch, is_json| made(&Parts { overlay: overlay(patch), is_json, ..parts(page) });
        assert_eq!(refused("[1]", r#"{"a":1}"#, true), Err(NotMade::PageOverlayConflict));
        assert_eq!(refused("no json", r#"{"a":1}"#, true), Err(NotMade::PageOverlayConflict));
        assert_eq!(refused("{}", "no json", true), Err(NotMade::PageOverlayUnreadable));
        assert_eq!(refused("{}", "{}", false), Err(NotMade::PageOverlayUnreadable));
    }

    #[test]
    fn a_text_patch_applies_where_its_lines_are_and_nowhere_else() {
        let (one, own) = ("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nours\ne\nf\ng\n");
        let patch = diffy::create_patch(one, own).to_string();
        let apply = |page: &str| made(&Parts { overlay: Some((Form::TextPatch, patch.as_bytes())), ..parts(page) });
        assert_eq!(apply(one).as_deref(), Ok(own));
        assert_eq!(apply(&format!("new\n{one}")), Ok(format!("new\n{own}")));
        assert_eq!(apply("a\nb\nc\nother\ne\nf\ng\n"), Err(NotMade::PageOverlayConflict));
        let overlay = Some((Form::TextPatch, &b"@@ nothing @@"[..]));
        assert_eq!(made(&Parts { overlay, ..parts(one) }), Err(NotMade::PageOverlayUnreadable));
    }

    #[test]
    fn a_page_is_shown_at_the_place_of_its_layout_and_its_links_lead_to_where_pages_are() {
        let path = |text: &str| PagePath::try_from(text.to_owned()).unwrap();
        let links = [(path("far.html"), "http://127.0.0.1:1/site/far.html?revision=2".to_owned())].into();
        let around = Around { links, ..Around::default() };
        let page = Parts {
            layout: Some(b"<a href=\"kippu:far.html\"></a><!--content--> end"),
            links: Some(&around),
            ..parts("<a href=\"kippu:near.html\"> \"kippu:../x\" \"kippu:")
        };
        assert_eq!(
            made(&page).as_deref(),
            Ok(
                "<a href=\"http://127.0.0.1:1/site/far.html?revision=2\"></a><a href=\"/site/near.html\"> \"kippu:../x\" \"kippu: end"
            )
        );
        let layout = Some(&b"no place"[..]);
        assert_eq!(made(&Parts { layout, ..parts("") }), Err(NotMade::PageLayoutWithoutPlace));
        assert_eq!(combine(&Parts { source: b"\xff", links: Some(&around), ..parts("") }), Err(NotMade::PageNotText));
    }
}
