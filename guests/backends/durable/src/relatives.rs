//! What is done for a run: attempts, children, signals for others; and what its end means for them.

use std::rc::Rc;
use std::time::Duration;

use taskhost_sdk::{Error, spawn, time};

use crate::actor::{Told, What};
use crate::engine::{Engine, Session};
use crate::entry::{End, Outcome, Parent, Why};
use crate::input::Input;
use crate::ledger::Signal;
use crate::run::{Begin, Run};
use crate::work::{Doing, Flag, Place, Work};
use crate::world::World;

/// After which something is tried again that the other run could not take.
const PAUSE: Duration = Duration::from_secs(1);

/// A child.
struct Child {
    run: String,
    begin: Begin,
    given_up: Flag,
}

impl<W: World> Engine<W> {
    /// Does what is to be done, now that it is written down.
    pub(crate) fn perform(self: &Rc<Self>, run: &mut Run<Session<W>>) {
        // What was ended without its code has no code that cleans up in those that it began.
        let terminated = run.ledger.ending().is_some_and(|ended| ended.terminated);
        for work in run.work(time::now_ms(), || self.ticket()) {
            match work {
                Work::Attempt {
                    place,
                    ticket,
                    activity,
                } => self.attempt(&run.name, run.key(place), place, ticket, activity),
                Work::Child {
                    seq,
                    run: child,
                    name,
                    input,
                    given_up,
                } => {
                    let parent = Parent {
                        run: run.name.to_string(),
                        seq,
                    };
                    let begin = Begin {
                        orchestration: name,
                        input,
                        seed: self.world.seed(),
                        parent: Some(parent),
                    };
                    let child = Child {
                        run: child,
                        begin,
                        given_up,
                    };
                    spawn(self.clone().begin_child(child));
                }
                Work::Signal { place, signal } => {
                    let from = run.key(place);
                    let sender = run.name.clone();
                    spawn(self.clone().deliver(sender, place, from, signal));
                }
                Work::Stop(doing) => self.give_up(doing, terminated),
            }
        }
    }

    fn give_up(self: &Rc<Self>, doing: Doing, terminated: bool) {
        self.stop_quietly(&doing);
        let Doing::Child { run, .. } = doing else {
            return;
        };
        let reason = Some("nobody waits for it any more".to_owned());
        let input = if terminated {
            let ending = End::Cancelled;
            Input::Terminate { ending, reason }
        } else {
            Input::Cancel { reason }
        };
        let engine = self.clone();
        spawn(async move {
            while engine.tell(&run, input.clone()).await.is_temporary() {
                time::sleep(PAUSE).await;
            }
        });
    }

    /// It is done for nobody now. What has begun elsewhere goes on there.
    pub(crate) fn stop_quietly(&self, doing: &Doing) {
        match doing {
            Doing::Attempt { ticket, .. } => self.stop(*ticket),
            Doing::Child { given_up, .. } => given_up.set(),
        }
    }

    /// Begins the run of a child, unless it has begun. When it ends, it tells its parent itself.
    async fn begin_child(self: Rc<Self>, child: Child) {
        let Child {
            run,
            begin,
            given_up,
        } = child;
        while !given_up.is_set() {
            let told = self.ask(&run, What::Begin(Box::new(begin.clone()))).await;
            let outcome = match told {
                Told::Written => return,
                Told::Over => self.outcome_of_child(&run).await,
                Told::Refused(error) if !Told::Refused(error.clone()).is_temporary() => {
                    Some(Outcome::Failed(refused(&error)))
                }
                Told::Unknown | Told::Refused(_) => None,
            };
            if let Some(outcome) = outcome
                && let Some(parent) = &begin.parent
            {
                return self.child_ended(parent, &run, outcome);
            }
            time::sleep(PAUSE).await;
        }
    }

    async fn outcome_of_child(&self, run: &str) -> Option<Outcome> {
        let (ended, reason) = self.ended(run).await.ok()??;
        Some(as_outcome(&ended.ending, reason))
    }

    /// A run has ended that is the child of another.
    pub(crate) fn tell_parent(self: &Rc<Self>, run: &Run<Session<W>>) {
        let ledger = &run.ledger;
        if let (Some(parent), Some(ended)) = (ledger.parent(), ledger.ending()) {
            let asked = ledger.cancelled().and_then(|asked| asked.reason.clone());
            let reason = ended.reason.clone().or(asked);
            self.child_ended(parent, &run.name, as_outcome(&ended.ending, reason));
        }
    }

    /// Where the parent cannot take it, it looks for itself when it is back.
    fn child_ended(self: &Rc<Self>, parent: &Parent, run: &str, outcome: Outcome) {
        let input = Input::Child {
            seq: parent.seq,
            run: run.to_owned(),
            outcome,
        };
        self.post(&parent.run, What::Input(Box::new(input)));
    }

    /// Brings a signal to another run, once. Where there is none, or it is over, nobody hears it.
    async fn deliver(self: Rc<Self>, sender: Rc<str>, place: Place, from: String, signal: Signal) {
        let Signal { target, name, data } = signal;
        let from = Some(from);
        let input = Input::Signal { name, data, from };
        if is_a_name(&target) {
            while self.tell(&target, input.clone()).await.is_temporary() {
                time::sleep(PAUSE).await;
            }
        }
        let delivered = Input::Delivered { place };
        self.post(&sender, What::Input(Box::new(delivered)));
    }
}

/// No other text names a run. The host is not asked for it.
fn is_a_name(run: &str) -> bool {
    !run.is_empty() && run.len() <= 240 && run.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What the end of a child is for its parent.
fn as_outcome(ending: &End, reason: Option<String>) -> Outcome {
    match ending {
        End::Completed(result) => Outcome::Done(result.clone()),
        End::Failed(why) => Outcome::Failed(why.clone()),
        End::Cancelled | End::Continued(_) => {
            let why = Why {
                code: "cancelled".to_owned(),
                message: reason.unwrap_or_else(|| "it was cancelled".to_owned()),
                detail: None,
                retryable: false,
            };
            Outcome::Failed(why)
        }
    }
}

fn refused(error: &Error) -> Why {
    Why {
        code: "not-begun".to_owned(),
        message: error.words().to_owned(),
        detail: None,
        retryable: false,
    }
}
