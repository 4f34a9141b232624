//! What survives restarts: a small map of this component alone, written when the call returns.
//!
//! [`Table`] is what backends want: records by key, each replaced only by comparing it with what was
//! read, so that two calls for one task that cross each other both count. The functions beside it are
//! for single values.
//!
//! Keys: at most 256 bytes. Values: at most 64 KiB. In all: what the operator granted.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::host::storage;

/// What one value may weigh.
const MOST_BYTES: usize = 64 * 1024;

/// The value under `key`.
pub async fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    match storage::get(key.into()).await? {
        Some(bytes) => Ok(Some(decode(key, &bytes)?)),
        None => Ok(None),
    }
}

/// Puts `value` under `key`, whatever was there.
pub async fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Error> {
    storage::set(key.into(), Some(encode(key, value)?)).await
}

/// Nothing is under `key` any more.
pub async fn remove(key: &str) -> Result<(), Error> {
    storage::set(key.into(), None).await
}

/// True: `expected` was there, and `value` now is. One atomic step. `expected` must be written as it
/// was: after a change of the type use [`Table::update`], which compares what was read.
pub async fn compare_and_set<T: Serialize + ?Sized>(
    key: &str,
    expected: Option<&T>,
    value: Option<&T>,
) -> Result<bool, Error> {
    let expected = expected.map(|one| encode(key, one)).transpose()?;
    let value = value.map(|one| encode(key, one)).transpose()?;
    storage::compare_and_set(key.into(), expected, value).await
}

/// Keys that begin with `prefix`, in order of bytes, 1,000 at the most.
pub async fn keys(prefix: &str, limit: u32) -> Result<Vec<String>, Error> {
    storage::keys(prefix.into(), limit).await
}

/// Records of one kind, by key.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use taskhost_sdk::storage::Table;
///
/// #[derive(Clone, PartialEq, Serialize, Deserialize)]
/// struct Job {
///     url: String,
/// }
///
/// const JOBS: Table<Job> = Table::new("job/");
/// ```
#[derive(Debug)]
pub struct Table<T> {
    prefix: &'static str,
    records: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    /// The table of all keys that begin with `prefix`, such as `job/`.
    pub const fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            records: PhantomData,
        }
    }

    /// What is kept under `key`. A record that cannot be read is none, and the log says so.
    pub async fn get(&self, key: &str) -> Result<Option<T>, Error> {
        let bytes = storage::get(self.full(key)).await?;
        Ok(bytes.and_then(|bytes| self.readable(key, &bytes)))
    }

    /// Keeps `record`, unless there is one already. Returns that one.
    pub async fn insert(&self, key: &str, record: &T) -> Result<Option<T>, Error> {
        let bytes = encode(key, record)?;
        if storage::compare_and_set(self.full(key), None, Some(bytes)).await? {
            return Ok(None);
        }
        match self.get(key).await? {
            Some(known) => Ok(Some(known)),
            None => Err(Error::Unavailable((
                format!("`{key}` was removed while it was inserted"),
                Some(0),
            ))),
        }
    }

    /// Lets `change` work on the record, and keeps what it made of it. Nothing where there is none.
    ///
    /// `change` is called again when somebody else wrote in between, so it must not have effects.
    pub async fn update<A>(
        &self,
        key: &str,
        mut change: impl FnMut(&mut T) -> A,
    ) -> Result<Option<(T, A)>, Error> {
        loop {
            let Some(before) = storage::get(self.full(key)).await? else {
                return Ok(None);
            };
            let Some(mut record) = self.readable(key, &before) else {
                return Ok(None);
            };
            let answer = change(&mut record);
            let after = encode(key, &record)?;
            if after == before
                || storage::compare_and_set(self.full(key), Some(before), Some(after)).await?
            {
                return Ok(Some((record, answer)));
            }
        }
    }

    /// Forgets a record. One that is not there is forgotten already.
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        storage::set(self.full(key), None).await
    }

    /// All keys in order of bytes, 1,000 at the most.
    pub async fn keys(&self) -> Result<Vec<String>, Error> {
        let keys = storage::keys(self.prefix.into(), 1000).await?;
        Ok(keys
            .iter()
            .filter_map(|key| key.strip_prefix(self.prefix))
            .map(str::to_owned)
            .collect())
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn readable(&self, key: &str, bytes: &[u8]) -> Option<T> {
        match read(bytes) {
            Ok(record) => Some(record),
            Err(error) => {
                let table = self.prefix;
                tracing::warn!(table, key, %error, "a record cannot be read, and counts as none");
                None
            }
        }
    }
}

fn encode<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<Vec<u8>, Error> {
    let bytes = serde_json::to_vec(value)?;
    if bytes.len() > MOST_BYTES {
        return Err(Error::invalid(format!(
            "{} bytes are too many under `{key}`: at most {MOST_BYTES} are kept",
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// As text, like all other documents: a second reader of each type would double its code in a component.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, Error> {
    read(bytes).map_err(|error| Error::internal(format!("what is kept under `{key}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::Host;

    const NUMBERS: Table<u32> = Table::new("n/");

    #[test]
    fn the_first_record_of_a_key_stays() {
        Host::new().run(async {
            assert_eq!(NUMBERS.insert("a", &1).await, Ok(None));
            assert_eq!(NUMBERS.insert("a", &2).await, Ok(Some(1)));
            assert_eq!(NUMBERS.keys().await, Ok(vec!["a".to_owned()]));
            assert_eq!(NUMBERS.remove("a").await, Ok(()));
            assert_eq!(NUMBERS.get("a").await, Ok(None));
        });
    }

    #[test]
    fn a_change_that_crosses_another_is_made_again() {
        Host::new().run(async {
            NUMBERS.insert("a", &1).await.unwrap();
            let mut times = 0;
            let changed = NUMBERS.update("a", |number| {
                times += 1;
                if times == 1 {
                    crate::mock::storage_written("n/a", b"10");
                }
                *number += 1;
            });
            assert_eq!(changed.await, Ok(Some((11, ()))));
            assert_eq!(NUMBERS.update("b", |_| ()).await, Ok(None));
        });
    }

    #[test]
    fn what_cannot_be_read_counts_as_none_and_is_said() {
        let host = Host::new();
        host.run(async {
            set("n/a", "no number").await.unwrap();
            assert_eq!(NUMBERS.get("a").await, Ok(None));
            assert!(get::<u32>("n/a").await.is_err());
            let expected = "no number";
            assert_eq!(compare_and_set("n/a", Some("other"), None).await, Ok(false));
            assert_eq!(compare_and_set("n/a", Some(expected), None).await, Ok(true));
        });
        assert!(host.log()[0].message.contains("cannot be read"));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_sent() {
        Host::new().run(async {
            let Err(Error::InvalidInput(why)) = set("k", &"x".repeat(MOST_BYTES)).await else {
                panic!("it was kept");
            };
            assert!(why.contains("`k`"), "{why}");
        });
    }
}
