//! What components do that are not well behaved, one small file each in `deeds/`: fixtures for the tests of
//! limits and isolation.
//!
//! A deed implements [`Backend`] and says only what it does wrong: all the rest is here, and in order.
//! Those that have no function of their own to misbehave in do it in a task, so that a test can choose the
//! moment: the task `hostile_NAME` begins it. `hostile_NAME_sleep` is a task like any other.
//!
//! No serde and no allocation of note, so that one is compiled in a second.

#![allow(
    async_fn_in_trait,
    missing_docs,
    clippy::missing_errors_doc,
    reason = "for the files beside it, and for nobody else"
)]

pub mod reach;
pub mod waits;

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
        path: "../../wit",
        world: "backend-plugin",
        generate_all,
        pub_export_macro: true,
        default_bindings_module: "taskhost_hostile::bindings",
    });
}

pub use bindings::exports::taskhost::plugin::backend::{
    CancelAnswer, Error, Guest, Handle, Observation, PluginInfo, Response, StartRequest,
    TaskDefinition, Work,
};
pub use bindings::taskhost::plugin::types::{Outcome, Progress};
pub use bindings::taskhost::plugin::{events, logging, net, storage, timers};

/// How long a flood lasts: a test looks at what becomes of the others meanwhile, and there are many.
pub const FLOOD_MS: u64 = 2500;

/// What the file of a deed is called.
pub trait Named {
    const NAME: &'static str;

    /// The task that begins the deed.
    fn task() -> String {
        format!("hostile_{}", Self::NAME)
    }
}

/// A backend that is in order, but for what an implementation says itself.
pub trait Backend: Named {
    fn describe() -> PluginInfo {
        info()
    }

    async fn init() -> Result<(), Error> {
        Ok(())
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        Ok(definitions::<Self>())
    }

    /// What the task does that begins it, before `start` answers.
    async fn deed(_id: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn start(request: StartRequest) -> Result<Handle, Error> {
        if request.task == Self::task() {
            Self::deed(&request.id).await?;
        }
        store(&request).await?;
        Ok(request.id)
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let mut observations = Vec::new();
        for work in works {
            observations.push(observed(&work).await?);
        }
        Ok(observations)
    }

    async fn cancel(work: Work) -> Result<CancelAnswer, Error> {
        finish(&work).await?;
        Ok(CancelAnswer::Accepted)
    }

    async fn answer(_work: Work) -> Result<(), Error> {
        Ok(())
    }

    async fn release(work: Work) -> Result<(), Error> {
        storage::set(work.id, None).await
    }
}

impl<T: Backend> Guest for T {
    fn describe() -> PluginInfo {
        <T as Backend>::describe()
    }

    async fn init(_config: String) -> Result<(), Error> {
        <T as Backend>::init().await
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        <T as Backend>::list_tasks().await
    }

    async fn start(request: StartRequest) -> Result<Handle, Error> {
        <T as Backend>::start(request).await
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        <T as Backend>::observe(works).await
    }

    async fn cancel(work: Work, _reason: Option<String>) -> Result<CancelAnswer, Error> {
        <T as Backend>::cancel(work).await
    }

    async fn answer(work: Work, _key: String, _response: Response) -> Result<(), Error> {
        <T as Backend>::answer(work).await
    }

    async fn release(work: Work) -> Result<(), Error> {
        <T as Backend>::release(work).await
    }
}

/// Exports a type that implements [`Backend`].
#[macro_export]
macro_rules! hostile {
    ($deed:ident) => {
        impl $crate::Named for $deed {
            const NAME: &'static str = env!("CARGO_CRATE_NAME");
        }

        // The names of the exports are no names to a native linker.
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export!($deed with_types_in $crate::bindings);
    };
}

/// Who all of them say they are.
pub fn info() -> PluginInfo {
    PluginInfo {
        name: "hostile".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        description: None,
        config_schema: None,
        observe_every_ms: Some(200),
    }
}

/// The deed, which is over as soon as it has begun, and one that takes `ms` milliseconds.
pub fn definitions<D: Named + ?Sized>() -> Vec<TaskDefinition> {
    vec![
        definition(&D::task(), r#"{"type":"object"}"#),
        definition(
            &format!("{}_sleep", D::task()),
            r#"{"type":"object","properties":{"ms":{"type":"integer","minimum":0}}}"#,
        ),
    ]
}

/// A task of this name that takes arguments of this schema.
pub fn definition(name: &str, schema: &str) -> TaskDefinition {
    TaskDefinition {
        name: name.into(),
        title: None,
        description: None,
        input_schema: schema.into(),
        output_schema: None,
        cancellable: true,
        idempotent: true,
        estimate_ms: None,
        timeout_ms: None,
        strategy: None,
    }
}

/// The integer `ms` of a JSON object of which nothing else matters.
fn milliseconds(arguments: &str) -> u64 {
    let digits = arguments.bytes().filter(u8::is_ascii_digit);
    digits.fold(0, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

/// Keeps when the work will be over, unless it is known.
async fn store(request: &StartRequest) -> Result<(), Error> {
    let end = timers::now_ms().saturating_add(milliseconds(&request.arguments));
    let end = Some(end.to_le_bytes().to_vec());
    storage::compare_and_set(request.id.clone(), None, end).await?;
    Ok(())
}

/// Running until its time has come.
pub async fn observed(work: &Work) -> Result<Observation, Error> {
    let stored = storage::get(work.id.clone()).await?;
    let Some(end) = stored.and_then(|bytes| bytes.try_into().ok()) else {
        return Ok(Observation::Unknown);
    };
    Ok(if u64::from_le_bytes(end) <= timers::now_ms() {
        Observation::Finished(Outcome::Completed("null".into()))
    } else {
        Observation::Running(None)
    })
}

async fn finish(work: &Work) -> Result<(), Error> {
    let now = timers::now_ms().to_le_bytes().to_vec();
    storage::set(work.id.clone(), Some(now)).await
}

/// Never ends.
pub fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}
