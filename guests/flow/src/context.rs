//! All that the code of an orchestration can reach.

use std::future::Future;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::received::Received;
use crate::state::Shared;
use crate::{
    Activity, ActivityKind, Asked, Child, Command, Failure, Orchestration, Progress, Shielded,
    SignalCall, Sleep,
};

/// The way of one run to everything outside it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context(pub(crate) Shared);

impl Context {
    /// Has something done outside. Its outcome is written down before this code sees it, and after that it is
    /// never done again.
    pub fn activity<T: DeserializeOwned>(
        &self,
        name: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Activity<T> {
        Activity::new(&self.0, name, written(input))
    }

    /// Runs another orchestration of this component, with a history of its own.
    pub fn child<T: DeserializeOwned>(
        &self,
        name: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Child<T> {
        Child::new(&self.0, name, written(input))
    }

    /// Has the activity `A` done: `ctx.run::<do_step>(&step)`. As [`Context::activity`], with its types.
    pub fn run<A: ActivityKind>(&self, input: &A::Input) -> Activity<A::Output>
    where
        A::Input: Serialize,
        A::Output: DeserializeOwned,
    {
        self.activity(A::NAME, input)
    }

    /// Runs the orchestration `O`: `ctx.run_child::<branch>(&input)`. As [`Context::child`], with its types.
    pub fn run_child<O: Orchestration>(&self, input: &O::Input) -> Child<O::Output>
    where
        O::Input: Serialize,
        O::Output: DeserializeOwned,
    {
        self.child(O::NAME, input)
    }

    /// Waits. Days are as good as milliseconds; a host that is down meanwhile makes up for it.
    pub fn sleep(&self, time: Duration) -> Sleep<()> {
        Sleep::new(&self.0, time)
    }

    /// Asks the client, with a form made of `T`. The key is unique among the questions that are open.
    pub fn ask<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: impl Into<String>,
    ) -> Asked<T> {
        let schema = schemars::schema_for!(T).to_value().to_string();
        Asked::new(&self.0, key, message.into(), schema)
    }

    /// The next signal of this name. Those that came before anybody asked have been kept.
    pub fn signal<T: DeserializeOwned>(&self, name: &str) -> Received<T> {
        Received::new(&self.0, name)
    }

    /// Tells another run something, and does not wait for it.
    pub fn send_signal(
        &self,
        task: &str,
        name: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<(), Failure> {
        let data = written(data)?;
        let mut state = self.0.borrow_mut();
        if let Some(failure) = state.stopped() {
            return Err(failure);
        }
        state.decide(|seq| {
            Command::SendSignal(SignalCall {
                seq,
                target: task.to_owned(),
                name: name.to_owned(),
                data,
            })
        });
        Ok(())
    }

    /// How far it is, for whoever looks on.
    pub fn progress(&self, current: impl Into<f64>, total: impl Into<f64>, message: &str) {
        self.0.borrow_mut().say(Command::SetProgress(Progress {
            current: current.into(),
            total: Some(total.into()),
            message: Some(message.to_owned()),
        }));
    }

    /// Whatever else whoever looks on should know. What is no JSON object is not shown.
    pub fn status(&self, status: &impl Serialize) {
        if let Ok(Value::Object(object)) = serde_json::to_value(status) {
            let status = Value::Object(object).to_string();
            self.0.borrow_mut().say(Command::SetStatus(status));
        }
    }

    /// The time, in milliseconds since the Unix epoch. It stands still between two things that are waited for.
    pub fn now(&self) -> u64 {
        self.0.borrow().now_ms
    }

    /// A number that chance has chosen, and that is the same in each replay. Not for secrets.
    pub fn random(&self) -> u64 {
        self.0.borrow_mut().random.next()
    }

    /// Whether to take the new way at a change of this code. Runs that had passed this place before the change
    /// get the old one, for ever.
    ///
    /// ```text
    /// if ctx.version("send-twice") { new way } else { old way }
    /// ```
    pub fn version(&self, change: &str) -> bool {
        self.0.borrow_mut().way(change)
    }

    /// Whether the run was asked to stop. What is waited for says so too.
    pub fn is_cancelled(&self) -> bool {
        self.0.borrow().is_cancelled()
    }

    /// Lets `cleanup` come to its end though the run was asked to stop.
    pub fn shield<F: Future>(&self, cleanup: F) -> Shielded<F> {
        Shielded::new(&self.0, cleanup)
    }

    /// What to return to begin anew under the same id, with an empty history: for what never ends.
    pub fn begin_anew<T>(&self, input: &(impl Serialize + ?Sized)) -> Result<T, Failure> {
        Err(Failure {
            detail: Some(written(input)?),
            ..Failure::new(BEGIN_ANEW, "the run begins anew")
        })
    }
}

/// What a run that begins anew fails with. Nobody sees it.
pub(crate) const BEGIN_ANEW: &str = "taskhost:begin-anew";

fn written(value: &(impl Serialize + ?Sized)) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| {
        Failure::new(
            "unwritable",
            format!("it cannot be written as JSON: {error}"),
        )
    })
}
