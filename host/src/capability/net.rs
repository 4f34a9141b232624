//! `net`: byte streams to granted endpoints.
//!
//! The name in the grant is what is compared; the host resolves it afterwards, and looks at what it led to
//! ([`super::address`]). So a component cannot reach an address by any other name than the one the operator
//! wrote down.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Mutex;
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::bindings::host::net;
use super::bindings::host::types::Error;
use super::denials::{Denials, Denied, Kind};
use super::dial::{self, CONNECT, NotConnected};
use super::{Guest, tls};
use crate::config::grant::{Allowed, Authority, Endpoint, Grants};

/// The most that one `read` returns.
const READ: usize = 1 << 20;

/// The most protocols that are offered, of so many bytes: what ALPN has room for.
const PROTOCOLS: usize = 16;
const PROTOCOL: std::ops::RangeInclusive<usize> = 1..=255;

/// The resource behind `net.connection`.
pub struct Connection {
    /// Agreed on by ALPN.
    protocol: Option<String>,
    // A read must not hold up a write, and neither may hold the store.
    reader: Arc<Mutex<ReadHalf<Stream>>>,
    writer: Arc<Mutex<WriteHalf<Stream>>>,
}

/// A plain or encrypted stream.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
type Stream = Box<dyn Duplex>;

/// What a component wants above TCP.
enum Above {
    Nothing,
    /// TLS, which offers these protocols.
    Tls(Vec<String>),
}

impl net::Host for Guest {}

impl<T: Send> net::HostWithStore<T> for HasSelf<Guest> {
    async fn connect(
        host: &Accessor<T, Self>,
        authority: String,
        tls: bool,
    ) -> Result<Resource<Connection>, Error> {
        let above = if tls {
            Above::Tls(Vec::new())
        } else {
            Above::Nothing
        };
        connect(host, &authority, above).await
    }

    async fn connect_tls(
        host: &Accessor<T, Self>,
        authority: String,
        protocols: Vec<String>,
    ) -> Result<Resource<Connection>, Error> {
        let fits = |name: &String| PROTOCOL.contains(&name.len());
        if protocols.len() > PROTOCOLS || !protocols.iter().all(fits) {
            return Err(Error::InvalidInput(format!(
                "at most {PROTOCOLS} protocols can be offered, of 1 to {} bytes",
                PROTOCOL.end()
            )));
        }
        connect(host, &authority, Above::Tls(protocols)).await
    }
}

async fn connect<T: Send>(
    host: &Accessor<T, HasSelf<Guest>>,
    authority: &str,
    above: Above,
) -> Result<Resource<Connection>, Error> {
    let (endpoint, way) = host.with(|mut access| granted(access.get(), authority))?;
    let (stream, protocol) = way.open(&endpoint, above).await?;
    let (reader, writer) = tokio::io::split(stream);
    host.with(|mut access| {
        let guest = access.get();
        let connection = guest.table.push(Connection {
            protocol,
            reader: Arc::new(Mutex::new(reader)),
            writer: Arc::new(Mutex::new(writer)),
        });
        guest.connections += usize::from(connection.is_ok());
        guest.ports.meter.connections.set(guest.connections);
        connection.map_err(|error| Error::Internal(error.to_string()))
    })
}

fn granted(guest: &mut Guest, authority: &str) -> Result<(Endpoint, Way), Error> {
    if guest.ports.rehearsal {
        return Err(Error::Unavailable((
            "the host has not started yet".to_owned(),
            None,
        )));
    }
    let authority: Authority = authority
        .parse()
        .map_err(|error| Error::InvalidInput(format!("{error}")))?;
    let ports = &guest.ports;
    let Some(endpoint) = ports.grants.endpoint(&authority).cloned() else {
        let denied = Denied {
            kind: Kind::Tcp,
            target: authority.to_string(),
            why: None,
            grant: Some(Allowed::Tcp(authority).to_string()),
        };
        return Err(Error::Denied(ports.denials.deny(&guest.name, denied)));
    };
    let most = ports.limits.connections;
    if guest.connections >= most {
        if guest.may_be_mentioned() {
            tracing::warn!(component = %guest.name, "no room for another connection: it holds {most} [TH0417]");
        }
        return Err(Error::Busy(Some(1_000)));
    }
    let way = Way {
        component: guest.name.clone(),
        grants: guest.ports.grants.clone(),
        denials: guest.ports.denials.clone(),
    };
    Ok((endpoint, way))
}

/// What connecting needs to know of the guest.
struct Way {
    component: Arc<str>,
    grants: Arc<Grants>,
    denials: Arc<Denials>,
}

impl Way {
    /// The stream, and the protocol that was agreed on.
    async fn open(
        &self,
        endpoint: &Endpoint,
        above: Above,
    ) -> Result<(Stream, Option<String>), Error> {
        tokio::time::timeout(CONNECT, self.dial(endpoint, above))
            .await
            .unwrap_or(Err(NotConnected::TimedOut))
            .map_err(|error| match error {
                NotConnected::Refused(address, why) => {
                    let target = endpoint.authority.to_string();
                    let denied = dial::misled(Kind::Tcp, target, address, why);
                    Error::Denied(self.denials.deny(&self.component, denied))
                }
                error => Error::Unavailable((
                    format!("cannot connect to {}: {error}", endpoint.authority),
                    None,
                )),
            })
    }

    async fn dial(
        &self,
        endpoint: &Endpoint,
        above: Above,
    ) -> Result<(Stream, Option<String>), NotConnected> {
        let spelled_out = |address: SocketAddr| {
            self.grants.tcp.iter().any(|endpoint| {
                let Authority { host, port } = &endpoint.authority;
                *port == address.port() && dial::is_spelled(host, address.ip())
            })
        };
        let stream = dial::dial(&endpoint.authority, CONNECT, spelled_out).await?;
        let Above::Tls(protocols) = above else {
            return Ok((Box::new(stream), None));
        };
        let host = &endpoint.authority.host;
        let stream = tls::connect(&endpoint.trust, host, &protocols, stream).await?;
        let protocol = tls::protocol(&stream);
        Ok((Box::new(stream), protocol))
    }
}

impl net::HostConnection for Guest {
    fn protocol(&mut self, connection: Resource<Connection>) -> Option<String> {
        self.table.get(&connection).ok()?.protocol.clone()
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        self.connections = self.connections.saturating_sub(1);
        self.ports.meter.connections.set(self.connections);
        Ok(())
    }
}

impl<T: Send> net::HostConnectionWithStore<T> for HasSelf<Guest> {
    async fn read(
        host: &Accessor<T, Self>,
        connection: Resource<Connection>,
        max: u32,
    ) -> Result<Vec<u8>, Error> {
        let reader = host
            .with(|mut access| {
                access
                    .get()
                    .table
                    .get(&connection)
                    .map(|connection| connection.reader.clone())
            })
            .map_err(|error| Error::Internal(error.to_string()))?;
        let mut bytes = vec![0; usize::try_from(max).unwrap_or(READ).min(READ)];
        let read = reader
            .lock()
            .await
            .read(&mut bytes)
            .await
            .map_err(|error| broken(&error))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    async fn write(
        host: &Accessor<T, Self>,
        connection: Resource<Connection>,
        data: Vec<u8>,
    ) -> Result<(), Error> {
        let writer = host
            .with(|mut access| {
                access
                    .get()
                    .table
                    .get(&connection)
                    .map(|connection| connection.writer.clone())
            })
            .map_err(|error| Error::Internal(error.to_string()))?;
        let mut writer = writer.lock().await;
        writer
            .write_all(&data)
            .await
            .map_err(|error| broken(&error))?;
        writer.flush().await.map_err(|error| broken(&error))
    }
}

fn broken(error: &std::io::Error) -> Error {
    Error::Unavailable((format!("the connection broke: {error}"), None))
}
