//! Asking and telling workers, over the broker.
//!
//! Answers are fetched without blocking commands, which would hold up everything else on the
//! connection. One question at a time: all answers come to one list, so that the late answer of a
//! busy worker lands where the next question clears it away, and not in a key that nobody reads.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

use redis::{cmd, pipe};
use serde_json::Value;
use taskhost_sdk::host::timers;
use tokio::sync::Mutex;

use crate::backend::Backend;
use crate::envelope::uuid;
use crate::pidbox::{self, Answers, Reply, Request};
use crate::wire::Trouble;

/// How long workers have to answer.
const ANSWER_MS: u64 = 1000;
/// Between two looks for answers; the first ones come within a few milliseconds.
const LOOK_MS: [u64; 4] = [3, 8, 20, 50];
/// What is left of the list goes after this, in seconds.
const LEFTOVERS_S: u64 = 600;

pub(crate) struct Control {
    turn: Mutex<()>,
    routing_key: String,
    asked: Cell<u64>,
}

/// The answers to one question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replies {
    /// How many workers heard it.
    pub(crate) heard: u64,
    pub(crate) answers: Answers,
}

impl Replies {
    /// Whether nobody is missing. A worker that is busy in its only thread does not answer.
    pub(crate) fn complete(&self) -> bool {
        u64::try_from(self.answers.len()).is_ok_and(|answers| answers >= self.heard)
    }
}

impl Control {
    pub(crate) fn new() -> Self {
        let random = || u128::from(RandomState::new().hash_one(timers::now_ms()));
        let instance = uuid(random() << 64 | random());
        Self {
            turn: Mutex::new(()),
            routing_key: format!("taskhost.reply.{instance}"),
            asked: Cell::new(0),
        }
    }

    fn tag(&self) -> String {
        self.asked.set(self.asked.get() + 1);
        format!("{}.{}", self.routing_key, self.asked.get())
    }
}

/// Tells workers something. Returns how many heard it, busy ones included.
pub(crate) async fn tell(backend: &Backend, request: &Request<'_>) -> Result<u64, Trouble> {
    let message = request.message(&backend.control.tag());
    let mut publish = cmd("PUBLISH");
    publish.arg(backend.broker_keys.control()).arg(message);
    backend.broker.ask(&publish).await
}

/// Asks all workers, and returns when all have answered or the time is over.
pub(crate) async fn ask(
    backend: &Backend,
    method: &'static str,
    arguments: Value,
) -> Result<Replies, Trouble> {
    let control = &backend.control;
    let turn = control.turn.lock().await;
    let ticket = control.tag();
    let reply = Reply {
        routing_key: &control.routing_key,
        ticket: &ticket,
    };
    let request = Request {
        reply: Some(reply),
        ..Request::of(method, arguments)
    };
    let until_ms = timers::now_ms() + ANSWER_MS;
    let mut replies = Replies {
        heard: tell(backend, &request).await?,
        ..Replies::default()
    };
    let list = backend.broker_keys.reply(&control.routing_key);
    let mut looks = LOOK_MS.into_iter();
    while !replies.complete() {
        let mut pop = cmd("RPOP");
        pop.arg(&list);
        let message: Option<Vec<u8>> = backend.broker.ask(&pop).await?;
        match message {
            Some(message) => {
                replies
                    .answers
                    .extend(pidbox::answer(&message, &ticket).unwrap_or_default());
            }
            None if timers::now_ms() >= until_ms => break,
            None => timers::sleep(looks.next().unwrap_or(LOOK_MS[3])).await,
        }
    }
    if !replies.complete() {
        let mut expire = pipe();
        expire.cmd("EXPIRE").arg(&list).arg(LEFTOVERS_S).ignore();
        backend.broker.ask_all::<()>(&expire).await?;
    }
    drop(turn);
    Ok(replies)
}
