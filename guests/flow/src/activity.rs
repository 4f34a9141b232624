//! Activities: what touches the world, one attempt at a time.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::bindings::taskhost::durable::types::Activity as Definition;

/// What an orchestration has done outside.
///
/// It is done at least once: a host that crashes has lost what it did not write down, and tries again. So it
/// is made such that doing it twice does no harm, for which there is [`ActivityContext::key`].
pub trait ActivityKind {
    /// Unique within the component: letters, digits and `_`.
    const NAME: &'static str;
    /// For people.
    const DESCRIPTION: Option<&'static str> = None;
    /// How many run at once, at most. `None`: as many as the engine allows.
    const AT_ONCE: Option<u32> = None;
    /// What it is given.
    type Input: DeserializeOwned + 'static;
    /// Its result.
    type Output: Serialize + 'static;

    /// One attempt.
    fn perform(
        context: ActivityContext,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + 'static;
}

/// One attempt of an activity.
#[derive(Clone, Debug)]
pub struct ActivityContext {
    #[cfg(not(target_family = "wasm"))]
    attempt: std::rc::Rc<std::cell::RefCell<Attempt>>,
}

impl ActivityContext {
    /// The same for all attempts of this activity, after any crash, and for no other one. Whatever is asked to
    /// do something only once may be asked under this key.
    pub fn key(&self) -> String {
        self.imported_key()
    }

    /// Which attempt this is, from 1. Those that a crash of the host has ended count too.
    pub fn attempt(&self) -> u32 {
        self.imported_number()
    }

    /// Says that it is alive, and what the next attempt is to know if this one does not come to its end; `&()`
    /// is nothing.
    ///
    /// Returns whether it is to stop: nobody waits for it any more. Then it cleans up and returns, soon, since
    /// the host ends it otherwise.
    #[must_use = "it says whether to stop"]
    pub fn heartbeat(&self, detail: &impl Serialize) -> bool {
        let detail = serde_json::to_string(detail).ok();
        self.imported_heartbeat(detail.as_deref().filter(|detail| *detail != "null"))
    }

    /// What the attempt before this one said last. `None`: it said nothing, or nothing of this type, or there
    /// was none.
    pub fn last_heartbeat<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.imported_last()?).ok()
    }
}

#[cfg(target_family = "wasm")]
#[allow(clippy::unused_self, reason = "an instance has one attempt at a time")]
mod imported {
    use super::ActivityContext;
    use crate::bindings::activities::taskhost::durable::attempt;

    impl ActivityContext {
        pub(super) fn of_the_host() -> Self {
            Self {}
        }

        pub(super) fn imported_key(&self) -> String {
            attempt::key()
        }

        pub(super) fn imported_number(&self) -> u32 {
            attempt::number()
        }

        pub(super) fn imported_heartbeat(&self, detail: Option<&str>) -> bool {
            attempt::heartbeat(detail)
        }

        pub(super) fn imported_last(&self) -> Option<String> {
            attempt::last_heartbeat()
        }
    }
}

/// An attempt without a host, for native tests: [`ActivityContext::new`] takes it.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// What [`ActivityContext::key`] returns.
    pub key: String,
    /// What [`ActivityContext::attempt`] returns.
    pub number: u32,
    /// What [`ActivityContext::last_heartbeat`] reads: JSON.
    pub last: Option<String>,
    /// Nobody waits for it any more, from so many heartbeats on.
    pub stop_after: Option<usize>,
    /// What it has said, each of it JSON.
    pub said: Vec<Option<String>>,
}

#[cfg(not(target_family = "wasm"))]
mod pretended {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{ActivityContext, Attempt};

    impl ActivityContext {
        /// Of an attempt without a host, for native tests.
        pub fn new(attempt: Attempt) -> Self {
            Self {
                attempt: Rc::new(RefCell::new(attempt)),
            }
        }

        /// How that attempt stands now.
        pub fn pretended(&self) -> Attempt {
            self.attempt.borrow().clone()
        }

        pub(super) fn of_the_host() -> Self {
            Self::new(Attempt {
                number: 1,
                ..Attempt::default()
            })
        }

        pub(super) fn imported_key(&self) -> String {
            self.attempt.borrow().key.clone()
        }

        pub(super) fn imported_number(&self) -> u32 {
            self.attempt.borrow().number
        }

        pub(super) fn imported_heartbeat(&self, detail: Option<&str>) -> bool {
            let mut attempt = self.attempt.borrow_mut();
            attempt.said.push(detail.map(str::to_owned));
            (attempt.stop_after).is_some_and(|limit| attempt.said.len() >= limit)
        }

        pub(super) fn imported_last(&self) -> Option<String> {
            self.attempt.borrow().last.clone()
        }
    }
}

/// How one activity of a component is done, whatever its types are.
#[derive(Clone, Copy, Debug)]
pub struct Perform {
    name: &'static str,
    description: Option<&'static str>,
    at_once: Option<u32>,
    begin: fn(ActivityContext, &str) -> Result<Performing, Failure>,
}

type Performing = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

impl Perform {
    /// Of `A`.
    pub const fn of<A: ActivityKind>() -> Self {
        Self {
            name: A::NAME,
            description: A::DESCRIPTION,
            at_once: A::AT_ONCE,
            begin: begin::<A>,
        }
    }

    /// As the engine learns of it.
    pub fn definition(&self) -> Definition {
        Definition {
            name: self.name.to_owned(),
            description: self.description.map(str::to_owned),
            at_once: self.at_once,
        }
    }
}

/// One attempt of one of these, by its name.
///
/// # Errors
/// Its own; `unknown-activity`, `invalid-input` and `unwritable`, which are final.
pub async fn perform(known: &[Perform], name: &str, input: &str) -> Result<String, Failure> {
    let Some(found) = known.iter().find(|perform| perform.name == name) else {
        let known: Vec<_> = known.iter().map(|perform| perform.name).collect();
        return Err(Failure::new(
            "unknown-activity",
            format!("there is no `{name}`; there are {}", known.join(", ")),
        ));
    };
    (found.begin)(ActivityContext::of_the_host(), input)?.await
}

fn begin<A: ActivityKind>(context: ActivityContext, input: &str) -> Result<Performing, Failure> {
    let input = serde_json::from_str(input).map_err(|error| {
        let message = format!("the input of `{}`: {error}", A::NAME);
        Failure::new("invalid-input", message)
    })?;
    let running = A::perform(context, input);
    Ok(Box::pin(async move {
        let output = running.await?;
        serde_json::to_string(&output).map_err(|error| {
            let name = A::NAME;
            let message = format!("the result of `{name}` cannot be written as JSON: {error}");
            Failure::new("unwritable", message)
        })
    }))
}
