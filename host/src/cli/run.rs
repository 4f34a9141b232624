//! `taskhost run`: serve until the client goes, or somebody says stop.

use tokio_util::sync::CancellationToken;

use super::assemble;
use crate::admin::socket::ControlSocket;
use crate::config::{Config, Flags, Transport};
use crate::error::{Code, Report};
use crate::mcp::http::{Admission, Doors, Listener};
use crate::mcp::stdio;
use crate::shutdown;

/// Serves, or prints the file that the flags amount to.
pub(super) async fn run(flags: Flags, print_config: bool) -> Result<(), Report> {
    let config = Config::resolve(&flags).map_err(|error| Report::from(&error))?;
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
    let transport = prepared.config.transport.clone();
    let data_dir = prepared.config.data_dir.clone();
    let running = prepared.start()?;
    let stop = CancellationToken::new();
    // Owns nothing, and ends with the process.
    tokio::spawn(shutdown::on_signal(stop.clone()));
    let control = match ControlSocket::open(&data_dir) {
        Ok(socket) => Some(tokio::spawn(
            socket.serve(running.service.clone(), stop.child_token()),
        )),
        Err(error) => {
            tracing::warn!(
                "no control socket: `taskhost tasks` will not work while this host runs: {error}"
            );
            None
        }
    };
    let served = serve(&running, transport, &stop).await;
    stop.cancel();
    if let Some(control) = control {
        _ = control.await;
    }
    let ended = running.end().await;
    served.and(ended)
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
