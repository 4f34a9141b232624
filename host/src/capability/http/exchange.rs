//! One request on a connection of its own, and how long each part of it may take.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::capability::dial::{self, CONNECT, NotConnected};
use crate::capability::tls;
use crate::config::grant::{Authority, Grants, HttpGrant, Origin, Scheme};

/// The longest wait for the first byte of an answer, and for each further one: as long as a call may take
/// anyhow, so that this ends what the call's own limit does not, a connection that nobody reads.
const PAUSE: Duration = Duration::from_mins(1);

/// What a request comes back as: the answer, and the work of getting the rest of it.
pub(super) type Answered = Result<(Response<WasiBody>, Driver), Error>;
/// Gets the rest of it.
pub(super) type Driver = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// How long each part may take.
pub(super) struct Limits {
    pub(super) connect: Duration,
    first: Duration,
    between: Duration,
}

impl Limits {
    /// As short as the guest wants, and as long as is allowed.
    pub(super) fn of(options: Option<RequestOptions>) -> Self {
        let shorter = |wanted: Option<Duration>, most: Duration| wanted.unwrap_or(most).min(most);
        let options = options.as_ref();
        Self {
            connect: shorter(options.and_then(|options| options.connect_timeout), CONNECT),
            first: shorter(
                options.and_then(|options| options.first_byte_timeout),
                PAUSE,
            ),
            between: shorter(
                options.and_then(|options| options.between_bytes_timeout),
                PAUSE,
            ),
        }
    }
}

/// A plain or encrypted stream.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Connects to the server of `grant`.
pub(super) async fn connect(
    grant: &HttpGrant,
    grants: &Grants,
    limit: Duration,
) -> Result<Box<dyn Duplex>, NotConnected> {
    let Origin { scheme, authority } = &grant.origin;
    let spelled_out = |address: std::net::SocketAddr| {
        let endpoints = grants.tcp.iter().map(|endpoint| &endpoint.authority);
        let servers = grants.http.iter().map(|grant| &grant.origin.authority);
        endpoints.chain(servers).any(|Authority { host, port }| {
            *port == address.port() && dial::is_spelled(host, address.ip())
        })
    };
    let started = Instant::now();
    let stream = dial::dial(authority, limit, spelled_out).await?;
    if *scheme == Scheme::Http {
        return Ok(Box::new(stream));
    }
    let left = limit.saturating_sub(started.elapsed());
    let stream = tokio::time::timeout(
        left,
        tls::connect(&grant.trust, &authority.host, &[], stream),
    )
    .await
    .unwrap_or(Err(NotConnected::TimedOut))?;
    Ok(Box::new(stream))
}

/// What the guest is told of it.
pub(super) fn refusal(error: &NotConnected) -> Error {
    match error {
        NotConnected::Refused(..) => Error::DestinationIpProhibited,
        NotConnected::Unknown(_) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        NotConnected::Unreachable(_) => Error::ConnectionRefused,
        NotConnected::Untrusted(_) => Error::TlsCertificateError,
        NotConnected::TimedOut => Error::ConnectionTimeout,
    }
}

/// Sends `request` and waits for the head of the answer.
pub(super) async fn exchange(
    stream: Box<dyn Duplex>,
    mut request: Request<WasiBody>,
    limits: &Limits,
    room: OwnedSemaphorePermit,
) -> Answered {
    let (mut sender, connection) = http1::Builder::new()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    // The rest of the address is in the `Host` header; only a proxy is told all of it.
    let path = request.uri().path_and_query();
    *request.uri_mut() = path
        .map_or("/", |path| path.as_str())
        .parse()
        .map_err(|_| Error::HttpRequestUriInvalid)?;
    let mut connection = Box::pin(connection);
    let mut sending = Box::pin(sender.send_request(request));
    let mut is_over = false;
    let answer = tokio::time::timeout(limits.first, async {
        loop {
            tokio::select! {
                biased;
                answer = &mut sending => break answer.map_err(|error| broken(&error)),
                end = &mut connection, if !is_over => {
                    is_over = true;
                    end.map_err(|error| broken(&error))?;
                }
            }
        }
    })
    .await
    .map_err(|_| Error::ConnectionReadTimeout)??;
    drop(sending);
    let between = limits.between;
    let answer = answer.map(|body| Answer::new(body, between).boxed_unsync());
    let driver: Driver = Box::new(async move {
        let _room = room;
        if !is_over && let Err(error) = connection.await {
            tracing::debug!("a connection broke: {error}");
        }
        // Whoever reads the body has been told.
        Ok(())
    });
    Ok((answer, driver))
}

fn broken(error: &hyper::Error) -> Error {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Error::ConnectionTerminated
    } else if error.is_timeout() {
        Error::HttpResponseTimeout
    } else {
        Error::HttpProtocolError
    }
}

/// The body of an answer, which must not pause for too long.
struct Answer {
    body: Incoming,
    between: Duration,
    patience: Pin<Box<Sleep>>,
}

impl Answer {
    fn new(body: Incoming, between: Duration) -> Self {
        Self {
            body,
            between,
            patience: Box::pin(tokio::time::sleep(between)),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let next = Instant::now() + self.between;
                self.patience.as_mut().reset(next);
                Poll::Ready(frame.map(|frame| frame.map_err(|error| broken(&error))))
            }
            Poll::Pending => {
                ready!(self.patience.as_mut().poll(context));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::sync::Semaphore;

    use super::*;

    /// Sends a request to a server that answers with `answer`, and then says nothing more.
    async fn asked(answer: &'static str) -> (Answered, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let room = Arc::new(Semaphore::new(1));
        let room = room.try_acquire_owned().unwrap();
        let body = http_body_util::Empty::new().map_err(|never| match never {});
        let request = Request::get("http://api.example/path?query")
            .body(body.boxed_unsync())
            .unwrap();
        let serving = async {
            let mut seen = [0; 1024];
            let read = theirs.read(&mut seen).await.unwrap();
            let seen = std::str::from_utf8(seen.get(..read).unwrap()).unwrap();
            assert!(seen.starts_with("GET /path?query HTTP/1.1\r\n"), "{seen}");
            theirs.write_all(answer.as_bytes()).await.unwrap();
            theirs
        };
        let limits = Limits::of(None);
        let stream: Box<dyn Duplex> = Box::new(ours);
        let (answered, theirs) = tokio::join!(exchange(stream, request, &limits, room), serving);
        (answered, theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_waited_for_as_long_as_is_allowed() {
        let before = Instant::now();
        let (answered, _theirs) = asked("").await;
        assert!(matches!(answered, Err(Error::ConnectionReadTimeout)));
        assert!(before.elapsed() >= PAUSE && before.elapsed() < 2 * PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_pauses_for_too_long_is_an_error() {
        let (answered, _theirs) = asked("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        let (answer, driver) = answered.unwrap();
        let driving = tokio::spawn(Box::into_pin(driver));
        let collected = answer.into_body().collect().await;
        assert!(matches!(collected, Err(Error::ConnectionReadTimeout)));
        driving.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_answer_is_whole() {
        let (answered, _theirs) = asked("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhalf").await;
        let (answer, driver) = answered.unwrap();
        let driving = tokio::spawn(Box::into_pin(driver));
        let collected = answer.into_body().collect().await.unwrap();
        assert_eq!(collected.to_bytes(), "half");
        driving.abort();
    }

    #[tokio::test]
    async fn a_guest_may_ask_for_less_time_and_not_for_more() {
        let limits = Limits::of(Some(RequestOptions {
            connect_timeout: Some(Duration::from_hours(1)),
            first_byte_timeout: Some(Duration::from_millis(5)),
            between_bytes_timeout: None,
        }));
        assert_eq!(limits.connect, CONNECT);
        assert_eq!(limits.first, Duration::from_millis(5));
        assert_eq!(limits.between, PAUSE);
    }
}
