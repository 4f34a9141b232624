//! `taskhost run`: serve until the client goes, or somebody says stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::assemble;
use crate::admin::socket::{ControlSocket, Operated};
use crate::config::{Config, Flags, Transport};
use crate::error::{Code, Report};
use crate::mcp::http::{Admission, Doors, Listener};
use crate::mcp::stdio;
use crate::plugin::reload::{self, Components};
use crate::plugin::watch::Watch;
use crate::shutdown;

/// Serves, or prints the file that the flags amount to.
pub(super) async fn run(flags: Flags, print_config: bool, watch: bool) -> Result<(), Report> {
    let config = Config::resolve(&flags).map_err(|error| Report::from(&error))?;
    // Before anything is loaded, so that a change while it is being loaded is one.
    let watch = watch.then(|| {
        let mut watch = Watch::default();
        watch.watch(reload::files(&config, &flags));
        watch
    });
    // From now on it does not end the process.
    let hangups = signal(SignalKind::hangup());
    let prepared = assemble::load(config).await?;
    if print_config {
        let text = toml::to_string(&prepared.config.to_file()).map_err(|error| {
            Report::new(
                Code(199),
                format!("the configuration cannot be printed: {error}"),
            )
        })?;
        print!("{text}");
        return Ok(());
    }
    if flags.config.is_none() && flags.backends.is_empty() {
        tracing::warn!(
            "no backend is named: these are orchestrations to try, whose work is pretended; yours: --backend REF"
        );
    }
    let transport = prepared.config.transport.clone();
    let data_dir = prepared.config.data_dir.clone();
    let running = prepared.start(flags)?;
    let stop = CancellationToken::new();
    // Owns nothing, and ends with the process.
    tokio::spawn(shutdown::on_signal(stop.clone()));
    let control = match ControlSocket::open(&data_dir) {
        Ok(socket) => Some(tokio::spawn(socket.serve(
            Operated {
                service: running.service.clone(),
                components: running.components.clone(),
            },
            stop.child_token(),
        ))),
        Err(error) => {
            tracing::warn!(
                "no control socket: `taskhost tasks` will not work while this host runs: {error}"
            );
            None
        }
    };
    let components = running.components.clone();
    let reloading = tokio::spawn(stop.clone().run_until_cancelled_owned(keep_up(
        components,
        hangups.ok(),
        watch,
    )));
    let served = serve(&running, transport, &stop).await;
    stop.cancel();
    _ = reloading.await;
    if let Some(control) = control {
        _ = control.await;
    }
    let ended = running.end().await;
    served.and(ended)
}

/// Reloads all components at each SIGHUP, and those whose files have become others where they are watched.
async fn keep_up(components: Components, mut hangups: Option<Signal>, mut watch: Option<Watch>) {
    loop {
        let hangup = async {
            match &mut hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        let changed = async {
            match &mut watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hangup => {
                tracing::info!("hangup: all components are reloaded");
                components.reload_all().await;
            }
            files = changed => components.reload_from(&files).await,
        }
        if let Some(watch) = &mut watch {
            watch.watch(components.files());
        }
    }
}

async fn serve(
    running: &assemble::Running,
    transport: Transport,
    stop: &CancellationToken,
) -> Result<(), Report> {
    let service = running.service.clone();
    match transport {
        Transport::Stdio => {
            tracing::info!(
                version = env!("CARGO_PKG_VERSION"),
                "serving MCP at standard input and output"
            );
            stdio::serve(service, stop.clone())
                .await
                .map_err(|error| Report::from(&error))
        }
        Transport::Http {
            address,
            allowed_hosts,
            allowed_origins,
            compat,
            bearers,
        } => {
            let doors = Doors {
                hosts: allowed_hosts,
                origins: allowed_origins,
                compat,
                admission: bearers.map_or(Admission::Anybody, Admission::Bearers),
            };
            let listener = Listener::bind(address, doors)
                .await
                .map_err(|error| Report::from(&error))?;
            // Said to whoever started it, also where the log is off: the port may have been chosen here.
            eprintln!("listening on {}", listener.url());
            if !listener.asks() {
                tracing::info!(
                    "nobody is asked for a name: the id of a task is the key to it, and tasks are not listed"
                );
            }
            if !address.ip().is_loopback() {
                tracing::warn!(
                    %address,
                    "other machines reach this address, and whoever is between can read tokens: let a \
                     proxy speak TLS before it, and list its name in [server] allowed-hosts"
                );
            }
            listener.serve(service, stop.clone()).await;
            Ok(())
        }
    }
}
