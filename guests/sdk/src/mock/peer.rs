//! Scripted servers behind `net`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::future::LocalBoxFuture;

use super::{Host, World, spawn};
use crate::Error;

/// What a server does with one connection.
pub(super) type Server = Rc<dyn Fn(Peer) -> LocalBoxFuture<'static, ()>>;

impl Host {
    /// A server at `host:port`, with or without TLS. What it does is done for each connection; when it
    /// returns, the connection is closed.
    #[must_use]
    pub fn tcp<F>(self, authority: &str, server: impl Fn(Peer) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let server: Server = Rc::new(move |peer| Box::pin(server(peer)));
        World::with(|world| world.servers.insert(authority.into(), server));
        self
    }
}

/// The server's side of a connection.
#[derive(Debug)]
pub struct Peer {
    from: Rc<Pipe>,
    to: Rc<Pipe>,
    /// Whether the client asked for TLS.
    pub tls: bool,
    /// What it offered by ALPN. The first of these is what the client finds agreed on.
    pub protocols: Vec<String>,
}

impl Peer {
    /// What the client has written; nothing when it has closed.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        let bytes = self.from.take(usize::MAX).await;
        (!bytes.is_empty()).then_some(bytes)
    }

    /// What the client will read.
    pub fn write(&mut self, bytes: &[u8]) {
        self.to.put(bytes);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.to.close();
        self.from.close();
    }
}

/// The component's side, as the host's `net` has it.
#[derive(Debug)]
pub struct Connection {
    from: Rc<Pipe>,
    to: Rc<Pipe>,
    protocol: Option<String>,
}

impl Connection {
    /// At most `max` bytes; none when the server has closed.
    pub async fn read(&self, max: u32) -> Result<Vec<u8>, Error> {
        Ok(self
            .from
            .take(usize::try_from(max).unwrap_or(usize::MAX))
            .await)
    }

    /// All of them, or an error where the server has closed.
    #[allow(clippy::unused_async, reason = "the host's is")]
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), Error> {
        if self.to.put(&bytes) {
            Ok(())
        } else {
            Err(Error::unavailable("the peer has closed the connection"))
        }
    }

    /// The first of those that were offered.
    pub fn protocol(&self) -> Option<String> {
        self.protocol.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.to.close();
        self.from.close();
    }
}

/// As the host's `net` has it.
#[allow(clippy::unused_async, reason = "the host's is")]
pub async fn connect(authority: String, tls: bool) -> Result<Connection, Error> {
    reach(&authority, tls, Vec::new())
}

/// The same.
#[allow(clippy::unused_async, reason = "the host's is")]
pub async fn connect_tls(authority: String, protocols: Vec<String>) -> Result<Connection, Error> {
    reach(&authority, true, protocols)
}

fn reach(authority: &str, tls: bool, protocols: Vec<String>) -> Result<Connection, Error> {
    let server = World::with(|world| world.servers.get(authority).cloned());
    let Some(server) = server else {
        return Err(Error::Denied(format!(
            "no server at `{authority}`: give the host one by `.tcp(\"{authority}\", …)`"
        )));
    };
    let (there, back) = (Rc::new(Pipe::default()), Rc::new(Pipe::default()));
    let protocol = protocols.first().cloned();
    spawn(server(Peer {
        from: there.clone(),
        to: back.clone(),
        tls,
        protocols,
    }));
    Ok(Connection {
        from: back,
        to: there,
        protocol,
    })
}

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
struct Pipe(RefCell<Flow>);

#[derive(Debug, Default)]
struct Flow {
    bytes: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
}

impl Pipe {
    /// False: nobody will read it.
    fn put(&self, bytes: &[u8]) -> bool {
        let mut flow = self.0.borrow_mut();
        if flow.closed {
            return false;
        }
        flow.bytes.extend(bytes);
        flow.reader.take().into_iter().for_each(Waker::wake);
        true
    }

    fn close(&self) {
        let mut flow = self.0.borrow_mut();
        flow.closed = true;
        flow.reader.take().into_iter().for_each(Waker::wake);
    }

    async fn take(&self, most: usize) -> Vec<u8> {
        poll_fn(|context| {
            let mut flow = self.0.borrow_mut();
            if flow.bytes.is_empty() && !flow.closed {
                flow.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
            let count = flow.bytes.len().min(most);
            Poll::Ready(flow.bytes.drain(..count).collect())
        })
        .await
    }
}
