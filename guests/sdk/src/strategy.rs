//! What a strategy implements.
//!
//! The trait is the interface in `wit/strategy.wit`, typed, and with an answer for what most of them do
//! not offer. [`export_strategy!`](crate::export_strategy) makes a component of it.

use serde::de::DeserializeOwned;

use crate::settings::Settings;
use crate::{Error, TaskDefinition};

pub use crate::bindings::host::taskhost::plugin::tasks::{Snapshot, StartOptions};
pub use crate::bindings::strategy::exports::taskhost::plugin::strategy::{
    Caller, Document, DocumentBody, InputRequired, Prompt, PromptArgument, Reference, Reply,
    RpcError, TaskSupport, Tool,
};
pub use crate::host::tasks::Call;

/// One exposure strategy: a configuration, and what it does with a catalogue and with calls.
///
/// Made by `init`, and replaced when `init` is called again; a call keeps the one it began with.
pub trait Strategy: Sized + 'static {
    /// Letters, digits and `-`: the name in `plugin.toml`.
    const NAME: &'static str;

    /// What the operator sets; [`NoSettings`](crate::NoSettings) where there is nothing.
    type Config: Settings;

    /// The strategy with this configuration, or what is wrong with it.
    fn new(config: Self::Config) -> Result<Self, Error>;

    /// The tools for these tasks, in their order.
    fn tools(&self, catalog: &[TaskDefinition]) -> Vec<Tool>;

    /// Answers one `tools/call`.
    fn call_tool(
        &self,
        call: &Call,
        caller: &Caller,
        route: &str,
        arguments: String,
    ) -> impl Future<Output = Result<Reply, Error>>;

    /// Documents beside those of the host, which shows every task as `task://…` by itself.
    fn list_resources(&self) -> Vec<Document> {
        Vec::new()
    }

    /// Templates of such documents.
    fn list_resource_templates(&self) -> Vec<Document> {
        Vec::new()
    }

    /// One of these documents.
    fn read_resource(
        &self,
        _call: &Call,
        uri: String,
    ) -> impl Future<Output = Result<(Document, DocumentBody), Error>> {
        async move { Err(Error::UnknownTask(format!("there is no `{uri}` here"))) }
    }

    /// Prompts.
    fn list_prompts(&self) -> Vec<Prompt> {
        Vec::new()
    }

    /// One of these prompts.
    fn get_prompt(
        &self,
        _call: &Call,
        _caller: &Caller,
        name: String,
        _arguments: String,
    ) -> impl Future<Output = Result<Reply, Error>> {
        async move { Err(Error::InvalidInput(format!("there is no prompt `{name}`"))) }
    }

    /// Values for an argument of a prompt or a template.
    fn complete(
        &self,
        _call: &Call,
        _reference: Reference,
        _argument: String,
        _value: String,
    ) -> impl Future<Output = Vec<String>> {
        async { Vec::new() }
    }
}

impl Tool {
    /// A tool that takes what `input_schema` describes. `route` comes back with each call.
    pub fn new(
        name: impl Into<String>,
        route: impl Into<String>,
        input_schema: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            route: route.into(),
            title: None,
            description: None,
            input_schema: input_schema.into(),
            output_schema: None,
            annotations: None,
            meta: None,
            task_support: TaskSupport::Forbidden,
        }
    }
}

impl Default for StartOptions {
    /// As the operator says, and on its own: it goes on whatever becomes of the call.
    fn default() -> Self {
        Self {
            idempotency_key: None,
            retention_ms: None,
            timeout_ms: None,
            options: None,
            with_call: false,
        }
    }
}

impl Reply {
    /// An MCP result with this text.
    pub fn text(text: &str) -> Self {
        let content = serde_json::json!({ "content": [{ "type": "text", "text": text }] });
        Self::Answer(content.to_string())
    }
}

/// The arguments of a call, typed. The host has checked them against the schema of the tool.
pub fn arguments<T: DeserializeOwned>(arguments: &str) -> Result<T, Error> {
    serde_json::from_str(arguments).map_err(|error| Error::invalid(format!("arguments: {error}")))
}

/// What [`export_strategy!`](crate::export_strategy) says of a component, and its exports. Only where
/// a call is the host's: natively it is the one of [`crate::mock`].
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod export {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::thread::LocalKey;

    use super::{Call, Caller, Document, DocumentBody, Prompt, Reference, Reply, Strategy, Tool};
    use crate::bindings::strategy::exports::taskhost::plugin::strategy::Guest;
    use crate::{Error, PluginInfo, Settings, TaskDefinition, log};

    pub trait Export: 'static {
        type Strategy: Strategy;
        const VERSION: &'static str;
        const DESCRIPTION: &'static str;
        fn instance() -> &'static LocalKey<RefCell<Option<Rc<Self::Strategy>>>>;
    }

    fn instance<E: Export>() -> Result<Rc<E::Strategy>, Error> {
        E::instance()
            .with_borrow(Clone::clone)
            .ok_or_else(|| Error::Internal("called before `init`".into()))
    }

    impl<E: Export> Guest for E {
        fn describe() -> PluginInfo {
            PluginInfo {
                name: E::Strategy::NAME.into(),
                version: E::VERSION.into(),
                description: Some(E::DESCRIPTION.into()).filter(|words: &String| !words.is_empty()),
                config_schema: <E::Strategy as Strategy>::Config::schema()
                    .map(|one| one.to_string()),
                observe_every_ms: None,
            }
        }

        async fn init(config: String) -> Result<(), Error> {
            log::install();
            let config = <<E::Strategy as Strategy>::Config as Settings>::read(&config)?;
            E::instance().set(Some(Rc::new(E::Strategy::new(config)?)));
            Ok(())
        }

        async fn list_tools(catalog: Vec<TaskDefinition>) -> Result<Vec<Tool>, Error> {
            Ok(instance::<E>()?.tools(&catalog))
        }

        async fn call_tool(
            call: Call,
            caller: Caller,
            route: String,
            arguments: String,
        ) -> Result<Reply, Error> {
            instance::<E>()?
                .call_tool(&call, &caller, &route, arguments)
                .await
        }

        async fn list_resources() -> Result<Vec<Document>, Error> {
            Ok(instance::<E>()?.list_resources())
        }

        async fn list_resource_templates() -> Result<Vec<Document>, Error> {
            Ok(instance::<E>()?.list_resource_templates())
        }

        async fn read_resource(call: Call, uri: String) -> Result<(Document, DocumentBody), Error> {
            instance::<E>()?.read_resource(&call, uri).await
        }

        async fn list_prompts() -> Result<Vec<Prompt>, Error> {
            Ok(instance::<E>()?.list_prompts())
        }

        async fn get_prompt(
            call: Call,
            caller: Caller,
            name: String,
            arguments: String,
        ) -> Result<Reply, Error> {
            instance::<E>()?
                .get_prompt(&call, &caller, name, arguments)
                .await
        }

        async fn complete(
            call: Call,
            reference: Reference,
            argument: String,
            value: String,
        ) -> Result<Vec<String>, Error> {
            Ok(instance::<E>()?
                .complete(&call, reference, argument, value)
                .await)
        }
    }
}

/// Makes the component's exports of a [`Strategy`]. Once in a crate, whose version and description
/// become those of the component.
///
/// Nothing natively: the names of the exports are no names to a native linker.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated")]
        const _: () = {
            struct Component;

            impl $crate::strategy::export::Export for Component {
                type Strategy = $strategy;
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const DESCRIPTION: &'static str = env!("CARGO_PKG_DESCRIPTION");

                fn instance() -> &'static ::std::thread::LocalKey<
                    ::std::cell::RefCell<::std::option::Option<::std::rc::Rc<$strategy>>>,
                > {
                    ::std::thread_local! {
                        static INSTANCE: ::std::cell::RefCell<
                            ::std::option::Option<::std::rc::Rc<$strategy>>,
                        > = const { ::std::cell::RefCell::new(None) };
                    }
                    &INSTANCE
                }
            }

            $crate::bindings::strategy::export!(
                Component with_types_in $crate::bindings::strategy
            );
        };
    };
}
