//! In order, but for its table, which the linker makes too large: see `build.rs`.

#[cfg(target_arch = "wasm32")]
use taskhost_hostile::{Backend, hostile};

#[cfg(target_arch = "wasm32")]
struct Deed;

#[cfg(target_arch = "wasm32")]
impl Backend for Deed {}

#[cfg(target_arch = "wasm32")]
hostile!(Deed);
