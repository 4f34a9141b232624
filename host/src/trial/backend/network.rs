//! A network that is denied, away, or cut.
//!
//! What is away or cut stands behind a proxy of the trial, whose address takes the place of the
//! endpoint in the configuration. So this is tried where the configuration names the endpoint
//! (`x-taskhost-endpoint`), and not where the component has it by heart.

use std::time::Duration;

use serde_json::Value;

use super::super::clause;
use super::super::plan::Errand;
use super::super::verdict::{Claim, Stop, died, failed, said, skipped};
use super::Bench;
use super::bench::{Given, Instance, is_passing};
use super::proxy::{Proxy, Traffic};
use crate::config::grant::{Authority, Endpoint, Grants, Origin, Trust};
use crate::plugin::load::{config_schema, origin_of};
use crate::plugin::{CallError, Refusal};
use crate::task::Json;

/// How long a component is left alone with a network that does not work.
const AWAY: Duration = Duration::from_secs(3);

/// Connections that one tries to make in that time who pauses between two: 20 a second is more than
/// any back-off has, and a loop without one makes thousands.
const TRIES: u64 = 60;

/// Bytes of an answer that pass before it is cut: within the first line of most protocols.
const PASSED: u64 = 40;

pub(super) async fn denied(bench: &Bench) -> Claim {
    if !reaches_out(bench) {
        return skipped("it imports nothing that reaches a network");
    }
    let errand = bench.quick()?;
    warm(bench).await?;
    let instance = bench.instance_with(Given {
        grants: Grants {
            storage: bench.subject.loaded.reach.grants.storage,
            ..Grants::default()
        },
        config: bench.subject.loaded.config.clone(),
    });
    let answer = instance.start(bench.id()?, errand).await;
    match &answer {
        Ok(_)
        | Err(
            CallError::Refused {
                kind: Refusal::Denied | Refusal::Unsupported,
                ..
            }
            | CallError::Unavailable { .. }
            | CallError::Busy { .. },
        ) => {}
        Err(error) => {
            return failed(
                "`denied` or `unavailable` from `start`, without the grants",
                said(error),
                clause::CONNECT,
            );
        }
    }
    tokio::time::sleep(AWAY / 3).await;
    still_there(&instance).await
}

pub(super) async fn away(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let detour = Detour::through(bench).await?;
    warm(bench).await?;
    detour.proxy.turn(Traffic::Closed);
    let instance = bench.instance_with(detour.given(bench)?);
    unavailable(bench, &instance, errand).await?;
    let before = detour.proxy.made();
    tokio::time::sleep(AWAY).await;
    let tries = detour.proxy.made() - before;
    if tries > TRIES {
        return failed(
            format!(
                "pauses between attempts to connect: at most {TRIES} in {} s",
                AWAY.as_secs()
            ),
            format!("{tries}"),
            clause::NO_NETWORK_IN_INIT,
        );
    }
    still_there(&instance).await?;
    detour.proxy.turn(Traffic::Flows);
    // It goes on by itself, and so does whatever was asked of it meanwhile.
    let ended = bench.run(&instance, errand).await.map(drop);
    detour.proxy.end().await;
    ended
}

pub(super) async fn cut(bench: &Bench) -> Claim {
    let errand = bench.quick()?;
    let detour = Detour::through(bench).await?;
    let instance = bench.instance_with(detour.given(bench)?);
    bench.run(&instance, errand).await?;
    detour.proxy.turn(Traffic::Cut(PASSED));
    unavailable(bench, &instance, errand).await?;
    still_there(&instance).await?;
    detour.proxy.turn(Traffic::Flows);
    let ended = bench.run(&instance, errand).await.map(drop);
    detour.proxy.end().await;
    ended
}

/// A start that cannot be carried out, or can, where the network is not needed for it.
async fn unavailable(bench: &Bench, instance: &Instance, errand: &Errand) -> Claim {
    match instance.start(bench.id()?, errand).await {
        Ok(_) => Ok(()),
        Err(error) if is_passing(&error) => Ok(()),
        Err(error) => failed(
            "`unavailable` from `start`, while the endpoint does not answer",
            said(&error),
            if died(&error) {
                clause::TRAP
            } else {
                clause::START_ERROR
            },
        ),
    }
}

async fn still_there(instance: &Instance) -> Claim {
    match instance.look(&[]).await {
        Ok(_) => Ok(()),
        Err(error) if is_passing(&error) => Ok(()),
        Err(error) => failed(
            "calls to be answered while the network does not work",
            said(&error),
            clause::NO_NETWORK_IN_INIT,
        ),
    }
}

/// Lets it find out, with its network, what it can run.
async fn warm(bench: &Bench) -> Claim {
    let instance = bench.instance();
    instance.list_tasks().await?;
    instance.kill().await;
    Ok(())
}

fn reaches_out(bench: &Bench) -> bool {
    let imports = &bench.subject.loaded.component.imports;
    imports
        .iter()
        .any(|name| name.starts_with("taskhost:plugin/net@") || name.starts_with("wasi:http/"))
}

/// A configuration in which a proxy stands in the place of an endpoint.
struct Detour {
    proxy: Proxy,
    config: Value,
    /// Where HTTP is spoken: the server behind the proxy.
    server: Option<Origin>,
}

impl Detour {
    async fn through(bench: &Bench) -> Result<Self, Stop> {
        let loaded = &bench.subject.loaded;
        let schema = config_schema(&loaded.info, loaded.manifest.as_ref()).map(Json::value);
        let mut config = loaded.config.value();
        let Some((key, default_port)) =
            schema.as_ref().and_then(|schema| endpoint(schema, &config))
        else {
            return skipped("its configuration names no endpoint that a proxy could stand before");
        };
        let text = config.get(&key).and_then(Value::as_str).unwrap_or_default();
        let Ok(mut url) = url::Url::parse(text) else {
            return skipped(format!("`{key}` is no URL"));
        };
        if url.scheme().ends_with("ss") || url.scheme() == "https" {
            return skipped(format!(
                "`{key}` is encrypted: a proxy would not be believed"
            ));
        }
        let server = origin_of(text);
        let behind = Authority {
            host: url.host_str().unwrap_or("localhost").to_owned(),
            port: url.port().unwrap_or(default_port),
        };
        let proxy = match Proxy::start(behind).await {
            Ok(proxy) => proxy,
            Err(error) => return skipped(format!("no proxy can listen here: {error}")),
        };
        let moved = url.set_host(Some("127.0.0.1")).is_ok()
            && url.set_port(Some(proxy.address().port())).is_ok();
        if !moved {
            return skipped(format!("`{key}` cannot be pointed at a proxy"));
        }
        if let Some(config) = config.as_object_mut() {
            config.insert(key, Value::String(url.into()));
        }
        Ok(Self {
            proxy,
            config,
            server,
        })
    }

    fn given(&self, bench: &Bench) -> Result<Given, Stop> {
        let address = self.proxy.address().to_string();
        let Ok(authority) = address.parse() else {
            return skipped(format!("`{address}` cannot be granted"));
        };
        let mut grants = bench.subject.loaded.reach.grants.clone();
        let server = self
            .server
            .as_ref()
            .and_then(|server| grants.server(server));
        match server.cloned() {
            // As much of it as of the one behind.
            Some(mut server) => {
                server.origin.authority = authority;
                grants.add_server(server);
            }
            None => grants.add_endpoint(Endpoint {
                authority,
                trust: Trust::System,
            }),
        }
        Ok(Given {
            grants,
            config: Json::of(&self.config),
        })
    }
}

/// The first key that is configured and names an endpoint, and the port where it names none.
fn endpoint(schema: &Value, config: &Value) -> Option<(String, u16)> {
    let properties = schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(key, property)| {
        let port = property.get("x-taskhost-endpoint")?.as_u64()?;
        config.get(key)?.as_str()?;
        Some((key.clone(), u16::try_from(port).ok()?))
    })
}
