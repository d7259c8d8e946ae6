//! Identifiers of entities, and the slots that decide which partition they live in.

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Lower-case RFC 4648 base32 without padding: no look-alike digits 0 and 1, safe in URLs, paths and file names.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    // The alphabet is a constant with 32 distinct symbols, so this holds for every run or for none.
    #[allow(clippy::expect_used)]
    spec.encoding().expect("a valid base32 alphabet")
});

/// The name of one entity within its family: 120 bits, written as 24 characters of lower-case base32.
///
/// ```text
/// abcd efghijklmnopqrstuvwx
/// slot rest
/// ```
///
/// The first four characters are the [`Slot`]. Ids hold no personal data: they are keyed hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId([u8; EntityId::BYTES]);

impl EntityId {
    /// Bytes in memory and in keys.
    pub const BYTES: usize = 15;
    /// Characters in text.
    pub const CHARS: usize = 24;

    /// An id from the first 120 bits of a keyed hash. Its slot comes from the hash too.
    #[must_use]
    pub fn from_hash(hash: &[u8; 32]) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(&hash[..Self::BYTES]);
        Self(bytes)
    }

    /// The same id moved into `slot`, so that its records lie next to those of the entity that has this slot.
    #[must_use]
    pub const fn in_slot(mut self, slot: Slot) -> Self {
        self.0[0] = slot.0[0];
        self.0[1] = slot.0[1];
        self.0[2] = (slot.0[2] & 0xf0) | (self.0[2] & 0x0f);
        self
    }

    /// The slot in which this entity was born.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        Slot([self.0[0], self.0[1], self.0[2] & 0xf0])
    }

    /// The bytes, as keys store them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The id that `bytes` are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Appends the text form to `out` without allocating.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut text = [0; Self::CHARS];
        BASE32.encode_mut(&self.0, &mut text);
        out.extend_from_slice(&text);
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::CHARS];
        BASE32.encode_mut(&self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of each character of base32; 255 for every other.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0_u8;
    while value < 32 {
        let char = if value < 26 { b'a' + value } else { b'2' + (value - 26) };
        values[char as usize] = value;
        value += 1;
    }
    values
};

/// Text that is not an [`EntityId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 24 characters of a-z and 2-7")]
pub struct NotAnId;

impl FromStr for EntityId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let text: &[u8; Self::CHARS] = text.as_bytes().try_into().map_err(|_| NotAnId)?;
        let mut bytes = [0; Self::BYTES];
        let mut wrong = 0;
        // Eight characters of five bits are five bytes. By hand: a log is full of ids.
        for (chars, bytes) in text.chunks_exact(8).zip(bytes.chunks_exact_mut(5)) {
            let bits = chars.iter().fold(0_u64, |bits, char| {
                let value = VALUES[usize::from(*char)];
                wrong |= value;
                bits << 5 | u64::from(value & 31)
            });
            bytes.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        if wrong < 32 { Ok(Self(bytes)) } else { Err(NotAnId) }
    }
}

impl Serialize for EntityId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            crate::text::parse(deserializer, "an id")
        } else {
            <[u8; Self::BYTES]>::deserialize(deserializer).map(Self)
        }
    }
}

impl schemars::JsonSchema for EntityId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EntityId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[a-z2-7]{24}$", "description": "The id of an entity; its first four characters are its slot."
        })
    }
}

/// The first 20 bits of an id: what entities share that share their records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot([u8; 3]);

impl Slot {
    /// The partition, of `count`, that holds this slot: murmur2 over the four characters, as Kafka's own clients
    /// place a record with this key.
    #[must_use]
    pub fn partition(&self, count: u16) -> u16 {
        let positive = murmur2(&self.chars()) & 0x7fff_ffff;
        // The remainder of a division by a u16 fits in a u16.
        #[allow(clippy::cast_possible_truncation)]
        let partition = (positive % u32::from(count.max(1))) as u16;
        partition
    }

    /// The four characters, as a record's key holds them.
    #[must_use]
    pub fn chars(&self) -> [u8; 4] {
        let mut text = [0; 5];
        BASE32.encode_mut(&self.0, &mut text);
        [text[0], text[1], text[2], text[3]]
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.chars()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The 32-bit murmur2 of Kafka's clients (seed 0x9747b28c).
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    #[allow(clippy::cast_possible_truncation)] // keys are a few bytes long
    let mut h = SEED ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

/// For maps by ids of entities and commands. Callers choose ids in paths, so it is seeded: nobody can choose many that fall
/// together.
pub type BuildIdHasher = foldhash::fast::RandomState;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = EntityId::from_hash(&[0xa7; 32]);
        assert_eq!(id.to_string().len(), EntityId::CHARS);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_born_in_a_slot_has_that_slot_and_its_own_rest() {
        let user = EntityId::from_hash(&[0x5c; 32]);
        let one = EntityId::from_hash(&[1; 32]).in_slot(user.slot());
        let two = EntityId::from_hash(&[2; 32]).in_slot(user.slot());
        assert_eq!((one.slot(), two.slot()), (user.slot(), user.slot()));
        assert_ne!(one, two);
        assert_eq!(one.to_string()[..4], user.to_string()[..4]);
        assert_eq!(one.slot().to_string(), user.to_string()[..4]);
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        for text in [
            "",
            "abcd",
            "ABCDEFGHIJKLMNOPQRSTUVWX",
            "0bcdefghijklmnopqrstuvwx",
            "abcdefghijklmnopqrstuvwxy",
            "äbcdefghijklmnopqrstuvw",
        ] {
            assert_eq!(text.parse::<EntityId>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn a_slot_is_placed_as_kafkas_own_clients_place_a_key() {
        // Vectors of Kafka's UtilsTest.testMurmur2.
        for (key, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), u32::from_ne_bytes(hash.to_ne_bytes()), "{key}");
        }
    }
}
