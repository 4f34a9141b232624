//! The small maps of components.
//!
//! ```text
//! short   C: the value
//! long    C: its length   D 0, D 1, …: pieces of it
//! ```
//!
//! A component may keep 64 KiB under a key, and no place in the tree holds more than 8. Pieces, not
//! files: they change together with their length in one batch, and cost no sync of their own.

use super::codec::{self, BODY, Fault};
use super::key::{self, Span};
use super::stage::Stage;
use super::view::{Layers, Order};
use crate::store::{StoreError, limit};

/// The value is in pieces.
const IN_PIECES: u8 = 1;

impl Stage<'_> {
    /// Writes or removes a value.
    pub(super) fn set(
        &mut self,
        component: &str,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        limit::component(component, key, value)?;
        let pieces = self
            .layers()
            .rows(&key::pieces(component, key), Order::Ascending, usize::MAX)
            .map_err(|fault| fault.at_store(self.path))?;
        for (piece, _) in pieces {
            self.delete(piece);
        }
        let head = key::component(component, key);
        match value {
            None => self.delete(head),
            Some(value) if value.len() <= BODY => self.put(head, 0, value),
            Some(value) => {
                for (index, piece) in (0..).zip(value.chunks(BODY)) {
                    self.put(key::piece(component, key, index), 0, piece);
                }
                self.put(head, IN_PIECES, &(value.len() as u64).to_be_bytes());
            }
        }
        Ok(())
    }
}

impl Layers<'_> {
    /// A component's value.
    pub(super) fn component(&self, name: &str, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        let head = key::component(name, key);
        let Some(value) = self.get(&head)? else {
            return Ok(None);
        };
        let opened = codec::unseal(&head, &value)?;
        if opened.flags & IN_PIECES == 0 {
            return Ok(Some(opened.body.to_vec()));
        }
        let mut whole = Vec::new();
        for (key, value) in self.rows(&key::pieces(name, key), Order::Ascending, usize::MAX)? {
            whole.extend_from_slice(codec::unseal(&key, &value)?.body);
        }
        if key::number_at_end(opened.body) != Some(whole.len() as u64) {
            return Err(Fault::at(&head, "is not as long as it was"));
        }
        Ok(Some(whole))
    }

    /// Bytes of all keys and values. A scan: at most 8 MiB, and asked for once per component.
    pub(super) fn component_size(&self, name: &str) -> Result<u64, Fault> {
        let span = Span::of(key::component(name, ""));
        let mut size = 0;
        for (key, value) in self.rows(&span, Order::Ascending, usize::MAX)? {
            let opened = codec::unseal(&key, &value)?;
            let length = if opened.flags & IN_PIECES == 0 {
                opened.body.len() as u64
            } else {
                key::number_at_end(opened.body).unwrap_or_default()
            };
            size += length + (key.len() - key::component_head(name)) as u64;
        }
        Ok(size)
    }
}
