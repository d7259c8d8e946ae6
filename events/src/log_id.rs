//! What tells one log from every other.

/// The identity of a log, for ever: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    /// An identity that no other log has.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }

    /// Appends the text form to `out` without allocating.
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        let mut text = [0; 32];
        data_encoding::HEXLOWER.encode_mut(&self.0, &mut text);
        out.extend_from_slice(&text);
    }
}

crate::text::hex!(LogId, 16, "the identity of a log, 32 hexadecimal digits");
