//! One JSON object a line, as nginx, Caddy and Traefik write them. Which one it is shows in the names of the members.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::draft::{Draft, Field, unquoted};
use super::line::{Access, Flaw, Text};

/// The access in a line that is an object. Numbers may be in quotes. Texts may be no UTF-8, since nginx does not see to it.
///
/// # Errors
///
/// The first flaw of a line that is not one.
pub fn parse(line: &[u8]) -> Result<Access<'_>, Flaw> {
    let mut draft = Draft::default();
    let mut json = serde_json::Deserializer::from_slice(line);
    let request =
        if request_is_object(line) { Member::Object(Scope::Request) } else { Member::Text(Field::Request, 1) };
    Object { draft: &mut draft, scope: Scope::Line, request }.deserialize(&mut json).map_err(|_| Flaw::Json)?;
    json.end().map_err(|_| Flaw::Json)?;
    draft.finish()
}

/// Whether the member `request` is an object, as Caddy has it, or the request's line. Within texts the quotes of such a
/// name are escaped, so it is not found there.
fn request_is_object(line: &[u8]) -> bool {
    let name = b"\"request\"";
    let Some(at) = memchr::memmem::find(line, name) else { return false };
    let rest = line[at + name.len()..].trim_ascii_start();
    rest.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"{"))
}

/// Which object members are of.
#[derive(Debug, Clone, Copy)]
enum Scope {
    Line,
    Request,
    Headers,
}

#[derive(Debug, Clone, Copy)]
enum Member {
    Text(Field, u8),
    Number(Field, u8),
    Object(Scope),
    Other,
}

struct Object<'d, 'a> {
    draft: &'d mut Draft<'a>,
    scope: Scope,
    request: Member,
}

impl Object<'_, '_> {
    /// A higher rank is nearer to what the client did: what it asked for before what that was rewritten to, bytes of the
    /// body before bytes on the wire, times with a zone before those that may lack it.
    fn member(&self, name: &[u8]) -> Member {
        match self.scope {
            Scope::Line => match name {
                b"StartUTC" => Member::Number(Field::Time, 8),
                b"msec" => Member::Number(Field::Time, 7),
                b"ts" => Member::Number(Field::Time, 6),
                b"time_iso8601" => Member::Number(Field::Time, 5),
                b"time_local" => Member::Number(Field::Time, 4),
                b"@timestamp" => Member::Number(Field::Time, 3),
                b"timestamp" | b"date" => Member::Number(Field::Time, 2),
                b"time" => Member::Number(Field::Time, 1),
                b"remote_addr" | b"ClientHost" => Member::Text(Field::Client, 3),
                b"remote_ip" | b"client_ip" => Member::Text(Field::Client, 2),
                b"ip" | b"client" => Member::Text(Field::Client, 1),
                b"host" | b"RequestHost" => Member::Text(Field::Host, 4),
                b"http_host" => Member::Text(Field::Host, 3),
                b"vhost" => Member::Text(Field::Host, 2),
                b"server_name" => Member::Text(Field::Host, 1),
                b"remote_user" | b"ClientUsername" => Member::Text(Field::User, 2),
                b"user" | b"user_id" => Member::Text(Field::User, 1),
                b"request_method" | b"RequestMethod" => Member::Text(Field::Method, 2),
                b"method" => Member::Text(Field::Method, 1),
                b"request" => self.request,
                b"request_uri" | b"RequestPath" => Member::Text(Field::Target, 3),
                b"uri" => Member::Text(Field::Target, 2),
                b"path" | b"url" => Member::Text(Field::Target, 1),
                b"args" | b"query_string" => Member::Text(Field::Query, 1),
                b"status" | b"DownstreamStatus" => Member::Number(Field::Status, 1),
                b"body_bytes_sent" | b"size" | b"DownstreamContentSize" => Member::Number(Field::Bytes, 3),
                b"bytes_sent" => Member::Number(Field::Bytes, 2),
                b"length" | b"bytes" => Member::Number(Field::Bytes, 1),
                b"http_referer" | b"request_Referer" => Member::Text(Field::Referrer, 2),
                b"http_referrer" | b"referer" | b"referrer" => Member::Text(Field::Referrer, 1),
                b"http_user_agent" | b"request_User-Agent" => Member::Text(Field::Agent, 2),
                b"user_agent" | b"agent" => Member::Text(Field::Agent, 1),
                b"request_time" | b"duration" => Member::Number(Field::TakenS, 1),
                b"generation_time_milli" => Member::Number(Field::TakenMs, 1),
                b"Duration" => Member::Number(Field::TakenNs, 1),
                _ => Member::Other,
            },
            Scope::Request => match name {
                // What a trusted proxy says about the client, where Caddy knows of one.
                b"client_ip" => Member::Text(Field::Client, 2),
                b"remote_ip" => Member::Text(Field::Client, 1),
                b"method" => Member::Text(Field::Method, 1),
                b"host" => Member::Text(Field::Host, 1),
                b"uri" => Member::Text(Field::Target, 1),
                b"headers" => Member::Object(Scope::Headers),
                _ => Member::Other,
            },
            Scope::Headers => match name {
                b"User-Agent" => Member::Text(Field::Agent, 1),
                b"Referer" => Member::Text(Field::Referrer, 1),
                _ => Member::Other,
            },
        }
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(Bytes(name)) = members.next_key()? {
            match self.member(&name) {
                Member::Text(field, rank) => {
                    if let Some(Bytes(text)) = members.next_value()? {
                        self.draft.put(field, rank, text);
                    }
                }
                Member::Number(field, rank) => {
                    // As it is written: a float would move the last digits.
                    let written = members.next_value::<&'de RawValue>()?.get();
                    if written != "null" {
                        self.draft.put(field, rank, unquoted(&Cow::Borrowed(written.as_bytes())));
                    }
                }
                Member::Object(scope) => {
                    members.next_value_seed(Object { draft: self.draft, scope, request: Member::Other })?;
                }
                Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The bytes of a text, or of the first text of a list.
struct Bytes<'a>(Text<'a>);

impl<'de> serde::Deserialize<'de> for Bytes<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
        Ok(Bytes(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes<'de>, E> {
        Ok(Bytes(Cow::Owned(bytes.to_vec())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Bytes<'de>, E> {
        self.visit_borrowed_bytes(text.as_bytes())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes<'de>, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut texts: S) -> Result<Bytes<'de>, S::Error> {
        let first = texts.next_element()?.unwrap_or(Bytes(Cow::default()));
        while texts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}
