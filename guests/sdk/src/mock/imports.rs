//! The imports, natively: the same names and types as in a component.

#![allow(missing_docs, reason = "what they do is said in `wit/host.wit`")]

#[cfg(feature = "backend")]
use super::Pushed;
use super::{Line, Sleep, World};

pub mod logging {
    use super::{Line, World};

    pub use crate::bindings::host::taskhost::plugin::logging::Level;

    pub fn log(level: Level, message: &str, fields: &[(String, String)]) {
        World::with(|world| {
            world.lines.push(Line {
                level,
                message: message.into(),
                fields: fields.to_vec(),
            });
        });
    }
}

pub mod timers {
    use super::{Sleep, World};

    pub fn now_ms() -> u64 {
        World::with(|world| world.now_ms)
    }

    pub async fn sleep(ms: u64) {
        Sleep::new(ms).await;
    }
}

#[cfg(feature = "backend")]
pub mod net {
    pub use crate::mock::peer::{Connection, connect, connect_tls};
}

#[cfg(feature = "backend")]
pub mod secrets {
    use super::World;

    pub fn get(name: &str) -> Option<String> {
        World::with(|world| world.secrets.get(name).cloned())
    }
}

#[cfg(feature = "backend")]
pub mod events {
    use super::{Pushed, World};
    use crate::Observation;

    pub fn observed(id: &str, observation: &Observation) {
        let pushed = Pushed::Observed(id.into(), observation.clone());
        World::with(|world| world.pushed.push(pushed));
    }

    pub fn output(id: &str, line: &str) {
        let pushed = Pushed::Output(id.into(), line.into());
        World::with(|world| world.pushed.push(pushed));
    }

    pub fn catalog_changed() {
        World::with(|world| world.pushed.push(Pushed::CatalogChanged));
    }
}

#[cfg(feature = "backend")]
#[allow(
    clippy::unused_async,
    reason = "the host's functions are, and so are these"
)]
pub mod storage {
    use super::World;
    use crate::Error;

    pub async fn get(key: String) -> Result<Option<Vec<u8>>, Error> {
        Ok(World::with(|world| world.stored.get(&key).cloned()))
    }

    pub async fn set(key: String, value: Option<Vec<u8>>) -> Result<(), Error> {
        World::with(|world| {
            match value {
                Some(value) => world.stored.insert(key, value),
                None => world.stored.remove(&key),
            };
        });
        Ok(())
    }

    pub async fn compare_and_set(
        key: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Result<bool, Error> {
        let same = World::with(|world| world.stored.get(&key) == expected.as_ref());
        if same {
            set(key, value).await?;
        }
        Ok(same)
    }

    pub async fn keys(prefix: String, limit: u32) -> Result<Vec<String>, Error> {
        let most = usize::try_from(limit.min(1000)).unwrap_or(1000);
        Ok(World::with(|world| {
            let keys = world.stored.keys();
            keys.filter(|key| key.starts_with(&prefix))
                .take(most)
                .cloned()
                .collect()
        }))
    }
}

#[cfg(feature = "strategy")]
pub mod tasks {
    pub use crate::mock::calls::Call;
}

#[cfg(feature = "http")]
pub(crate) mod http {
    use std::time::Duration;

    use crate::Error;
    use crate::http::{Plain, Response, Target};
    use crate::mock::requests;

    pub(crate) async fn send(
        plain: Plain,
        target: Target,
        _timeout: Duration,
        limit: usize,
    ) -> Result<Response, Error> {
        requests::send(plain, target, limit).await
    }
}
