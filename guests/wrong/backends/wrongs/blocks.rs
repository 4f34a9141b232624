//! Sleeps as its language does, which stops everybody else in the instance.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use std::time::Duration;

use taskhost_wrong_backends::{Backend, Error, StartRequest, export_backend, honest};

struct Blocks;

impl Backend for Blocks {
    async fn start(request: StartRequest) -> Result<String, Error> {
        std::thread::sleep(Duration::from_secs(2));
        honest::start(&request).await
    }
}

export_backend!(super::Blocks);
