//! Sessions of the revisions that have them, kept as long as somebody uses them.
//!
//! rmcp ends a session five minutes after the last message, also while a request of it is waiting for its
//! answer; without that limit it keeps a session that nobody deletes for ever. Here a session counts as
//! used as long as one of its streams is open, and for a while after.
//!
//! **Bound:** so many sessions. One more takes the place of the one that has been idle longest, and is
//! refused where all are in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::common::server_side_http::ServerSseMessage;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError,
};
use rmcp::transport::streamable_http_server::{SessionId, SessionManager};
use tokio::time::Instant;

use crate::task::Principal;

/// All sessions.
pub(super) struct Sessions {
    sessions: LocalSessionManager,
    uses: Uses,
}

/// Sessions at a time: a fortnight of a client that opens three an hour and deletes none. Each costs a
/// task and some channels, about 20 KiB.
const SESSIONS: usize = 1_000;
/// How long a session is kept that nobody uses. Clients that come back later begin a new one, as the
/// protocol tells them to.
const IDLE: Duration = Duration::from_hours(4);
/// How often the idle are looked for.
const ROUND: Duration = Duration::from_mins(1);

impl Default for Sessions {
    fn default() -> Self {
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = None;
        Self {
            sessions,
            uses: Uses::default(),
        }
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionsError {
    /// All are in use.
    #[error("there are {SESSIONS} sessions already, all of them in use")]
    Full,
    #[error(transparent)]
    Session(#[from] LocalSessionManagerError),
}

impl Sessions {
    /// Ends sessions that nobody uses, for ever.
    pub(super) async fn reap(&self) {
        let mut rounds = tokio::time::interval(ROUND);
        loop {
            rounds.tick().await;
            for id in self.uses.idle_for(IDLE) {
                tracing::debug!("a session that nobody uses is ended");
                if let Err(error) = self.close_session(&id).await {
                    tracing::debug!("a session was not ended: {error}");
                }
            }
        }
    }

    /// `principal` has opened this session, unless somebody has before.
    pub(super) fn opened(&self, id: &str, principal: Principal) {
        if let Some(session) = self.uses.lock().get_mut(id) {
            session.owner.get_or_insert(principal);
        }
    }

    /// Whether there is such a session, and `principal` has opened it.
    pub(super) fn belongs(&self, id: &str, principal: &Principal) -> bool {
        let uses = self.uses.lock();
        uses.get(id)
            .is_some_and(|session| session.owner.as_ref() == Some(principal))
    }

    async fn make_room(&self) -> Result<(), SessionsError> {
        if self.uses.lock().len() < SESSIONS {
            return Ok(());
        }
        let longest = self.uses.longest_idle().ok_or(SessionsError::Full)?;
        self.close_session(&longest).await
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionsError> {
        self.make_room().await?;
        let (id, transport) = self.sessions.create_session().await?;
        self.uses.lock().insert(id.clone(), Use::default());
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionsError> {
        Ok(self.sessions.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionsError> {
        Ok(self.sessions.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionsError> {
        self.uses.lock().remove(id);
        Ok(self.sessions.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let hold = self.uses.hold(id);
        let stream = self.sessions.create_stream(id, message).await?;
        Ok(held(stream, hold))
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionsError> {
        let _hold = self.uses.hold(id);
        Ok(self.sessions.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let hold = self.uses.hold(id);
        let stream = self.sessions.create_standalone_stream(id).await?;
        Ok(held(stream, hold))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let hold = self.uses.hold(id);
        let stream = self.sessions.resume(id, last_event_id).await?;
        Ok(held(stream, hold))
    }
}

fn held(
    stream: impl Stream<Item = ServerSseMessage> + Send + Sync + 'static,
    hold: Hold,
) -> impl Stream<Item = ServerSseMessage> + Send + Sync + 'static {
    stream.map(move |message| {
        _ = &hold;
        message
    })
}

/// Which session is used how much. Cheap to clone.
#[derive(Clone, Default)]
struct Uses(Arc<Mutex<HashMap<SessionId, Use>>>);

struct Use {
    /// Who has opened it. Nobody knows the session before that is known.
    owner: Option<Principal>,
    streams: usize,
    since: Instant,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            owner: None,
            streams: 0,
            since: Instant::now(),
        }
    }
}

impl Uses {
    /// The session is in use until this is dropped.
    fn hold(&self, id: &SessionId) -> Hold {
        if let Some(session) = self.lock().get_mut(id) {
            session.streams += 1;
        }
        Hold {
            uses: self.clone(),
            id: id.clone(),
        }
    }

    fn idle_for(&self, long: Duration) -> Vec<SessionId> {
        self.lock()
            .iter()
            .filter(|(_, session)| session.streams == 0 && session.since.elapsed() >= long)
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn longest_idle(&self) -> Option<SessionId> {
        self.lock()
            .iter()
            .filter(|(_, session)| session.streams == 0)
            .min_by_key(|(_, session)| session.since)
            .map(|(id, _)| id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Hold {
    uses: Uses,
    id: SessionId,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(session) = self.uses.lock().get_mut(&self.id) {
            session.streams = session.streams.saturating_sub(1);
            session.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_lives_as_long_as_a_stream_of_it() {
        let sessions = Sessions::default();
        let (id, _transport) = sessions.create_session().await.unwrap();
        let hold = sessions.uses.hold(&id);
        let reaping = async {
            tokio::time::sleep(IDLE * 3).await;
            assert!(sessions.has_session(&id).await.unwrap());
            drop(hold);
            tokio::time::sleep(IDLE / 2).await;
            assert!(sessions.has_session(&id).await.unwrap());
            tokio::time::sleep(IDLE).await;
            assert!(!sessions.has_session(&id).await.unwrap());
        };
        tokio::select! {
            () = sessions.reap() => {}
            () = reaping => {}
        }
    }

    #[tokio::test]
    async fn a_session_belongs_to_the_first_who_has_it() {
        let sessions = Sessions::default();
        let (id, _transport) = sessions.create_session().await.unwrap();
        let [alice, bob] = ["alice", "bob"].map(|name| Principal::named(name).unwrap());
        assert!(!sessions.belongs(&id, &alice));
        sessions.opened(&id, alice.clone());
        sessions.opened(&id, bob.clone());
        assert!(sessions.belongs(&id, &alice));
        assert!(!sessions.belongs(&id, &bob));
        sessions.close_session(&id).await.unwrap();
        assert!(!sessions.belongs(&id, &alice));
    }

    #[tokio::test(start_paused = true)]
    async fn one_session_too_many_takes_the_place_of_the_longest_idle() {
        let sessions = Sessions::default();
        let mut ids = Vec::new();
        for _ in 0..SESSIONS {
            tokio::time::advance(Duration::from_millis(1)).await;
            ids.push(sessions.create_session().await.unwrap().0);
        }
        let used = sessions.uses.hold(&ids[0]);
        sessions.create_session().await.unwrap();
        assert!(sessions.has_session(&ids[0]).await.unwrap());
        assert!(!sessions.has_session(&ids[1]).await.unwrap());
        drop(used);

        let all: Vec<_> = sessions.uses.lock().keys().cloned().collect();
        let _holds: Vec<_> = all.iter().map(|id| sessions.uses.hold(id)).collect();
        assert!(matches!(
            sessions.create_session().await,
            Err(SessionsError::Full)
        ));
    }
}
