//! The interface as generated: what every component of orchestrations exports, and beside it what one with
//! activities exports and imports too.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "orchestrations",
    generate_all,
    additional_derives: [PartialEq],
    pub_export_macro: true,
    default_bindings_module: "taskhost_flow::bindings",
});

/// What a component has besides whose orchestrations have something done.
pub mod activities {
    wit_bindgen::generate!({
        path: "wit",
        world: "activity",
        generate_all,
        with: { "taskhost:durable/types@0.1.0": crate::bindings::taskhost::durable::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        default_bindings_module: "taskhost_flow::bindings::activities",
    });
}
