//! What `bindgen!` makes of the interface, once for all.
//!
//! Kept apart because it is most of this crate's compile time and changes with the interface only.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::indexing_slicing,
    reason = "generated from the interface, which is documented there"
)]

/// The world of a backend.
pub mod backend {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "backend-plugin",
        exports: { default: async | store },
        with: { "taskhost:plugin/net.connection": crate::capability::net::Connection },
    });
}

/// The world of a strategy. Shares its words with the world of a backend.
pub mod strategy {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "strategy-plugin",
        exports: { default: async | store },
        with: {
            "taskhost:plugin/types": crate::capability::bindings::backend::taskhost::plugin::types,
            "taskhost:plugin/logging": crate::capability::bindings::backend::taskhost::plugin::logging,
            "taskhost:plugin/timers": crate::capability::bindings::backend::taskhost::plugin::timers,
            "taskhost:plugin/tasks.call": crate::capability::tasks::Call,
        },
    });
}

/// What an engine of orchestrations imports besides.
pub mod durable {
    wasmtime::component::bindgen!({
        path: "../wit/durable",
        world: "engine",
        with: { "taskhost:durable/dispatch.session": crate::capability::dispatch::OpenSession },
    });
}

/// The world of a component of orchestrations, in its instances for runs.
pub mod orchestrations {
    wasmtime::component::bindgen!({
        path: "../wit/durable",
        world: "orchestrations",
        exports: { default: async },
        with: { "taskhost:durable/types": crate::capability::bindings::durable::taskhost::durable::types },
    });
}

/// The same component, in its instances for activities.
pub mod activity {
    wasmtime::component::bindgen!({
        path: "../wit/durable",
        world: "activity",
        exports: { default: async | store },
        with: { "taskhost:durable/types": crate::capability::bindings::durable::taskhost::durable::types },
    });
}

pub use activity::taskhost::durable::attempt;
pub use backend::taskhost::plugin as host;
pub use durable::taskhost::durable as engine;
pub use strategy::taskhost::plugin::tasks;
