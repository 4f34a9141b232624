//! Gives an id that it knows another handle.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use std::cell::Cell;

use taskhost_wrong_backends::{Backend, Error, StartRequest, export_backend, honest};

struct AnotherHandle;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

impl Backend for AnotherHandle {
    async fn start(request: StartRequest) -> Result<String, Error> {
        let handle = honest::start(&request).await?;
        COUNT.set(COUNT.get() + 1);
        Ok(format!("{handle}:{}", COUNT.get()))
    }
}

export_backend!(super::AnotherHandle);
