//! `net`: byte streams to granted endpoints.
//!
//! The name in the grant is what is compared; the host resolves it afterwards. So a component cannot
//! reach an address by any other name than the one the operator wrote down.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::bindings::host::net;
use super::bindings::host::types::Error;
use super::{Guest, tls};
use crate::config::grant::{Authority, Endpoint};

/// How long a connection may take to be made, TLS included: past any honest network, short of what
/// makes a client give up.
const CONNECT: Duration = Duration::from_secs(10);

/// The most that one `read` returns.
const READ: usize = 1 << 20;

/// The resource behind `net.connection`.
pub struct Connection {
    // A read must not hold up a write, and neither may hold the store.
    reader: Arc<Mutex<ReadHalf<Stream>>>,
    writer: Arc<Mutex<WriteHalf<Stream>>>,
}

/// A plain or encrypted stream.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
type Stream = Box<dyn Duplex>;

impl net::Host for Guest {}

impl<T: Send> net::HostWithStore<T> for HasSelf<Guest> {
    async fn connect(
        host: &Accessor<T, Self>,
        authority: String,
        tls: bool,
    ) -> Result<Resource<Connection>, Error> {
        let endpoint = host.with(|mut access| granted(access.get(), &authority))?;
        let stream = tokio::time::timeout(CONNECT, dial(&endpoint, tls))
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", CONNECT.as_secs())))
            .map_err(|why| {
                Error::Unavailable((
                    format!("cannot connect to {}: {why}", endpoint.authority),
                    None,
                ))
            })?;
        let (reader, writer) = tokio::io::split(stream);
        host.with(|mut access| {
            let guest = access.get();
            let connection = guest.table.push(Connection {
                reader: Arc::new(Mutex::new(reader)),
                writer: Arc::new(Mutex::new(writer)),
            });
            guest.connections += usize::from(connection.is_ok());
            guest.ports.meter.connections.set(guest.connections);
            connection.map_err(|error| Error::Internal(error.to_string()))
        })
    }
}

fn granted(guest: &mut Guest, authority: &str) -> Result<Endpoint, Error> {
    if guest.ports.rehearsal {
        return Err(Error::Unavailable((
            "the host has not started yet".to_owned(),
            None,
        )));
    }
    let authority: Authority = authority
        .parse()
        .map_err(|error| Error::InvalidInput(format!("{error}")))?;
    let Some(endpoint) = guest.ports.grants.endpoint(&authority).cloned() else {
        guest.ports.meter.denied.add(1);
        if guest.may_be_mentioned() {
            tracing::warn!(
                component = %guest.name,
                "connection to {authority} denied [TH0501]: add --allow {}:tcp={authority}",
                guest.name
            );
        }
        return Err(Error::Denied(format!(
            "`{0}` may not connect to {authority} [TH0501]: add --allow {0}:tcp={authority}",
            guest.name
        )));
    };
    let most = guest.ports.limits.connections;
    if guest.connections >= most {
        if guest.may_be_mentioned() {
            tracing::warn!(component = %guest.name, "no room for another connection: it holds {most} [TH0417]");
        }
        return Err(Error::Busy(Some(1_000)));
    }
    Ok(endpoint)
}

async fn dial(endpoint: &Endpoint, tls: bool) -> Result<Stream, String> {
    let Authority { host, port } = &endpoint.authority;
    let stream = TcpStream::connect((host.as_str(), *port))
        .await
        .map_err(|error| error.to_string())?;
    // Commands are small and each waits for its answer.
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    if !tls {
        return Ok(Box::new(stream));
    }
    let config = tls::client(&endpoint.trust)?;
    let name =
        rustls::pki_types::ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| format!("TLS: {error}"))?;
    Ok(Box::new(stream))
}

impl net::HostConnection for Guest {
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
