//! Entity tags as callers send them back: `"3"` is version 3. Whatever a proxy makes of a tag on its way names the same
//! version: nginx makes tags weak when it compresses an answer, and Apache puts `-gzip` behind them.

/// What proxies put behind a tag.
const SUFFIXES: [&str; 5] = ["-gzip", "-br", "-zstd", "-deflate", ";gzip"];

/// The tags of an `If-Match` or `If-None-Match`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tags {
    /// `*`: any version of what there is.
    Any,
    /// These, as they stand between the quotes.
    OneOf(Vec<String>),
}

/// It is neither `*` nor a list of entity tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotTags;

impl Tags {
    /// Reads a field; `text` is that of all its lines, with commas in between.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, NotTags> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let (mut tags, mut rest) = (Vec::new(), text.trim());
        while !rest.is_empty() {
            // A list may have empty members.
            if let Some(behind) = rest.strip_prefix(',') {
                rest = behind.trim_start();
                continue;
            }
            let opened = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"').ok_or(NotTags)?;
            let (tag, behind) = opened.split_once('"').ok_or(NotTags)?;
            let tag = SUFFIXES.iter().find_map(|suffix| tag.strip_suffix(suffix)).unwrap_or(tag);
            tags.push(tag.to_owned());
            rest = behind.trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(NotTags);
            }
        }
        if tags.is_empty() { Err(NotTags) } else { Ok(Self::OneOf(tags)) }
    }

    /// Whether `tag`, without quotes, is one of them. They are compared weakly: a version is a version, however it is
    /// written.
    #[must_use]
    pub fn have(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|one| one == tag),
        }
    }

    /// Whether `version` is one of them. What does not exist yet has the version 0, which `*` does not mean.
    #[must_use]
    pub fn have_version(&self, version: u64) -> bool {
        (version > 0 || *self != Self::Any) && self.have(&version.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_same_however_proxies_write_it() {
        for text in
            ["\"3\"", " \"3\" ", "W/\"3\"", "\"3-gzip\"", "W/\"3-br\"", "\"2\", \"3\"", "\"x,y\",,W/\"3\",", "*"]
        {
            assert!(Tags::parse(text).unwrap().have_version(3), "{text}");
        }
    }

    #[test]
    fn another_tag_is_another_version() {
        for text in ["\"4\"", "\"03\"", "\"+3\"", "\"\"", "\"three\"", "\"3-\"", "\"gzip\"", "\"18446744073709551616\""]
        {
            assert!(!Tags::parse(text).unwrap().have_version(3), "{text}");
        }
        assert!(!Tags::Any.have_version(0), "what there is not has no version");
    }

    #[test]
    fn what_is_no_list_of_tags_is_not_taken_for_one() {
        for text in ["", ",", "3", "\"3", "3\"", "\"3\" \"4\"", "w/\"3\"", "*, \"3\"", "W/3"] {
            assert_eq!(Tags::parse(text), Err(NotTags), "{text}");
        }
    }
}
