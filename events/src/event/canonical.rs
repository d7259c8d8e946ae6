//! Reading a body that is, byte for byte, as [`super::BodyWriter`] writes it: every body of an honest log. A few times
//! faster than a JSON parser, because nothing is looked for. Whatever is spelt otherwise is left to the parser.

use std::sync::LazyLock;

use memchr::{memchr, memmem};

use super::{Cause, EventId, Mac, Recorded};
use crate::entity::EntityKey;
use crate::time::Time;

/// What stands behind an event's data.
static SUBJECT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(br#","subject":""#));

/// The events of `body`, or nothing where it is spelt in another way.
pub(super) fn read(body: &[u8]) -> Option<Vec<Recorded<'_>>> {
    let mut text = Text(std::str::from_utf8(body).ok()?);
    text.literal("[")?;
    let mut events: Vec<Recorded<'_>> = Vec::with_capacity(2);
    loop {
        events.push(text.event()?);
        if text.literal(",").is_none() {
            break;
        }
    }
    text.literal("]")?;
    text.0.is_empty().then_some(events)
}

/// What has not been read yet.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// A string's content up to its closing quote, which is read too. Strings with escapes are spelt in another way.
    fn string(&mut self) -> Option<&'a str> {
        let (content, rest) = self.0.split_at_checked(memchr(b'"', self.0.as_bytes())?)?;
        self.0 = &rest[1..];
        let plain = content.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'\\'));
        plain.then_some(content)
    }

    /// A number as JSON writes it: digits without leading zeros.
    fn number(&mut self) -> Option<u64> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        (number == "0" || !number.starts_with('0')).then(|| number.parse().ok())?
    }

    /// An object that is followed by the member `subject`. What looks like one inside it is found out by what follows:
    /// behind the last attribute nothing may stand but the next event or the end.
    fn data(&mut self) -> Option<&'a str> {
        let (data, rest) = self.0.split_at_checked(SUBJECT.find(self.0.as_bytes())?)?;
        self.0 = rest;
        (data.starts_with('{') && data.ends_with('}')).then_some(data)
    }

    fn event(&mut self) -> Option<Recorded<'a>> {
        self.literal(r#"{"specversion":"1.0","id":""#)?;
        let partition = u16::try_from(self.number()?).ok()?;
        self.literal("-")?;
        let number = self.number()?;
        self.literal(".")?;
        let index = u32::try_from(self.number()?).ok()?;
        self.literal(r#"","source":"urn:kippu:"#)?;
        let source = self.string()?;
        self.literal(r#","type":""#)?;
        let kind = self.string()?;
        self.literal(r#","data":"#)?;
        let data = self.data()?;
        self.literal(r#","subject":""#)?;
        let entity: EntityKey = self.string()?.parse().ok()?;
        self.literal(r#","time":""#)?;
        let time = Time::of_written(self.string()?)?;
        self.literal(r#","entityversion":"#)?;
        let version = self.number()?;
        self.literal(r#","schemaversion":"#)?;
        let schema = u32::try_from(self.number()?).ok()?;
        let cause = self.cause()?;
        self.literal("}")?;
        Some(Recorded {
            source,
            id: EventId { partition, number, index },
            entity,
            version,
            kind,
            schema,
            time,
            cause,
            data,
            decoded: super::Decoded::default(),
        })
    }

    fn cause(&mut self) -> Option<Cause> {
        self.literal(r#","command":""#)?;
        let command = self.string()?;
        self.literal(r#","commandmac":""#)?;
        let body = self.string()?;
        self.literal(r#","principal":""#)?;
        let principal = self.string()?;
        let mut cause = Cause::new(Mac::parse(command)?, Mac::parse(body)?, principal.parse().ok()?);
        if self.literal(r#","causation":""#).is_some() {
            cause.causation = Some(self.string()?.parse().ok()?);
        }
        if self.literal(r#","correlation":""#).is_some() {
            cause.correlation = Some(Mac::parse(self.string()?)?);
        }
        Some(cause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read::read_parsed;
    use super::*;

    const WRITTEN: &str = concat!(
        r#"[{"specversion":"1.0","id":"3-17.0","source":"urn:kippu:0707","type":"placement.opened","data":{"label":"a \"b\" {c}"},"#,
        r#""subject":"placements/abcdefghijklmnopqrstuvwx","time":"2026-11-21T09:30:00.000000Z","entityversion":1,"#,
        r#""schemaversion":1,"command":"AAAAAAAAAAAAAAAAAAAAAA","commandmac":"AAAAAAAAAAAAAAAAAAAAAQ","principal":"operator"},"#,
        r#"{"specversion":"1.0","id":"3-17.1","source":"urn:kippu:0707","type":"placement.closed","data":{},"#,
        r#""subject":"placements/abcdefghijklmnopqrstuvwx","time":"2026-11-21T09:30:00.000000Z","entityversion":2,"#,
        r#""schemaversion":1,"command":"AAAAAAAAAAAAAAAAAAAAAA","commandmac":"AAAAAAAAAAAAAAAAAAAAAQ","principal":"reactions/settled","causation":"3-9.0","correlation":"AAAAAAAAAAAAAAAAAAAAAA"}]"#,
    );

    fn told(events: &[Recorded<'_>]) -> String {
        format!("{events:?}")
    }

    #[test]
    fn a_body_as_we_write_it_is_read_without_the_parser() {
        let events = read(WRITTEN.as_bytes()).unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(told(&events), told(&read_parsed(WRITTEN.as_bytes()).unwrap()));
    }

    #[test]
    fn data_that_looks_like_an_envelope_is_left_to_the_parser() {
        let inner = r#"{"label":"l","x":{"y":1},"subject":"users/aaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        let body = WRITTEN.replace(r#"{"label":"a \"b\" {c}"}"#, inner);
        assert!(read(body.as_bytes()).is_none());
        assert_eq!(read_parsed(body.as_bytes()).unwrap()[0].data, inner);
    }

    proptest! {
        /// Whatever is changed: what is read here is what the parser reads.
        #[test]
        fn what_is_read_here_is_what_the_parser_reads(at in 0..WRITTEN.len(), cut in 0..3_usize, put in "[ -~]{0,3}") {
            let mut body = WRITTEN.to_owned();
            body.replace_range(at..(at + cut).min(WRITTEN.len()), &put);
            if let Some(events) = read(body.as_bytes()) {
                match read_parsed(body.as_bytes()) {
                    Ok(parsed) => prop_assert_eq!(told(&events), told(&parsed)),
                    // What stands in data is looked at only where it is decoded.
                    Err(refused) => prop_assert!(
                        events.iter().any(|event| serde_json::from_str::<serde_json::Value>(event.data).is_err()),
                        "{refused}: {body}"
                    ),
                }
            }
        }
    }
}
