//! One database of one Redis server, connected for as long as the component lives.
//!
//! A keeper connects, and connects again: at once after a connection that held, else with a pause
//! that grows from 200 ms to 5 s. Callers never wait for a server that is known to be down; they get
//! the reason. A command that is not answered in time condemns its connection, since everything
//! behind it would wait as long.
//!
//! Every connection has a number. What was subscribed belongs to one connection, so who listens
//! compares numbers ([`Link::number`]) and subscribes again ([`crate::results::follow`]).

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, Pipeline, ProtocolVersion, PushInfo,
    PushKind, RedisConnectionInfo, RedisResult, Value,
};
use taskhost_sdk::host::timers;
use taskhost_sdk::net::Connection;
use taskhost_sdk::{net, spawn, tracing};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::endpoint::Endpoint;
use crate::wire::resp2::{self, Ask};
use crate::wire::wakeups::Wakeups;
use crate::wire::{Place, Trouble, first, within};

/// How long Redis may take to answer one command.
const ANSWER_MS: u64 = 5000;
/// The host gives up on a connection after ten seconds.
const CONNECT_MS: u64 = 12_000;
const FIRST_PAUSE_MS: u64 = 200;
const LONGEST_PAUSE_MS: u64 = 5000;
/// A connection that held this long was a good one.
const GOOD_MS: u64 = 1000;
/// Channels in one `SUBSCRIBE`, so that its confirmations come in time.
const CHANNELS_AT_ONCE: usize = 500;

/// Shared by all callers.
pub(crate) struct Link {
    endpoint: Endpoint,
    place: Place,
    /// Whether anybody listens here for what is published.
    listens: bool,
    /// Redis 6 and later push on the same connection.
    resp3: Cell<bool>,
    phase: watch::Sender<Phase>,
    condemned: Notify,
    wakeups: Wakeups,
}

#[derive(Clone)]
enum Phase {
    /// For the first time, or after a connection that was good.
    Connecting,
    Up(Session),
    Down(Trouble),
}

#[derive(Clone)]
struct Session {
    client: MultiplexedConnection,
    number: u64,
    /// Where the server cannot push on the same connection.
    listener: Option<mpsc::Sender<Ask>>,
}

/// How one connection ended.
enum End {
    /// The server does not know the newer protocol.
    OlderProtocol,
    Broken(Trouble),
}

impl Link {
    /// Begins to connect. Needs the executor of an export call.
    pub(crate) fn open(setting: &'static str, endpoint: Endpoint, listens: bool) -> Rc<Self> {
        let place = Place {
            setting,
            authority: endpoint.authority(),
            database: endpoint.database,
            tls: endpoint.tls,
        };
        let link = Rc::new(Self {
            endpoint,
            place,
            listens,
            resp3: Cell::new(true),
            phase: watch::Sender::new(Phase::Connecting),
            condemned: Notify::new(),
            wakeups: Wakeups::default(),
        });
        spawn(link.clone().keep());
        link
    }

    /// The answer to one command.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Trouble> {
        let mut session = self.session().await?;
        self.answer(session.number, command.query_async(&mut session.client))
            .await
    }

    /// The answers to several commands in one turn.
    pub(crate) async fn ask_all<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
    ) -> Result<T, Trouble> {
        let mut session = self.session().await?;
        self.answer(session.number, commands.query_async(&mut session.client))
            .await
    }

    /// Returns when the server has confirmed: what is published later is heard.
    pub(crate) async fn subscribe(&self, channels: &[String]) -> Result<(), Trouble> {
        self.listen("SUBSCRIBE", channels).await
    }

    pub(crate) async fn unsubscribe(&self, channels: &[String]) -> Result<(), Trouble> {
        self.listen("UNSUBSCRIBE", channels).await
    }

    /// What was heard.
    pub(crate) fn wakeups(&self) -> &Wakeups {
        &self.wakeups
    }

    /// The number of the connection, where there is one.
    pub(crate) fn number(&self) -> Option<u64> {
        match &*self.phase.borrow() {
            Phase::Up(session) => Some(session.number),
            _ => None,
        }
    }

    /// Returns when there is a connection other than number `seen`.
    pub(crate) async fn changed(&self, seen: Option<u64>) {
        let other =
            |phase: &Phase| matches!(phase, Phase::Up(session) if seen != Some(session.number));
        _ = self.phase.subscribe().wait_for(other).await;
    }

    async fn session(&self) -> Result<Session, Trouble> {
        let mut phases = self.phase.subscribe();
        let known = phases.wait_for(|phase| !matches!(phase, Phase::Connecting));
        match within(CONNECT_MS, known).await {
            Some(Ok(phase)) => match &*phase {
                Phase::Up(session) => Ok(session.clone()),
                Phase::Down(trouble) => Err(trouble.clone()),
                Phase::Connecting => Err(Trouble::silent(&self.place, CONNECT_MS)),
            },
            _ => Err(Trouble::silent(&self.place, CONNECT_MS)),
        }
    }

    async fn answer<T>(
        &self,
        number: u64,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Trouble> {
        match within(ANSWER_MS, work).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(Trouble::of(&self.place, &error)),
            None => {
                if self.number() == Some(number) {
                    self.condemned.notify_one();
                }
                Err(Trouble::silent(&self.place, ANSWER_MS))
            }
        }
    }

    async fn listen(&self, verb: &'static str, channels: &[String]) -> Result<(), Trouble> {
        for channels in channels.chunks(CHANNELS_AT_ONCE) {
            let mut session = self.session().await?;
            let number = session.number;
            let work = async {
                let Some(listener) = &session.listener else {
                    return match verb {
                        "SUBSCRIBE" => session.client.subscribe(channels).await,
                        _ => session.client.unsubscribe(channels).await,
                    };
                };
                let (done, confirmed) = oneshot::channel();
                let ask = Ask {
                    verb,
                    channels: channels.to_vec(),
                    done,
                };
                let gone = || (ErrorKind::Io, "the listening connection is gone");
                listener.send(ask).await.map_err(|_| gone())?;
                match confirmed.await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(text)) => Err((ErrorKind::Client, "", text).into()),
                    Err(_) => Err(gone().into()),
                }
            };
            self.answer(number, work).await?;
        }
        Ok(())
    }

    async fn keep(self: Rc<Self>) {
        let mut pause_ms = FIRST_PAUSE_MS;
        let mut number = 0;
        loop {
            number += 1;
            let began_ms = timers::now_ms();
            // On the heap: it holds all buffers of a connection.
            let end = Box::pin(self.live(number)).await;
            let End::Broken(trouble) = end else {
                self.resp3.set(false);
                continue;
            };
            let was_up = matches!(&*self.phase.borrow(), Phase::Up(_));
            let told = matches!(&*self.phase.borrow(), Phase::Down(last) if *last == trouble);
            if !told {
                tracing::warn!("{trouble}");
            }
            if was_up && timers::now_ms().saturating_sub(began_ms) > GOOD_MS {
                pause_ms = FIRST_PAUSE_MS;
                self.phase.send_replace(Phase::Connecting);
                continue;
            }
            self.phase.send_replace(Phase::Down(trouble));
            timers::sleep(pause_ms).await;
            pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
        }
    }

    /// One connection from its beginning to its end.
    async fn live(&self, number: u64) -> End {
        let connection = match self.connect().await {
            Ok(connection) => connection,
            Err(trouble) => return End::Broken(trouble),
        };
        let (theirs, ours) = tokio::io::duplex(net::PIPE);
        let mut pumps = pin!(net::carry(&connection, ours));
        let (info, config) = self.settings();
        let greeting = MultiplexedConnection::new_with_config(&info, theirs, config);
        let (client, driver) = match select(pin!(within(ANSWER_MS, greeting)), &mut pumps).await {
            Either::Left((Some(Ok(greeted)), _)) => greeted,
            Either::Left((Some(Err(error)), _)) if self.resp3.get() && is_older(&error) => {
                return End::OlderProtocol;
            }
            Either::Left((Some(Err(error)), _)) => {
                return End::Broken(Trouble::of_greeting(&self.place, &error));
            }
            Either::Left((None, _)) => {
                return End::Broken(Trouble::silent(&self.place, ANSWER_MS));
            }
            Either::Right(((), _)) => return End::Broken(Trouble::turned_away(&self.place)),
        };
        let (asks, inbox) = mpsc::channel(64);
        let apart = self.listens && !self.resp3.get();
        let second = if apart {
            self.connect().await.ok()
        } else {
            None
        };
        let listening = async {
            match &second {
                Some(second) => resp2::listen(second, &self.endpoint, inbox, &self.wakeups).await,
                None if apart => {}
                None => pending().await,
            }
        };
        let listener = apart.then_some(asks);
        self.phase.send_replace(Phase::Up(Session {
            client,
            number,
            listener,
        }));
        tracing::info!("connected to {}", self.place);
        let ended = first(first(driver, pumps), listening);
        match select(pin!(ended), pin!(self.condemned.notified())).await {
            Either::Left(_) => End::Broken(Trouble::closed(&self.place)),
            Either::Right(_) => End::Broken(Trouble::silent(&self.place, ANSWER_MS)),
        }
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let authority = self.endpoint.authority();
        let connect = net::open(&authority, self.endpoint.tls);
        match within(CONNECT_MS, connect).await {
            Some(Ok(connection)) => Ok(connection),
            Some(Err(error)) => Err(Trouble::unreachable(&self.place, &error)),
            None => Err(Trouble::silent(&self.place, CONNECT_MS)),
        }
    }

    fn settings(&self) -> (RedisConnectionInfo, AsyncConnectionConfig) {
        // The crate's own time-outs need a runtime.
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let mut info = RedisConnectionInfo::default()
            .set_db(self.endpoint.database)
            .set_lib_name("taskhost", env!("CARGO_PKG_VERSION"))
            .set_protocol(ProtocolVersion::RESP2);
        if self.resp3.get() {
            info = info.set_protocol(ProtocolVersion::RESP3);
            let wakeups = self.wakeups.clone();
            config = config.set_push_sender(move |push: PushInfo| -> Result<(), ()> {
                if push.kind == PushKind::Message
                    && let Some(Value::BulkString(channel)) = push.data.first()
                {
                    wakeups.add(String::from_utf8_lossy(channel).into_owned());
                }
                Ok(())
            });
        }
        if let Some(user) = &self.endpoint.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.endpoint.password {
            info = info.set_password(password);
        }
        (info, config)
    }
}

/// Redis before 6 has no `HELLO`; some that speak for Redis have, and no version 3 of the protocol.
fn is_older(error: &redis::RedisError) -> bool {
    let text = error.to_string();
    error.kind() == ErrorKind::RESP3NotSupported
        || text.contains("unknown command")
        || text.contains("NOPROTO")
}
