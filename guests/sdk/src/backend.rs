//! What a backend implements.
//!
//! The trait is the interface in `wit/backend.wit`, typed, and with an answer for what most backends do
//! not offer. [`export_backend!`](crate::export_backend) makes a component of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread::LocalKey;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;

use crate::bindings::backend::exports::taskhost::plugin::backend::Guest;
use crate::settings::Settings;
use crate::{Error, Handle, Observation, PluginInfo, Response, Task, TaskDefinition, Work, log};

pub use crate::bindings::backend::exports::taskhost::plugin::backend::{
    CancelAnswer, StartRequest,
};

/// Works that are looked at together by [`Backend::observe_all`], so that a server with a request for
/// each is not flooded.
const AT_ONCE: usize = 16;

/// Who runs tasks. One value serves all calls of an instance, concurrently.
pub trait Backend: Sized + 'static {
    /// Letters, digits and `-`: the name in `plugin.toml`.
    const NAME: &'static str;

    /// How often a running task that has not been pushed by [`crate::events`] is worth an `observe`.
    /// Absent: each second. Backends that push say something long.
    const OBSERVE_EVERY: Option<Duration> = None;

    /// What the operator sets; [`NoSettings`](crate::NoSettings) where there is nothing.
    type Config: Settings;

    /// The backend with this configuration, or what is wrong with it. Does not wait for anything.
    fn new(config: Self::Config) -> Result<Self, Error>;

    /// What is to be done once for each instance, such as [`crate::spawn`] of something that goes on
    /// in the background. Never the first time on this machine. Do not wait for a network here.
    fn init(self: Rc<Self>) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// All tasks that can be run now, in a stable order. Asked again after
    /// [`events::catalog_changed`](crate::events::catalog_changed).
    fn tasks(&self) -> impl Future<Output = Result<Vec<Task>, Error>>;

    /// Begins the work, and returns as soon as it has a name, without waiting for the work.
    ///
    /// Comes again with the same id where the host cannot know whether the first call arrived. A
    /// known id gets the handle that it got before, and nothing runs twice. Any other error than
    /// [`Error::Busy`] and [`Error::Unavailable`] says that nothing was started, and ends the task.
    fn start(&self, request: StartRequest) -> impl Future<Output = Result<Handle, Error>>;

    /// What has become of this work. Asked after a restart of every live task, and then as often as
    /// [`OBSERVE_EVERY`](Self::OBSERVE_EVERY) says.
    fn observe(&self, work: &Work) -> impl Future<Output = Result<Observation, Error>>;

    /// The same of many, in their order: for backends that can ask for all of them in one turn. By
    /// default they are observed one by one, some at a time, and the first error is that of all.
    fn observe_all(&self, works: &[Work]) -> impl Future<Output = Result<Vec<Observation>, Error>> {
        async move {
            stream::iter(works)
                .map(|work| self.observe(work))
                .buffered(AT_ONCE)
                .try_collect()
                .await
        }
    }

    /// Asks it to stop. [`observe`](Self::observe) says when it has. By default it cannot be stopped:
    /// then its task should say [`uncancellable`](Task::uncancellable), too.
    fn cancel(
        &self,
        _work: &Work,
        _reason: Option<String>,
    ) -> impl Future<Output = Result<CancelAnswer, Error>> {
        async { Ok(CancelAnswer::Unsupported) }
    }

    /// An answer to a question of [`Observation::InputRequired`]. Keys that are unknown, or answered
    /// already, are ignored; by default all are.
    fn answer(
        &self,
        _work: &Work,
        _key: String,
        _response: Response,
    ) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// The outcome is stored: whatever is kept for the task may go.
    fn release(&self, _work: &Work) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }
}

impl StartRequest {
    /// The arguments of the task, typed. The host has checked them against the schema of the task.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.arguments)
            .map_err(|error| Error::invalid(format!("arguments of `{}`: {error}", self.task)))
    }

    /// The options of the call, typed.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.options)
            .map_err(|error| Error::invalid(format!("options of `{}`: {error}", self.task)))
    }
}

/// What [`export_backend!`](crate::export_backend) says of a component.
#[doc(hidden)]
pub trait Export: 'static {
    type Backend: Backend;
    const VERSION: &'static str;
    const DESCRIPTION: &'static str;
    fn instance() -> &'static LocalKey<RefCell<Option<Rc<Self::Backend>>>>;
}

fn instance<E: Export>() -> Result<Rc<E::Backend>, Error> {
    E::instance()
        .with_borrow(Clone::clone)
        .ok_or_else(|| Error::Internal("called before `init`".into()))
}

impl<E: Export> Guest for E {
    fn describe() -> PluginInfo {
        let every = <E::Backend as Backend>::OBSERVE_EVERY;
        PluginInfo {
            name: E::Backend::NAME.into(),
            version: E::VERSION.into(),
            description: Some(E::DESCRIPTION.into()).filter(|words: &String| !words.is_empty()),
            config_schema: <E::Backend as Backend>::Config::schema().map(|one| one.to_string()),
            observe_every_ms: every
                .map(|every| u32::try_from(every.as_millis()).unwrap_or(u32::MAX)),
        }
    }

    async fn init(config: String) -> Result<(), Error> {
        log::install();
        let config = <E::Backend as Backend>::Config::read(&config)?;
        let backend = Rc::new(E::Backend::new(config)?);
        E::instance().set(Some(backend.clone()));
        backend.init().await
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let tasks = instance::<E>()?.tasks().await?;
        Ok(tasks.into_iter().map(Into::into).collect())
    }

    async fn start(request: StartRequest) -> Result<Handle, Error> {
        instance::<E>()?.start(request).await
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        instance::<E>()?.observe_all(&works).await
    }

    async fn cancel(work: Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        instance::<E>()?.cancel(&work, reason).await
    }

    async fn answer(work: Work, key: String, response: Response) -> Result<(), Error> {
        instance::<E>()?.answer(&work, key, response).await
    }

    async fn release(work: Work) -> Result<(), Error> {
        instance::<E>()?.release(&work).await
    }
}

/// Makes the component's exports of a [`Backend`]. Once in a crate, whose version and description
/// become those of the component.
///
/// Nothing natively: the names of the exports are no names to a native linker.
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated")]
        const _: () = {
            struct Component;

            impl $crate::backend::Export for Component {
                type Backend = $backend;
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const DESCRIPTION: &'static str = env!("CARGO_PKG_DESCRIPTION");

                fn instance() -> &'static ::std::thread::LocalKey<
                    ::std::cell::RefCell<::std::option::Option<::std::rc::Rc<$backend>>>,
                > {
                    ::std::thread_local! {
                        static INSTANCE: ::std::cell::RefCell<
                            ::std::option::Option<::std::rc::Rc<$backend>>,
                        > = const { ::std::cell::RefCell::new(None) };
                    }
                    &INSTANCE
                }
            }

    $crate::bindings::backend::export!(Component with_types_in $crate::bindings::backend);
        };
    };
}
