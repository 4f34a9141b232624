//! One server, connected for as long as the component lives.
//!
//! A keeper connects, and connects again: at once after a connection that held, else with a pause that
//! grows from 200 ms to 5 s. Callers never wait for a server that is known to be down; they get the
//! reason. A call that is not answered in time condemns its connection: a network that swallows
//! everything looks like that, and all other calls would wait as long.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use h2::client::SendRequest;
use prost::Message;
use taskhost_sdk::net::{self, Stream};
use taskhost_sdk::{Error, secrets, spawn, time, tracing};
use tokio::sync::{Notify, watch};

use super::call::{Envelope, Failed, call};
use super::endpoint::Endpoint;
use super::socket::Socket;
use super::status::Trouble;
use crate::proto::Nothing;

/// How long the server may take for one call.
const DEADLINE: Duration = Duration::from_secs(10);
/// The server says by itself that a call was too long for it. Who says nothing even then is away.
const GRACE: Duration = Duration::from_secs(2);
/// The host gives up on a connection after ten seconds.
const CONNECT: Duration = Duration::from_secs(12);
/// How long the first call on a connection may take, which shows who is there.
const HELLO: Duration = Duration::from_secs(5);
/// HTTP/2 by its name in ALPN.
const HTTP2: &str = "h2";
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A connection that held this long was a good one.
const GOOD_MS: u64 = 1000;
/// How much the server may send before it was read: the window of one stream, and of all.
const WINDOW: u32 = 1 << 20;
const WINDOWS: u32 = 4 << 20;

/// As whom, and into which hub.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) taskhub: String,
    /// Read anew for each call, so that a token can be replaced.
    pub(crate) token_secret: Option<String>,
}

/// Shared by all callers.
pub(crate) struct Link {
    endpoint: Endpoint,
    authority: String,
    account: Account,
    phase: watch::Sender<Phase>,
    condemned: Notify,
    /// What the operator was told last.
    told: RefCell<String>,
}

#[derive(Clone)]
enum Phase {
    /// For the first time, or after a connection that was good.
    Connecting,
    Up(SendRequest<Bytes>, u64),
    Down(Trouble),
}

impl Link {
    /// Begins to connect. To be called within a call.
    pub(crate) fn open(endpoint: Endpoint, account: Account) -> Rc<Self> {
        let link = Rc::new(Self {
            authority: endpoint.authority(),
            endpoint,
            account,
            phase: watch::Sender::new(Phase::Connecting),
            condemned: Notify::new(),
            told: RefCell::default(),
        });
        spawn(link.clone().keep());
        link
    }

    /// The one message that `method` answers with.
    pub(crate) async fn ask<A: Message + Default>(
        &self,
        method: &str,
        question: &impl Message,
    ) -> Result<A, Trouble> {
        let answers = self.ask_for_all(method, question).await?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// All messages that it answers with.
    pub(crate) async fn ask_for_all<A: Message + Default>(
        &self,
        method: &str,
        question: &impl Message,
    ) -> Result<Vec<A>, Trouble> {
        let (client, number) = self.session().await?;
        let work = self.call(client, method, question, DEADLINE);
        let answered = time::timeout(DEADLINE + GRACE, work).await;
        answered.unwrap_or_else(|_| {
            if matches!(&*self.phase.borrow(), Phase::Up(_, current) if *current == number) {
                self.condemned.notify_one();
            }
            Err(self.silent(DEADLINE))
        })
    }

    async fn session(&self) -> Result<(SendRequest<Bytes>, u64), Trouble> {
        let mut phases = self.phase.subscribe();
        let known = phases.wait_for(|phase| !matches!(phase, Phase::Connecting));
        match time::timeout(CONNECT, known).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Up(client, number) => Ok((client.clone(), *number)),
                Phase::Down(trouble) => Err(trouble.clone()),
                Phase::Connecting => Err(self.silent(CONNECT)),
            },
            _ => Err(self.silent(CONNECT)),
        }
    }

    async fn call<A: Message + Default>(
        &self,
        client: SendRequest<Bytes>,
        method: &str,
        question: &impl Message,
        deadline: Duration,
    ) -> Result<Vec<A>, Trouble> {
        let token = match &self.account.token_secret {
            Some(name) => Some(secrets::get(name).ok_or_else(|| {
                Trouble::Denied(format!(
                    "the secret `{name}`, named by `token_secret`, is not granted to this component, \
                     or not set"
                ))
            })?),
            None => None,
        };
        let envelope = Envelope {
            scheme: if self.endpoint.tls { "https" } else { "http" },
            authority: &self.authority,
            taskhub: &self.account.taskhub,
            token: token.as_deref(),
            deadline,
        };
        let called = call(client, &envelope, method, question).await;
        called.map_err(|failed| match failed {
            Failed::Said(code, words) => Trouble::said(&self.endpoint.to_string(), code, &words),
            Failed::Broken(words) => self.closed(&words),
        })
    }

    async fn keep(self: Rc<Self>) {
        let mut pause = FIRST_PAUSE;
        let mut number = 0;
        loop {
            number += 1;
            let began_ms = time::now_ms();
            // On the heap: it holds all buffers of a connection.
            let trouble = Box::pin(self.live(number)).await;
            let was_up = matches!(&*self.phase.borrow(), Phase::Up(..));
            let words = trouble.to_string();
            if self.told.replace(words.clone()) != words {
                tracing::warn!("{words}");
            }
            if was_up && time::now_ms().saturating_sub(began_ms) > GOOD_MS {
                pause = FIRST_PAUSE;
                self.phase.send_replace(Phase::Connecting);
                continue;
            }
            self.phase.send_replace(Phase::Down(trouble));
            time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Servers of gRPC hang up where `h2` is not agreed on by ALPN; those that know nothing of it are
    /// spoken to all the same.
    async fn connect(&self) -> Result<Stream, Error> {
        if self.endpoint.tls {
            net::connect_tls(&self.authority, &[HTTP2]).await
        } else {
            net::connect(&self.authority, false).await
        }
    }

    /// One connection from its beginning to its end.
    async fn live(&self, number: u64) -> Trouble {
        let stream = match time::timeout(CONNECT, self.connect()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.unreachable(&error),
            Err(_) => return self.silent(CONNECT),
        };
        let protocol = stream.protocol();
        let shaken = h2::client::Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOWS)
            .enable_push(false)
            .handshake::<_, Bytes>(Socket(stream))
            .await;
        let (client, driver) = match shaken {
            Ok(shaken) => shaken,
            Err(error) => return self.closed(&error.to_string()),
        };
        let mut driver = pin!(driver);
        let hello = self.call::<Nothing>(client.clone(), "Hello", &Nothing {}, HELLO);
        match select(pin!(time::timeout(HELLO, hello)), &mut driver).await {
            // Whatever it says, it speaks gRPC.
            Either::Left((Ok(Ok(_) | Err(Trouble::Said(..))), _)) => {}
            Either::Left((Ok(Err(trouble)), _)) => return trouble,
            Either::Left((Err(_), _)) => return self.silent(HELLO),
            Either::Right((Ok(()), _)) => {
                return self.turned_away("it was closed", protocol.as_deref());
            }
            Either::Right((Err(error), _)) => {
                return self.turned_away(&error.to_string(), protocol.as_deref());
            }
        }
        self.phase.send_replace(Phase::Up(client, number));
        self.told.take();
        tracing::info!("connected to {}", self.endpoint);
        match select(driver, pin!(self.condemned.notified())).await {
            Either::Left((Ok(()), _)) => self.closed("it was closed"),
            Either::Left((Err(error), _)) => self.closed(&error.to_string()),
            Either::Right(_) => self.silent(DEADLINE),
        }
    }

    fn unreachable(&self, error: &Error) -> Trouble {
        let place = &self.endpoint;
        let words = error.words();
        if let Error::Denied(_) = error {
            return Trouble::Denied(format!("{place} is not granted: {words}"));
        }
        let tls = if place.tls {
            ", that it speaks TLS"
        } else {
            ""
        };
        Trouble::Away(format!(
            "{place} cannot be reached: {words}; check that it runs there{tls}, and `endpoint`"
        ))
    }

    /// Closed before anything was said. `protocol` is what TLS agreed on.
    fn turned_away(&self, words: &str, protocol: Option<&str>) -> Trouble {
        let place = &self.endpoint;
        let advice = match protocol {
            _ if !place.tls => "if it wants TLS, write `https://`",
            None => "its TLS takes no HTTP/2 (`h2`, by ALPN): check that and `endpoint`",
            Some(_) => "check that it is a Durable Task server that `endpoint` names",
        };
        Trouble::Away(format!(
            "{place} does not answer in gRPC: {words}; {advice}"
        ))
    }

    fn closed(&self, words: &str) -> Trouble {
        Trouble::Away(format!(
            "the connection to {} ended: {words}",
            self.endpoint
        ))
    }

    fn silent(&self, limit: Duration) -> Trouble {
        Trouble::Away(format!(
            "{} has not answered within {} s; check that it is not busy or stopped",
            self.endpoint,
            limit.as_secs()
        ))
    }
}
