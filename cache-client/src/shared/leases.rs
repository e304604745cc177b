//! The leases that this client may have: they were asked for, and neither refused nor given up.

use std::collections::HashMap;

use super::protocol::{Key, Shape, Token};
use crate::sync::Mutex;

/// Leases by their tokens.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<Token, (Key, Shape)>>);

impl Leases {
    pub(super) fn insert(&self, token: Token, key: Key, shape: Shape) {
        self.0.lock().insert(token, (key, shape));
    }

    pub(super) fn has(&self, token: Token) -> bool {
        self.0.lock().contains_key(&token)
    }

    /// Returns whether the lease was there.
    pub(super) fn remove(&self, token: Token) -> bool {
        let removed = self.0.lock().remove(&token);
        removed.is_some()
    }

    pub(super) fn take_all(&self) -> Vec<(Token, Key, Shape)> {
        let taken = std::mem::take(&mut *self.0.lock());
        taken.into_iter().map(|(token, (key, shape))| (token, key, shape)).collect()
    }
}
