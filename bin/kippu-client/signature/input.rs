//! The header fields `signature-input` and `signature` (RFC 9421, section 4): which signature counts, its parameters, and how ours are
//! written.

use std::convert::Infallible;

use sfv::visitor::{DictionaryVisitor, EntryVisitor};
use sfv::{BareItem, Dictionary, FieldType as _, InnerList, Integer, Item, KeyRef, ListEntry, Parser, StringRef};

use super::base::{Message, base, serialized};
use super::{LABEL, Refused, SIGNATURE, SIGNATURE_INPUT, Signed, Signer};

/// The only algorithm: keys of parties are Ed25519.
const ALGORITHM: &str = "ed25519";

/// A signature that is not checked yet.
pub(super) struct Input {
    pub label: String,
    /// What it covers, and its parameters.
    pub covered: InnerList,
    pub signature: [u8; 64],
    pub party: String,
    pub key: String,
}

impl Input {
    /// The one signature that counts: where a proxy or somebody else has signed too, that of a party.
    pub fn find(field: &dyn Fn(&str) -> Option<String>) -> Result<Self, Refused> {
        let (Some(inputs), Some(signatures)) = (field(SIGNATURE_INPUT), field(SIGNATURE)) else {
            return Err(Refused::Unsigned);
        };
        let inputs = dictionary(&inputs).ok_or(Refused::Malformed(SIGNATURE_INPUT))?;
        let signatures = dictionary(&signatures).ok_or(Refused::Malformed(SIGNATURE))?;
        let mut of_parties = Vec::new();
        for (label, entry) in &inputs {
            let ListEntry::InnerList(covered) = entry else { return Err(Refused::Malformed(SIGNATURE_INPUT)) };
            of_parties.extend(signer(covered).map(|signer| (label.as_str(), covered, signer)));
        }
        if of_parties.len() > 1 {
            return Err(Refused::Ambiguous(of_parties.len()));
        }
        let none = if inputs.is_empty() { Refused::Unsigned } else { Refused::KeyId };
        let (label, covered, (party, key)) = of_parties.pop().ok_or(none)?;
        match covered.params.get("alg") {
            None => {}
            Some(BareItem::String(name)) if name.as_str() == ALGORITHM => {}
            Some(BareItem::String(name)) => return Err(Refused::Algorithm(name.as_str().to_owned())),
            Some(_) => return Err(Refused::Malformed(SIGNATURE_INPUT)),
        }
        let signature = signatures.get(label).and_then(bytes).and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or(Refused::Malformed(SIGNATURE))?;
        Ok(Self { label: label.to_owned(), covered: covered.clone(), signature, party, key })
    }

    /// The parameter `name`, which is a time.
    pub fn time(&self, name: &'static str) -> Result<i64, Refused> {
        let time = self.covered.params.get(name).and_then(BareItem::as_integer);
        time.map(i64::from).ok_or(Refused::Time(name))
    }

    /// The parameter `nonce`.
    pub fn nonce(&self) -> Option<&str> {
        self.covered.params.get("nonce").and_then(BareItem::as_string).map(StringRef::as_str)
    }

    /// Whether it covers each of `due`, as a whole.
    pub fn demand(&self, due: impl IntoIterator<Item = Item>) -> Result<(), Refused> {
        let lacks = due.into_iter().find(|due| !self.covered.items.contains(due));
        lacks.map_or(Ok(()), |due| Err(Refused::NotCovered(due.serialize())))
    }
}

/// The parameter `keyid`: a party and one of its keys.
fn signer(covered: &InnerList) -> Option<(String, String)> {
    let keyid = covered.params.get("keyid")?.as_string()?.as_str();
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let (party, key) = keyid.split_once('.').filter(|(party, key)| is_name(party) && is_name(key))?;
    Some((party.to_owned(), key.to_owned()))
}

/// The bytes of a member of the field `signature`.
pub(super) fn bytes(entry: &ListEntry) -> Option<&[u8]> {
    match entry {
        ListEntry::Item(item) => item.bare_item.as_byte_sequence(),
        ListEntry::InnerList(_) => None,
    }
}

/// A part that is covered as a whole.
pub(super) fn part(name: &'static str) -> Item {
    Item::new(StringRef::constant(name))
}

/// `message` signed over `parts` by `signer`, with `times` among the parameters.
pub(super) fn sign(
    message: Message<'_>,
    parts: Vec<Item>,
    times: &[(&str, i64)],
    nonce: Option<&str>,
    signer: &Signer,
) -> Result<Signed, Refused> {
    let mut covered = InnerList::new(parts);
    let mut set = |name: &str, value: BareItem| {
        covered.params.insert(KeyRef::constant(name).to_owned(), value);
    };
    let text = |text: &str| sfv::String::from_string(text.to_owned()).map_err(|_| Refused::KeyId);
    for (name, time) in times {
        set(name, Integer::try_from(*time).map_err(|_| Refused::Time("created"))?.into());
    }
    set("keyid", text(&signer.keyid)?.into());
    set("alg", text(ALGORITHM)?.into());
    if let Some(nonce) = nonce {
        set("nonce", text(nonce)?.into());
    }
    let signature = (signer.sign)(base(&covered, message)?.as_bytes());
    let signature = Item::new(BareItem::ByteSequence(signature.to_vec()));
    Ok(Signed {
        input: format!("{LABEL}={}", serialized(&covered)?),
        signature: format!("{LABEL}={}", signature.serialize()),
    })
}

/// A field that is a dictionary and names nothing twice. RFC 9651 lets the last one count, but whoever stands in between may not.
pub(super) fn dictionary(field: &str) -> Option<Dictionary> {
    Parser::new(field).parse_dictionary_with_visitor(Once(Dictionary::new())).ok()
}

struct Once(Dictionary);

#[derive(Debug, thiserror::Error)]
#[error("it is named twice")]
struct Twice;

impl From<Infallible> for Twice {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl<'de> DictionaryVisitor<'de> for Once {
    type Out = Dictionary;
    type Error = Twice;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Twice> {
        if self.0.contains_key(key) {
            return Err(Twice);
        }
        Ok(DictionaryVisitor::entry(&mut self.0, key)?)
    }

    fn finish(self) -> Result<Dictionary, Twice> {
        Ok(self.0)
    }
}
