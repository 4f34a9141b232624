//! Stands between a component and the endpoint that it is configured with, and breaks what passes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::grant::Authority;

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    /// Passed on, both ways.
    Flows,
    /// Closed as soon as they are made.
    Closed,
    /// Cut after so many bytes of what the endpoint says.
    Cut(u64),
}

/// A listener of its own, on the loopback address.
pub(super) struct Proxy {
    address: SocketAddr,
    traffic: watch::Sender<Traffic>,
    made: Arc<AtomicU64>,
    stop: CancellationToken,
    work: TaskTracker,
}

impl Proxy {
    /// Passes on to `endpoint`.
    pub(super) async fn start(endpoint: Authority) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let proxy = Self {
            address: listener.local_addr()?,
            traffic: watch::Sender::new(Traffic::Flows),
            made: Arc::default(),
            stop: CancellationToken::new(),
            work: TaskTracker::new(),
        };
        let (made, work) = (proxy.made.clone(), proxy.work.clone());
        let (traffic, stop) = (proxy.traffic.subscribe(), proxy.stop.clone());
        let listening = proxy.stop.clone();
        proxy
            .work
            .spawn(listening.run_until_cancelled_owned(async move {
                while let Ok((here, _)) = listener.accept().await {
                    made.fetch_add(1, Ordering::Relaxed);
                    let passing = pass(here, endpoint.clone(), traffic.clone());
                    work.spawn(stop.clone().run_until_cancelled_owned(passing));
                }
            }));
        Ok(proxy)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on. Connections that are there feel it too.
    pub(super) fn turn(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }

    /// Connections that were made so far.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.work.close();
        self.work.wait().await;
    }
}

/// One connection, until either side or the trial has had enough of it.
async fn pass(mut here: TcpStream, endpoint: Authority, mut traffic: watch::Receiver<Traffic>) {
    let begun = *traffic.borrow_and_update();
    if begun == Traffic::Closed {
        return;
    }
    let Ok(mut there) = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await else {
        return;
    };
    let (mut requests, mut write_back) = here.split();
    let (mut replies, mut write_out) = there.split();
    let asking = tokio::io::copy(&mut requests, &mut write_out);
    let answering = async {
        let mut said = 0;
        let mut bytes = vec![0; 16 << 10];
        loop {
            let read = replies.read(&mut bytes).await?;
            let most = match begun {
                Traffic::Cut(most) => usize::try_from(most - said).unwrap_or(usize::MAX),
                Traffic::Flows | Traffic::Closed => usize::MAX,
            };
            let passed = bytes.get(..read.min(most)).unwrap_or_default();
            write_back.write_all(passed).await?;
            said += passed.len() as u64;
            if read == 0 || passed.len() < read || passed.len() == most {
                return io::Result::Ok(());
            }
        }
    };
    // Either way the connection is dropped, and with it both ends.
    tokio::select! {
        _ = asking => {}
        _ = answering => {}
        _ = traffic.changed() => {}
    }
}
