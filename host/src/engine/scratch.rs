//! Looking at a component without letting it at anything.
//!
//! `describe`, and a rehearsal of `init`, run in instances of their own that are dropped afterwards, with no
//! network, no storage and nobody listening: what a component says of itself must not depend on what it may
//! do, and what it thinks of its configuration must be known before anything is opened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::actor::World;
use super::answer::CallError;
use super::load::LoadError;
use super::stderr::Stderr;
use super::{Engine, trap, watchdog};
use crate::capability::bindings::host::types as wire;
use crate::capability::convert;
use crate::capability::logging::cut;
use crate::capability::{ComponentMap, Ports};
use crate::clock::SystemClock;
use crate::config::grant::Grants;
use crate::config::limits::{ERROR, Limits, SCHEMA};
use crate::error::{Code, Report};
use crate::task::Json;

/// Who a component says it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Its own name, which the operator may override.
    pub name: String,
    /// Its version.
    pub version: String,
    /// For people.
    pub description: Option<String>,
    /// JSON Schema of its configuration.
    pub config_schema: Option<Json>,
    /// How often a running task is worth an `observe`.
    pub observe_every: Option<Duration>,
}

/// Asks a component of world `W` who it is.
pub(super) async fn describe<W: World>(
    engine: &Engine,
    linked: &W::Linked,
    limits: &Limits,
) -> Result<Info, LoadError> {
    let stderr = Stderr::default();
    let name: Arc<str> = "component".into();
    let trapped = |error: &wasmtime::Error| LoadError::Trapped {
        function: "describe",
        why: trap::explain("component", error, &stderr),
    };
    let mut store = watchdog::store(engine, name, nothing(limits), &stderr);
    let running = async {
        let world = W::instantiate(linked, &mut store).await?;
        store
            .run_concurrent(async |accessor| world.describe(accessor).await)
            .await?
    };
    let limit = limits.silence;
    let info = tokio::time::timeout(limit, running)
        .await
        .map_err(|_| LoadError::Trapped {
            function: "describe",
            why: Report::new(
                Code(404),
                format!("no answer within {:.1} s", limit.as_secs_f32()),
            ),
        })?
        .map_err(|error| trapped(&error))?;
    checked(info)
}

fn checked(info: wire::PluginInfo) -> Result<Info, LoadError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if info.name.is_empty() || info.name.len() > 64 || !info.name.chars().all(plain) {
        return Err(LoadError::Description(format!(
            "`{}` is no name: letters, digits and `-`, at most 64",
            info.name.escape_debug()
        )));
    }
    let config_schema = info
        .config_schema
        .map(|schema| convert::object_in("the schema of its configuration", schema, SCHEMA))
        .transpose()
        .map_err(|rubbish| LoadError::Description(rubbish.0))?;
    Ok(Info {
        name: info.name,
        version: cut(info.version, VERSION),
        description: info.description.map(|text| cut(text, ERROR)),
        config_schema,
        observe_every: info
            .observe_every_ms
            .map(|ms| Duration::from_millis(u64::from(ms))),
    })
}

/// Gives `config` to the `init` of a component of world `W`, in an instance that is dropped afterwards, so
/// that a configuration that it does not want is known before the host serves anybody.
pub(super) async fn rehearse<W: World>(
    engine: &Engine,
    linked: &W::Linked,
    name: &str,
    config: &Json,
    grants: &Grants,
    secrets: &BTreeMap<String, String>,
    limits: &Limits,
) -> Result<(), LoadError> {
    let stderr = Stderr::default();
    let ports = Ports {
        secrets: Arc::new(secrets.clone()),
        // Whatever leads out of the process is refused to a rehearsal anyhow.
        grants: Arc::new(Grants {
            secrets: grants.secrets.clone(),
            http: grants.http.clone(),
            env: grants.env.clone(),
            ..Grants::default()
        }),
        ..nothing(limits)
    };
    let mut store = watchdog::store(engine, name.into(), ports, &stderr);
    let running = async {
        let world = W::instantiate(linked, &mut store).await?;
        store
            .run_concurrent(async |accessor| world.init(accessor, config.text()).await)
            .await?
    };
    let limit = limits.silence;
    let answer = tokio::time::timeout(limit, running)
        .await
        .map_err(|_| LoadError::Trapped {
            function: "init",
            why: Report::new(
                Code(404),
                format!("no answer within {:.1} s", limit.as_secs_f32()),
            ),
        })?
        .map_err(|error| LoadError::Trapped {
            function: "init",
            why: trap::explain(name, &error, &stderr),
        })?;
    answer.map_err(|error| LoadError::Refused(CallError::from_wire(name, error).to_string()))
}

/// Ports that lead nowhere.
pub(super) fn nothing(limits: &Limits) -> Ports {
    Ports {
        clock: Arc::new(SystemClock::default()),
        storage: Arc::new(NoMap),
        events: None,
        journal: None,
        flows: None,
        secrets: Arc::default(),
        grants: Arc::new(Grants::default()),
        denials: Arc::default(),
        limits: limits.clone(),
        meter: Arc::default(),
        rehearsal: true,
    }
}

/// The longest version, in bytes. Longer ones are cut.
const VERSION: usize = 64;

/// Holds nothing, and keeps nothing.
struct NoMap;

impl ComponentMap for NoMap {
    fn get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn size(&self, _: &str) -> Result<u64, String> {
        Ok(0)
    }

    fn set(&self, _: &str, _: &str, _: Option<Vec<u8>>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn swap(
        &self,
        _: &str,
        _: &str,
        expected: Option<Vec<u8>>,
        _: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<bool, String>> {
        Box::pin(async move { Ok(expected.is_none()) })
    }

    fn keys(&self, _: &str, _: &str, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}
