//! A backend that is right, to be made wrong in one thing at a time.
//!
//! [`Backend`] has a default for every function, and each default keeps what `wit/backend.wit`
//! promises. An example overrides one of them. What it breaks is what `taskhost test` has to name.
//!
//! The honest backend has two tasks, `echo` and `sleep`. A task is a pure function of a stored record
//! and the clock, as in the `mock` backend.

#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "natively there are no exports")
)]

pub mod honest;

#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "backend-plugin",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "taskhost_wrong_backends::bindings",
    });
}

pub use bindings::exports::taskhost::plugin::backend::{
    CancelAnswer, Guest, PluginInfo, Response, StartRequest,
};
pub use bindings::taskhost::plugin::types::{
    Error, Failure, Observation, Outcome, Progress, TaskDefinition, Work,
};
pub use bindings::taskhost::plugin::{events, logging, storage, timers};

#[doc(hidden)]
pub use wit_bindgen;

/// What can be done wrong.
#[allow(async_fn_in_trait, reason = "one instance is one thread")]
pub trait Backend {
    /// What it says of itself.
    fn describe() -> PluginInfo {
        honest::describe()
    }

    /// Reads its configuration.
    fn init(config: &str) -> Result<(), Error> {
        honest::init(config)
    }

    /// What it can run.
    fn list_tasks() -> Vec<TaskDefinition> {
        honest::definitions()
    }

    /// Begins some work.
    async fn start(request: StartRequest) -> Result<String, Error> {
        honest::start(&request).await
    }

    /// What has become of it.
    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        honest::observe(&works).await
    }

    /// Ends it.
    async fn cancel(work: Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
        honest::cancel(&work, reason).await
    }

    /// Forgets it.
    async fn release(work: Work) -> Result<(), Error> {
        honest::release(&work).await
    }
}

/// Makes the component's exports of a [`Backend`]. Nothing natively.
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "generated")]
        mod exported {
            use $crate::{
                Backend, CancelAnswer, Error, Guest, Observation, PluginInfo, Response,
                StartRequest, TaskDefinition, Work,
            };

            type Exported = $backend;
            struct Component;

            impl Guest for Component {
                fn describe() -> PluginInfo {
                    Exported::describe()
                }

                async fn init(config: String) -> Result<(), Error> {
                    Exported::init(&config)
                }

                async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
                    Ok(Exported::list_tasks())
                }

                async fn start(request: StartRequest) -> Result<String, Error> {
                    Exported::start(request).await
                }

                async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
                    Exported::observe(works).await
                }

                async fn cancel(work: Work, reason: Option<String>) -> Result<CancelAnswer, Error> {
                    Exported::cancel(work, reason).await
                }

                async fn answer(_: Work, _: String, _: Response) -> Result<(), Error> {
                    Ok(())
                }

                async fn release(work: Work) -> Result<(), Error> {
                    Exported::release(work).await
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}
