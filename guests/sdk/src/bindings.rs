//! The interface as generated, once for all components.
//!
//! Three worlds, so that a component carries the types of what it exports and no others: [`host`] has
//! all that may be imported, and the types; [`backend`] and [`strategy`] what is exported.

#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated"
)]
pub mod host {
    wit_bindgen::generate!({
        path: "wit",
        world: "host",
        generate_all,
        additional_derives: [PartialEq],
    });
}

#[cfg(feature = "backend")]
#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated"
)]
pub mod backend {
    wit_bindgen::generate!({
        path: "wit",
        world: "backend",
        generate_all,
        with: { "taskhost:plugin/types@0.1.1": crate::bindings::host::taskhost::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "taskhost_sdk::bindings::backend",
    });
}

#[cfg(feature = "strategy")]
#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated"
)]
pub mod strategy {
    wit_bindgen::generate!({
        path: "wit",
        world: "strategy",
        generate_all,
        with: {
            "taskhost:plugin/types@0.1.1": crate::bindings::host::taskhost::plugin::types,
            "taskhost:plugin/tasks@0.1.1": crate::bindings::host::taskhost::plugin::tasks,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "taskhost_sdk::bindings::strategy",
    });
}

#[cfg(all(feature = "http", target_family = "wasm"))]
#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated"
)]
pub mod http {
    wit_bindgen::generate!({
        path: "wit",
        world: "http",
        generate_all,
    });
}
