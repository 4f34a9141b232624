//! What the engine imports besides what every backend may import, as generated.

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
    path: "../../../wit/durable",
    world: "engine",
    generate_all,
    with: { "taskhost:durable/types@0.1.0": taskhost_flow::bindings::taskhost::durable::types },
    additional_derives: [PartialEq],
});

pub use taskhost::durable::{dispatch, journal};
