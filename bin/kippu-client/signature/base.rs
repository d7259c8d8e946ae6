//! The signature base (RFC 9421, section 2.5): the text that is signed, made of the parts of a message that a signature covers and of its
//! parameters, in the order in which its signer wrote them.

use std::collections::HashSet;

use sfv::{BareItem, Dictionary, FieldType as _, InnerList, Item, ListEntry, Parser};

use super::{Refused, Request, Response, SIGNATURE_INPUT};

/// A message, and the request that it answers.
#[derive(Clone, Copy)]
pub(super) enum Message<'a> {
    Request(Request<'a>),
    Response(Response<'a>, Request<'a>),
}

impl Request<'_> {
    fn part(&self, name: &str) -> Option<String> {
        match name {
            "@method" => Some(self.method.to_owned()),
            "@path" => Some(if self.path.is_empty() { "/" } else { self.path }.to_owned()),
            "@query" => Some(format!("?{}", self.query)),
            field => (self.field)(field),
        }
    }
}

impl Response<'_> {
    fn part(&self, name: &str) -> Option<String> {
        match name {
            "@status" => Some(self.status.to_string()),
            field => (self.field)(field),
        }
    }
}

/// What a signature says that it covers (RFC 9421, section 2): a part of the message, or of the request that it answers.
#[derive(PartialEq, Eq, Hash)]
struct Component<'a> {
    name: &'a str,
    of_request: bool,
    /// One member of a field that is a dictionary.
    member: Option<&'a str>,
}

impl<'a> Component<'a> {
    fn of(item: &'a Item) -> Result<Self, Refused> {
        let unknown = || Refused::Unknown(item.serialize());
        let name = item.bare_item.as_string().ok_or(Refused::Malformed(SIGNATURE_INPUT))?.as_str();
        let mut component = Self { name, of_request: false, member: None };
        for (key, value) in &item.params {
            match (key.as_str(), value) {
                ("req", BareItem::Boolean(true)) => component.of_request = true,
                ("key", BareItem::String(member)) => component.member = Some(member.as_str()),
                // `sf`, `bs`, `tr`, `name`: nobody needs them here, and what is not understood counts for nothing.
                _ => return Err(unknown()),
            }
        }
        if name.chars().any(|c| c.is_ascii_uppercase()) { Err(unknown()) } else { Ok(component) }
    }

    fn value(&self, message: Message<'_>) -> Option<String> {
        let whole = match (message, self.of_request) {
            (Message::Request(request), false) | (Message::Response(_, request), true) => request.part(self.name),
            (Message::Response(response, _), false) => response.part(self.name),
            (Message::Request(_), true) => None,
        }?;
        let Some(member) = self.member else { return Some(whole) };
        let dictionary: Dictionary = Parser::new(&whole).parse().ok()?;
        vec![dictionary.get(member)?.clone()].serialize()
    }
}

/// What is signed: `covered` as it came, and `message` as far as that covers it.
pub(super) fn base(covered: &InnerList, message: Message<'_>) -> Result<String, Refused> {
    let (mut base, mut seen) = (String::new(), HashSet::new());
    for item in &covered.items {
        let (component, name) = (Component::of(item)?, item.serialize());
        let value = component.value(message).ok_or_else(|| Refused::Absent(name.clone()))?;
        if value.chars().any(|c| !matches!(c, '\t' | ' '..='~')) {
            return Err(Refused::Unprintable(name));
        }
        if !seen.insert(component) {
            return Err(Refused::Twice(name));
        }
        base.extend([&name, ": ", &value, "\n"]);
    }
    base.extend(["\"@signature-params\": ", &serialized(covered)?]);
    Ok(base)
}

/// `covered` and its parameters as structured fields are written, in the order that they have.
pub(super) fn serialized(covered: &InnerList) -> Result<String, Refused> {
    vec![ListEntry::InnerList(covered.clone())].serialize().ok_or(Refused::Malformed(SIGNATURE_INPUT))
}
