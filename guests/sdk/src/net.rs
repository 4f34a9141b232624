//! TCP, and TLS over it, to endpoints that the operator granted.
//!
//! [`connect`] gives a [`Stream`], which reads and writes by the traits of `futures-io`. With the
//! feature `tokio`, `carry` joins a connection with one end of `tokio::io::duplex`, for crates that
//! want tokio's traits, or a stream that is `Send`.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::LocalBoxFuture;

use crate::Error;
use crate::host::net;
pub use crate::host::net::Connection;

/// Large enough that a megabyte takes few turns.
const CHUNK: usize = 256 * 1024;

/// A connection to `host:port`. The name is resolved, and TLS opened and verified, by the host.
pub async fn connect(authority: &str, tls: bool) -> Result<Stream, Error> {
    Ok(Stream::new(open(authority, tls).await?))
}

/// A connection inside TLS, which offers these protocols by ALPN, the most wanted first:
/// [`Stream::protocol`] says which of them the peer took.
pub async fn connect_tls(authority: &str, protocols: &[&str]) -> Result<Stream, Error> {
    let protocols = protocols.iter().map(|name| (*name).to_owned()).collect();
    let connection = net::connect_tls(authority.into(), protocols).await?;
    Ok(Stream::new(connection))
}

/// As [`connect`], in the form that the host gives it: bytes by the call.
pub async fn open(authority: &str, tls: bool) -> Result<Connection, Error> {
    net::connect(authority.into(), tls).await
}

/// A connection that reads and writes. Dropping it closes it.
///
/// A `read` or a `write` that is given up goes on by itself: what was read is there for the next one.
/// What is written is with the operating system after `flush`.
pub struct Stream {
    connection: Rc<Connection>,
    reading: Option<LocalBoxFuture<'static, Result<Vec<u8>, Error>>>,
    writing: Option<LocalBoxFuture<'static, Result<(), Error>>>,
    /// What was read and nobody has taken: from this place on.
    read: (Vec<u8>, usize),
}

impl Stream {
    /// The stream of a connection.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection: Rc::new(connection),
            reading: None,
            writing: None,
            read: (Vec::new(), 0),
        }
    }

    /// What both sides have agreed on by ALPN. `None`: nothing was offered, or the peer took none.
    pub fn protocol(&self) -> Option<String> {
        self.connection.protocol()
    }

    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(writing) = &mut self.writing {
            let written = ready!(writing.as_mut().poll(context));
            self.writing = None;
            written.map_err(|error| broken(&error))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.read.1 >= this.read.0.len() {
            let connection = &this.connection;
            let reading = this.reading.get_or_insert_with(|| {
                let connection = connection.clone();
                let most = u32::try_from(CHUNK).unwrap_or(u32::MAX);
                Box::pin(async move { connection.read(most).await })
            });
            let bytes = ready!(reading.as_mut().poll(context));
            this.reading = None;
            this.read = (bytes.map_err(|error| broken(&error))?, 0);
        }
        let rest = this.read.0.get(this.read.1..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(into), Some(rest)) = (into.get_mut(..count), rest.get(..count)) {
            into.copy_from_slice(rest);
        }
        this.read.1 += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_written(context))?;
        let taken: Vec<u8> = bytes.iter().copied().take(CHUNK).collect();
        let count = taken.len();
        let connection = this.connection.clone();
        this.writing = Some(Box::pin(async move { connection.write(taken).await }));
        // So that it begins. Where it fails at once, the next call says so.
        if let Poll::Ready(written) = this.poll_written(context) {
            written?;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(context)
    }

    /// What is written is sent; the connection closes when it is dropped.
    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(context)
    }
}

/// Carries bytes between a connection and `pipe`, one end of [`tokio::io::duplex`], until either ends.
///
/// Each direction is one future that is dropped only with this one: dropping a `read` in flight could
/// lose bytes that the host has read already.
#[cfg(feature = "tokio")]
pub async fn carry(connection: &Connection, pipe: tokio::io::DuplexStream) {
    use std::pin::pin;

    use futures_util::future::select;

    let (from_pipe, to_pipe) = tokio::io::split(pipe);
    select(
        pin!(outgoing(connection, from_pipe)),
        pin!(incoming(connection, to_pipe)),
    )
    .await;
}

/// How much one turn of [`carry`] takes: the size that its pipe should have.
#[cfg(feature = "tokio")]
pub const PIPE: usize = CHUNK;

#[cfg(feature = "tokio")]
async fn outgoing(connection: &Connection, mut pipe: impl tokio::io::AsyncRead + Unpin) {
    use tokio::io::AsyncReadExt as _;

    let mut buffer = vec![0; CHUNK];
    loop {
        let Ok(count @ 1..) = pipe.read(&mut buffer).await else {
            return;
        };
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        if connection.write(bytes).await.is_err() {
            return;
        }
    }
}

#[cfg(feature = "tokio")]
async fn incoming(connection: &Connection, mut pipe: impl tokio::io::AsyncWrite + Unpin) {
    use tokio::io::AsyncWriteExt as _;

    let most = u32::try_from(CHUNK).unwrap_or(u32::MAX);
    loop {
        match connection.read(most).await {
            Ok(bytes) if !bytes.is_empty() => {
                if pipe.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

fn broken(error: &Error) -> io::Error {
    let kind = match error {
        Error::Denied(_) => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::ConnectionAborted,
    };
    io::Error::new(kind, error.words().to_owned())
}

#[cfg(test)]
mod tests {
    use futures_util::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::mock::Host;

    /// Says each line back.
    fn echo() -> Host {
        Host::new().tcp("echo:7", |mut peer| async move {
            while let Some(bytes) = peer.read().await {
                peer.write(&bytes);
            }
        })
    }

    #[test]
    fn what_is_written_arrives_and_the_answer_can_be_read_in_parts() {
        echo().run(async {
            let mut stream = connect("echo:7", false).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            stream.flush().await.unwrap();
            let mut first = [0; 2];
            stream.read_exact(&mut first).await.unwrap();
            let mut rest = [0; 3];
            stream.read_exact(&mut rest).await.unwrap();
            assert_eq!((&first, &rest), (b"he", b"llo"));
        });
    }

    #[test]
    fn a_peer_that_leaves_is_the_end_of_the_stream() {
        let host = Host::new().tcp("bye:1", |mut peer| async move { peer.write(b"bye") });
        host.run(async {
            let mut text = String::new();
            let mut stream = connect("bye:1", false).await.unwrap();
            stream.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "bye");
        });
    }

    #[test]
    fn protocols_are_offered_and_the_peer_takes_one() {
        let host = Host::new().tcp("web:443", |mut peer| async move {
            peer.write(peer.protocols.join(" ").as_bytes());
        });
        host.run(async {
            let offer = ["h2", "http/1.1"];
            let mut stream = connect_tls("web:443", &offer).await.unwrap();
            assert_eq!(stream.protocol().as_deref(), Some("h2"));
            let mut offered = String::new();
            stream.read_to_string(&mut offered).await.unwrap();
            assert_eq!(offered, "h2 http/1.1");
            let plain = connect("web:443", true).await.unwrap();
            assert_eq!(plain.protocol(), None);
        });
    }

    #[test]
    fn what_is_not_scripted_is_denied_with_its_name() {
        Host::new().run(async {
            let Err(Error::Denied(why)) = connect("other:1", true).await else {
                panic!("it was connected");
            };
            assert!(why.contains("other:1"), "{why}");
        });
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn a_pipe_of_tokio_is_carried_over_a_connection() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        echo().run(async {
            let connection = open("echo:7", false).await.unwrap();
            let (mut ours, theirs) = tokio::io::duplex(PIPE);
            crate::spawn(async move { carry(&connection, theirs).await });
            ours.write_all(b"ping").await.unwrap();
            let mut answer = [0; 4];
            ours.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"ping");
        });
    }
}
