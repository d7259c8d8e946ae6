//! Formats that an operator of nginx made up: the text of a `log_format`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Field};
use super::line::{Access, Flaw};
use super::words::unescaped;

/// A `log_format`, such as `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent`. A variable's
/// value ends where the text that follows it in the format first occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Variable(Option<(Field, u8)>),
}

/// A text that is no format of lines that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATemplate {
    /// Nobody can say where the first one ends.
    #[error("two variables of the format have nothing between them")]
    Adjacent,
    /// A `$` without a name behind it.
    #[error("a $ of the format has no name behind it")]
    NoName,
    /// Lines of it do not say enough.
    #[error("the format lacks {0}")]
    Lacks(&'static str),
}

impl Template {
    /// The access in a line of this format.
    ///
    /// # Errors
    ///
    /// The first flaw of a line that is not one.
    pub fn parse<'a>(&self, line: &'a [u8]) -> Result<Access<'a>, Flaw> {
        let mut draft = Draft::default();
        let mut rest = line;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal.as_slice()).ok_or(Flaw::Shape)?,
                Part::Variable(variable) => {
                    let len = match parts.peek() {
                        Some(Part::Literal(literal)) => memchr::memmem::find(rest, literal).ok_or(Flaw::Shape)?,
                        Some(Part::Variable(_)) | None => rest.len(),
                    };
                    if let Some((field, rank)) = variable {
                        draft.put(*field, *rank, unescaped(&rest[..len]));
                    }
                    rest = &rest[len..];
                }
            }
        }
        if rest.is_empty() { draft.finish() } else { Err(Flaw::Tail) }
    }

    fn has(&self, fields: &[Field]) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(Some((field, _))) if fields.contains(field)))
    }
}

impl FromStr for Template {
    type Err = NotATemplate;

    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            if dollar > 0 {
                parts.push(Part::Literal(rest.as_bytes()[..dollar].to_vec()));
            } else if !parts.is_empty() {
                return Err(NotATemplate::Adjacent);
            }
            let (name, behind) = name(&rest[dollar + 1..]).ok_or(NotATemplate::NoName)?;
            parts.push(Part::Variable(variable(name)));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.as_bytes().to_vec()));
        }
        let template = Self { text: text.to_owned(), parts };
        for (fields, what) in [
            (&[Field::Time][..], "a time with its zone, such as $time_local"),
            (&[Field::Client], "$remote_addr"),
            (&[Field::Request, Field::Target], "$request"),
            (&[Field::Status], "$status"),
        ] {
            if !template.has(fields) {
                return Err(NotATemplate::Lacks(what));
            }
        }
        Ok(template)
    }
}

/// The name in `name…` or `{name}…`, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        return braced.split_once('}').filter(|(name, _)| !name.is_empty());
    }
    let len = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    (len > 0).then(|| text.split_at(len))
}

fn variable(name: &str) -> Option<(Field, u8)> {
    Some(match name {
        "time_iso8601" => (Field::Time, 1),
        "time_local" => (Field::Time, 2),
        // To the millisecond.
        "msec" => (Field::Time, 3),
        "remote_addr" => (Field::Client, 1),
        "server_name" => (Field::Host, 1),
        "http_host" => (Field::Host, 2),
        "host" => (Field::Host, 3),
        "remote_user" => (Field::User, 1),
        "request_method" => (Field::Method, 1),
        "request" => (Field::Request, 1),
        "uri" | "document_uri" => (Field::Target, 1),
        "request_uri" => (Field::Target, 2),
        "args" | "query_string" => (Field::Query, 1),
        "status" => (Field::Status, 1),
        "bytes_sent" => (Field::Bytes, 1),
        "body_bytes_sent" => (Field::Bytes, 2),
        "http_referer" => (Field::Referrer, 1),
        "http_user_agent" => (Field::Agent, 1),
        "request_time" => (Field::TakenS, 1),
        _ => return None,
    })
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Template {
    type Error = NotATemplate;

    fn try_from(text: String) -> Result<Self, NotATemplate> {
        text.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_do_not_say_enough_are_refused() {
        for (text, why) in [
            ("$remote_addr$status", NotATemplate::Adjacent),
            ("$ x", NotATemplate::NoName),
            ("${x", NotATemplate::NoName),
            ("$remote_addr $request $status", NotATemplate::Lacks("a time with its zone, such as $time_local")),
            ("$time_local $remote_addr $status", NotATemplate::Lacks("$request")),
        ] {
            assert_eq!(text.parse::<Template>(), Err(why), "{text}");
        }
    }

    #[test]
    fn values_end_where_the_next_text_begins() {
        let template: Template = r#"${remote_addr}|$msec|$request_method $uri|$args|$status|"$foo""#.parse().unwrap();
        let line = br#"192.0.2.1|1703373474.815|GET /a b|c=d|200|"x y""#;
        let access = template.parse(line).unwrap();
        assert_eq!(
            (&*access.method, &*access.path, access.query.as_deref()),
            (&b"GET"[..], &b"/a b"[..], Some(&b"c=d"[..]))
        );
        assert_eq!(access.at.micros(), 1_703_373_474_815_000);
        assert_eq!(template.parse(b"192.0.2.1|1703373474.815"), Err(Flaw::Shape));
        assert_eq!(template.parse(&[&line[..], b"!"].concat()), Err(Flaw::Tail));
    }
}
