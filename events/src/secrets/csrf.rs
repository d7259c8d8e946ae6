//! What shows that a page made for a session has sent a form: derived from the session, so that nothing is stored.

use data_encoding::BASE64URL_NOPAD;

use super::Secrets;
use super::mac::Keyed;
use crate::EntityId;

impl Secrets {
    /// What a form has to hold to be one of the session number `counter` of `session`, and of no other. Nobody else can make
    /// it. 43 characters.
    #[must_use]
    pub fn csrf(&self, session: EntityId, counter: u32) -> String {
        BASE64URL_NOPAD.encode(&self.csrf_of(session, counter).finish())
    }

    /// Whether `text` is what [`Secrets::csrf`] gave for this session; constant time.
    #[must_use]
    pub fn is_csrf(&self, session: EntityId, counter: u32, text: &str) -> bool {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
        self.csrf_of(session, counter).is(&bytes)
    }

    fn csrf_of(&self, session: EntityId, counter: u32) -> Keyed {
        self.csrf.clone().with(session.as_bytes()).with(&counter.to_be_bytes())
    }
}
