//! What the host offers, as it is in the WIT: functions of numbers, strings and bytes.
//!
//! In a component these are the imports. Natively, where there is no host, they are those of
//! [`crate::mock`], so that a component's own code is tested as it is. The other modules of this crate
//! are made of these and are pleasanter to use.

#[cfg(target_family = "wasm")]
use crate::bindings::host::taskhost::plugin as imports;

#[cfg(not(target_family = "wasm"))]
use crate::mock::imports;

pub use imports::{logging, timers};

#[cfg(feature = "backend")]
pub use imports::{events, net, secrets, storage};

#[cfg(feature = "strategy")]
pub use imports::tasks;
