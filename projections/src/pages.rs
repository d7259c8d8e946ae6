//! What one caller may have of answers that it has not taken yet: many connections that take large pages slowly fill the
//! memory of the node otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kippu_events::EntityId;

/// Sixty pages of the largest size.
const MOST_BYTES: usize = 64 << 20;

/// Bytes of pages on their way, by caller.
#[derive(Default)]
pub(crate) struct Pages(Mutex<HashMap<Option<EntityId>, usize>>);

/// A page on its way.
pub(crate) struct Held {
    pages: Arc<Pages>,
    caller: Option<EntityId>,
    bytes: usize,
}

impl Pages {
    /// Takes `bytes` into account until what this gives is dropped; nothing where `caller` has too many on their way.
    pub(crate) fn hold(self: &Arc<Self>, caller: Option<EntityId>, bytes: usize) -> Option<Held> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_caller = held.get(&caller).copied().unwrap_or_default();
        if of_caller > 0 && of_caller + bytes > MOST_BYTES {
            return None;
        }
        held.insert(caller, of_caller + bytes);
        Some(Held { pages: Arc::clone(self), caller, bytes })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.pages.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_caller) = held.get_mut(&self.caller) {
            *of_caller -= self.bytes;
            if *of_caller == 0 {
                held.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows F31.
    #[test]
    fn a_caller_has_so_many_bytes_on_their_way_and_another_as_many() {
        let pages = Arc::new(Pages::default());
        let [heavy, light] = [1, 2].map(|n| Some(EntityId::from_hash(&[n; 32])));
        let half = pages.hold(heavy, MOST_BYTES / 2);
        let rest = pages.hold(heavy, MOST_BYTES / 2);
        assert!(half.is_some() && rest.is_some());
        assert!(pages.hold(heavy, 1).is_none());
        assert!(pages.hold(light, MOST_BYTES).is_some());
        drop(half);
        assert!(pages.hold(heavy, MOST_BYTES / 2).is_some());
        assert!(pages.hold(heavy, MOST_BYTES / 2 + 1).is_none());
        drop(rest);
        // One is always answered, however large it is.
        assert!(pages.hold(heavy, MOST_BYTES + 1).is_some());
        assert!(pages.0.lock().unwrap().is_empty());
    }
}
