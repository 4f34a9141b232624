//! From a component's configuration to a linked component that is ready to run.
//!
//! ```text
//! read ─▶ manifest ─▶ compile ─▶ link ─▶ describe ─▶ check the configuration ─▶ asked ∩ granted ─▶ rehearse `init`
//! ```
//!
//! All of it happens before the host serves anybody, and `taskhost check` does it and stops there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::admission::{AdmissionError, Admitted, Sources};
use super::flows::{self, Named};
use super::lock::Locked;
use super::manifest::{Manifest, ManifestError};
use super::reach::{self, Reach};
use super::settings::effective;
use crate::config::ComponentConfig;
use crate::config::grant::{Authority, Endpoint, Grants, HttpGrant, Origin, Trust};
use crate::config::limits::Limits;
use crate::config::secret::SecretSource;
use crate::engine::Engine;
use crate::engine::backend::LinkedBackend;
use crate::engine::cache::Cache;
use crate::engine::component::{Component, Kind};
use crate::engine::load::LoadError;
use crate::engine::scratch::Info;
use crate::engine::strategy::LinkedStrategy;
use crate::error::{Code, Explain, Report};
use crate::task::Json;

/// A component that can be started.
#[derive(Clone)]
pub struct Loaded {
    /// What it is.
    pub linked: Linked,
    /// Who it says it is.
    pub info: Info,
    /// The file.
    pub component: Component,
    /// It came with taskhost.
    pub first_party: bool,
    /// What a lock file has to say of it.
    pub locked: Locked,
    /// For an engine whose setting says which: the orchestrations that it runs.
    pub flows: Option<Named>,
    /// What `init` is given: the file's table with the flags on top.
    pub config: Json,
    /// What it says of itself in its file. `None`: nothing.
    pub manifest: Option<Manifest>,
    /// What is granted: by the operator, and to first-party components the endpoints that they are
    /// configured with.
    pub granted: Grants,
    /// What it gets: as much of that as it asks for.
    pub reach: Reach,
    /// Values of the granted secrets.
    pub secrets: BTreeMap<String, String>,
}

/// A linked component of either kind.
#[derive(Clone)]
pub enum Linked {
    /// It runs tasks.
    Backend(LinkedBackend),
    /// It shows tasks.
    Strategy(LinkedStrategy),
}

impl Linked {
    /// Which of the two.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Backend(_) => Kind::Backend,
            Self::Strategy(_) => Kind::Strategy,
        }
    }

    /// The same, looked at under these limits.
    #[must_use]
    pub fn under(self, limits: &Limits) -> Self {
        match self {
            Self::Backend(backend) => Self::Backend(backend.under(limits)),
            Self::Strategy(strategy) => Self::Strategy(strategy.under(limits)),
        }
    }
}

/// Why a component cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not let in.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// It is not one, or not for this host.
    #[error("`{name}` ({reference}) cannot be loaded: {source}")]
    Load {
        /// What it is called here.
        name: String,
        /// What was asked for.
        reference: String,
        /// Why.
        source: Box<LoadError>,
    },
    /// It has a manifest that cannot be used.
    #[error("`{name}` ({reference}) cannot be loaded: {source}")]
    Manifest {
        /// What it is called here.
        name: String,
        /// What was asked for.
        reference: String,
        /// Why.
        source: ManifestError,
    },
    /// It does not want this configuration.
    #[error("the configuration of `{name}` does not fit: {why}")]
    Config {
        /// What it is called here.
        name: String,
        /// Why.
        why: String,
        /// What to do.
        help: Vec<String>,
    },
    /// A granted secret has no value.
    #[error("the secret `{secret}`, granted to `{name}`, has no value: {why}")]
    Secret {
        /// What the component is called here.
        name: String,
        /// Which.
        secret: String,
        /// Why.
        why: String,
    },
}

/// A component that was looked at, together with what it is configured with.
pub struct Studied {
    /// What it is.
    pub linked: Linked,
    /// Who it says it is.
    pub info: Info,
    /// The file.
    pub component: Component,
    /// It came with taskhost.
    pub first_party: bool,
    /// What a lock file has to say of it.
    pub locked: Locked,
    /// For an engine whose setting says which: the orchestrations that it runs.
    pub flows: Option<Named>,
    /// As it was let in.
    pub bytes: Cow<'static, [u8]>,
    /// What it says of itself in its file. `None`: nothing.
    pub manifest: Option<Manifest>,
    /// The file's table with the flags on top.
    pub settings: Map<String, Value>,
    /// What is granted.
    pub granted: Grants,
    /// What it gets.
    pub reach: Reach,
}

/// Looks at what `config` names as a component of kind `kind`: nothing of it runs but `describe`.
pub async fn study(
    engine: &Engine,
    cache: Option<&Cache>,
    sources: &Sources,
    kind: Kind,
    config: &ComponentConfig,
) -> Result<Studied, PrepareError> {
    let admitted = sources.admit(config).await?;
    look_at(engine, cache, sources, kind, config, admitted).await
}

async fn look_at(
    engine: &Engine,
    cache: Option<&Cache>,
    sources: &Sources,
    kind: Kind,
    config: &ComponentConfig,
    admitted: Admitted,
) -> Result<Studied, PrepareError> {
    let bytes = &admitted.bytes;
    let failed = |source: LoadError| PrepareError::Load {
        name: config.name.clone(),
        reference: config.reference.clone(),
        source: Box::new(source.compared(bytes)),
    };
    let component = Component::load(engine, cache, bytes).map_err(failed)?;
    component.expect(kind).map_err(failed)?;
    let mut manifest = manifest_of(config, bytes, kind)?;
    let locked = sources
        .locked(config, kind, &admitted, manifest.as_ref())
        .map_err(AdmissionError::from)?;
    let (linked, info) = (link(engine, cache, &component, kind).await).map_err(failed)?;
    let mut linked = linked.under(&config.limits);
    let first_party = admitted.first_party;
    // What a file says of its configuration is about the file itself, not about the engine that runs it.
    let own = manifest
        .as_ref()
        .filter(|_| !component.has_orchestrations());
    let schema = config_schema(&info, own).cloned();
    let mut settings = effective(config, schema.as_ref())?;
    let mut flows = None;
    if let Linked::Backend(backend) = &mut linked
        && component.runs_orchestrations()
    {
        let runs = flows::configured(engine, cache, sources, config, &mut settings).await?;
        *backend = backend.clone().with(runs.linked);
        flows = Some(runs.named);
        // What is asked for, and granted, is what its activities reach.
        manifest = runs.manifest;
    }
    let mut granted = config.grants.clone();
    if first_party {
        let over_http = manifest.as_ref().is_some_and(Manifest::asks_for_http);
        for (url, port) in configured_endpoints(schema.as_ref(), &settings) {
            grant_configured(&mut granted, url, port, over_http);
        }
    }
    let reach = reach::reach(
        manifest.as_ref(),
        &granted,
        &settings,
        config.limits.storage,
    );
    Ok(Studied {
        linked,
        info,
        component,
        first_party,
        locked,
        flows,
        bytes: admitted.bytes,
        manifest,
        settings,
        granted,
        reach,
    })
}

pub(super) fn manifest_of(
    config: &ComponentConfig,
    bytes: &[u8],
    kind: Kind,
) -> Result<Option<Manifest>, PrepareError> {
    Manifest::of_kind(bytes, kind).map_err(|source| PrepareError::Manifest {
        name: config.name.clone(),
        reference: config.reference.clone(),
        source,
    })
}

/// Loads what `config` names as a component of kind `kind`.
pub async fn prepare(
    engine: &Engine,
    cache: Option<&Cache>,
    sources: &Sources,
    kind: Kind,
    config: &ComponentConfig,
    secrets: &BTreeMap<String, SecretSource>,
) -> Result<Loaded, PrepareError> {
    let admitted = sources.admit(config).await?;
    prepare_admitted(engine, cache, sources, kind, config, secrets, admitted).await
}

/// The same, of what `sources` has let in for `config`.
pub(super) async fn prepare_admitted(
    engine: &Engine,
    cache: Option<&Cache>,
    sources: &Sources,
    kind: Kind,
    config: &ComponentConfig,
    secrets: &BTreeMap<String, SecretSource>,
    admitted: Admitted,
) -> Result<Loaded, PrepareError> {
    let studied = look_at(engine, cache, sources, kind, config, admitted).await?;
    let (name, grants) = (&config.name, &studied.reach.grants);
    let secrets = values(name, grants, secrets)?;
    let settings = Json::of(&Value::Object(studied.settings));
    match &studied.linked {
        Linked::Backend(backend) => match backend.flows() {
            Some(flows) => flows::rehearse(flows, config).await,
            None => Ok(()),
        }
        .and(backend.rehearse(name, &settings, grants, &secrets).await),
        Linked::Strategy(strategy) => strategy.rehearse(name, &settings, grants, &secrets).await,
    }
    .map_err(|source| PrepareError::Load {
        name: config.name.clone(),
        reference: config.reference.clone(),
        source: Box::new(source),
    })?;
    Ok(Loaded {
        secrets,
        config: settings,
        linked: studied.linked,
        info: studied.info,
        component: studied.component,
        first_party: studied.first_party,
        locked: studied.locked,
        flows: studied.flows,
        manifest: studied.manifest,
        granted: studied.granted,
        reach: studied.reach,
    })
}

/// The schema of a component's configuration: what it says when it runs, or else what its file says.
pub fn config_schema<'a>(info: &'a Info, manifest: Option<&'a Manifest>) -> Option<&'a Json> {
    let in_file = manifest.and_then(|manifest| manifest.config_schema.as_ref());
    info.config_schema.as_ref().or(in_file)
}

/// Links `component`, and asks it who it is.
pub async fn link(
    engine: &Engine,
    cache: Option<&Cache>,
    component: &Component,
    kind: Kind,
) -> Result<(Linked, Info), LoadError> {
    Ok(match kind {
        Kind::Backend if component.has_orchestrations() => {
            let (linked, info) = flows::link(engine, cache, component).await?;
            (Linked::Backend(linked), info)
        }
        Kind::Backend => {
            let linked = LinkedBackend::link(engine, component)?;
            let info = linked.describe().await?;
            (Linked::Backend(linked), info)
        }
        Kind::Strategy => {
            let linked = LinkedStrategy::link(engine, component)?;
            let info = linked.describe().await?;
            (Linked::Strategy(linked), info)
        }
    })
}

/// The URLs in those properties that the schema marks as endpoints, each with the port where it has none.
fn configured_endpoints<'a>(
    schema: Option<&Json>,
    settings: &'a Map<String, Value>,
) -> Vec<(&'a str, u16)> {
    let schema = schema.map(Json::value);
    let properties = schema
        .as_ref()
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter_map(|(key, property)| {
            let port = property.get("x-taskhost-endpoint")?.as_u64()?;
            Some((settings.get(key)?.as_str()?, u16::try_from(port).ok()?))
        })
        .collect()
}

/// Grants what is configured, in the way in which the component asks for such things: as a server of HTTP by
/// all methods, of which it gets those that it asks for; or as a connection.
fn grant_configured(granted: &mut Grants, url: &str, port: u16, over_http: bool) {
    if let Some(origin) = origin_of(url).filter(|_| over_http) {
        granted.add_server(HttpGrant {
            origin,
            methods: ["*".to_owned()].into(),
            secrets: [].into(),
            trust: Trust::System,
        });
    } else if let Some(endpoint) = endpoint_of(url, port) {
        granted.add_endpoint(endpoint);
    }
}

/// The server that a URL of HTTP is of. `None`: it is of something else.
pub fn origin_of(text: &str) -> Option<Origin> {
    let url = url::Url::parse(text).ok()?;
    url.origin().ascii_serialization().parse().ok()
}

/// Host and port of a URL, and what its query says of certificates in the words that Celery uses.
pub(super) fn endpoint_of(text: &str, port: u16) -> Option<Endpoint> {
    let url = url::Url::parse(text).ok()?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .unwrap_or("localhost");
    let query = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let unverified = query("ssl_cert_reqs").is_some_and(|value| {
        matches!(
            value.to_ascii_lowercase().as_str(),
            "none" | "cert_none" | "optional" | "cert_optional"
        )
    });
    Some(Endpoint {
        authority: Authority {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_ascii_lowercase(),
            port: url.port().unwrap_or(port),
        },
        trust: match query("ssl_ca_certs") {
            _ if unverified => Trust::Anything,
            Some(path) => Trust::File(path.into()),
            None => Trust::System,
        },
    })
}

/// The values of all secrets in `grants`, of which `secrets` says where they come from.
pub(super) fn values(
    name: &str,
    grants: &Grants,
    secrets: &BTreeMap<String, SecretSource>,
) -> Result<BTreeMap<String, String>, PrepareError> {
    let mut values = BTreeMap::new();
    for secret in grants.all_secrets() {
        let value = match secrets.get(&secret) {
            Some(source) => source.read(),
            // Granted by a flag and said nowhere else: the environment variable of that name.
            None => SecretSource::Env {
                env: secret.clone(),
            }
            .read(),
        };
        let value = value.map_err(|why| PrepareError::Secret {
            name: name.to_owned(),
            secret: secret.clone(),
            why,
        })?;
        values.insert(secret, value);
    }
    Ok(values)
}

impl Explain for PrepareError {
    fn code(&self) -> Code {
        match self {
            Self::Admission(error) => error.code(),
            Self::Load { source, .. } => source.code(),
            Self::Manifest { source, .. } => source.code(),
            Self::Config { .. } => Code(111),
            Self::Secret { .. } => Code(112),
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            Self::Admission(error) => error.help(),
            Self::Load { source, .. } => source.help(),
            Self::Manifest { source, .. } => source.help(),
            Self::Config { help, .. } => help.clone(),
            Self::Secret { secret, .. } => vec![
                format!("set it: export {secret}=…"),
                format!("or say where it is: [secrets] {secret} = {{ file = \"…\" }}"),
            ],
        }
    }
}

impl PrepareError {
    /// The error in its final form.
    pub fn report(&self) -> Report {
        // These say their source in its own words: once is enough.
        Report {
            causes: match self {
                Self::Load { source, .. } => source.differences().to_vec(),
                Self::Manifest { .. } => Vec::new(),
                _ => Report::from(self).causes,
            },
            ..Report::from(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_url_amounts_to_an_endpoint() {
        let endpoint =
            endpoint_of("rediss://user:pw@Redis.Internal/1?ssl_cert_reqs=none", 6379).unwrap();
        assert_eq!(endpoint.authority.to_string(), "redis.internal:6379");
        assert_eq!(endpoint.trust, Trust::Anything);
        let endpoint = endpoint_of("redis://[::1]:7000/0", 6379).unwrap();
        assert_eq!(endpoint.authority.to_string(), "[::1]:7000");
        assert_eq!(endpoint.trust, Trust::System);
    }

    #[test]
    fn a_configured_server_is_granted_in_the_way_in_which_it_is_asked_for() {
        let mut granted = Grants::default();
        grant_configured(&mut granted, "http://127.0.0.1:8080/", 80, true);
        grant_configured(&mut granted, "https://restate.internal", 80, true);
        grant_configured(&mut granted, "redis://redis.internal/0", 6379, true);
        grant_configured(&mut granted, "http://tasks.internal", 443, false);
        let words: Vec<_> = granted.words().iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "tcp=redis.internal:6379",
                "tcp=tasks.internal:443",
                "http=*@http://127.0.0.1:8080",
                "http=*@https://restate.internal",
            ]
        );
    }
}
