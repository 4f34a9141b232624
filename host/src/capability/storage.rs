//! `storage`: a small durable map for each component.

use futures::future::BoxFuture;
use wasmtime::component::{Accessor, HasSelf};

use super::Guest;
use super::bindings::host::storage;
use super::bindings::host::types::Error;
use super::denials::{Denied, Kind};
use crate::config::grant::Allowed;
use crate::config::limits;
use crate::config::units::Size;

/// Where the maps of components are kept.
pub trait ComponentMap: Send + Sync {
    /// The value of `key`.
    fn get(&self, component: &str, key: &str) -> Result<Option<Vec<u8>>, String>;
    /// Bytes that the component keeps.
    fn size(&self, component: &str) -> Result<u64, String>;
    /// Writes or removes, and resolves when that is durable.
    fn set(
        &self,
        component: &str,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), String>>;
    /// Writes `value` where `expected` is. Resolves, when durable, to whether it was.
    fn swap(
        &self,
        component: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<bool, String>>;
    /// Keys with this prefix, in order, at most `limit`.
    fn keys(&self, component: &str, prefix: &str, limit: usize) -> Result<Vec<String>, String>;
}

impl storage::Host for Guest {}

impl<T: Send> storage::HostWithStore<T> for HasSelf<Guest> {
    async fn get(host: &Accessor<T, Self>, key: String) -> Result<Option<Vec<u8>>, Error> {
        host.with(|mut access| {
            let guest = access.get();
            guest
                .ports
                .storage
                .get(&guest.name, &key)
                .map_err(Error::Internal)
        })
    }

    async fn set(
        host: &Accessor<T, Self>,
        key: String,
        value: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let write = host.with(|mut access| {
            let guest = access.get();
            check(&mut *guest, &key, value.as_deref())?;
            Ok::<_, Error>(guest.ports.storage.set(&guest.name, &key, value))
        })?;
        write.await.map_err(Error::Internal)
    }

    async fn compare_and_set(
        host: &Accessor<T, Self>,
        key: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Result<bool, Error> {
        let write = host.with(|mut access| {
            let guest = access.get();
            check(&mut *guest, &key, value.as_deref())?;
            Ok::<_, Error>(guest.ports.storage.swap(&guest.name, &key, expected, value))
        })?;
        write.await.map_err(Error::Internal)
    }

    async fn keys(
        host: &Accessor<T, Self>,
        prefix: String,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        host.with(|mut access| {
            let guest = access.get();
            let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(1_000);
            guest
                .ports
                .storage
                .keys(&guest.name, &prefix, limit)
                .map_err(Error::Internal)
        })
    }
}

fn check(guest: &mut Guest, key: &str, value: Option<&[u8]>) -> Result<(), Error> {
    if key.is_empty() || key.len() > limits::STORED_KEY {
        return Err(Error::InvalidInput(format!(
            "a storage key has 1 to {} bytes, this one {}",
            limits::STORED_KEY,
            key.len()
        )));
    }
    let Some(value) = value else { return Ok(()) };
    if value.len() > limits::STORED_VALUE {
        return Err(Error::InvalidInput(format!(
            "a stored value has at most {} bytes, this one {}",
            limits::STORED_VALUE,
            value.len()
        )));
    }
    // What is added up here forgets removals, so it is an upper bound: only when it reaches the limit
    // is the map measured.
    let ports = &guest.ports;
    let limit = ports.grants.storage.unwrap_or(ports.limits.storage);
    let more = (key.len() + value.len()) as u64;
    let mut bound = guest.stored_at_most.unwrap_or(limit);
    if bound.saturating_add(more) > limit {
        bound = guest
            .ports
            .storage
            .size(&guest.name)
            .map_err(Error::Internal)?;
        if bound.saturating_add(more) > limit {
            let denied = Denied {
                kind: Kind::Storage,
                target: format!("more than {}", Size(limit)),
                why: None,
                grant: Some(Allowed::Storage(limit.saturating_mul(2).max(1 << 20)).to_string()),
            };
            let ports = &guest.ports;
            return Err(Error::Denied(ports.denials.deny(&guest.name, denied)));
        }
    }
    let bound = bound.saturating_add(more);
    guest.stored_at_most = Some(bound);
    let meter = &guest.ports.meter;
    meter
        .storage
        .set(usize::try_from(bound).unwrap_or(usize::MAX));
    Ok(())
}
