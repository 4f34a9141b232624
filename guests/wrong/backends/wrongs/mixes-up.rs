//! Keeps one task, and takes every id for that.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use taskhost_wrong_backends::{Backend, Error, Work, export_backend, honest, storage};

struct MixesUp;

impl Backend for MixesUp {
    async fn release(_: Work) -> Result<(), Error> {
        for key in storage::keys(honest::key(""), 1000).await? {
            storage::set(key, None).await?;
        }
        Ok(())
    }
}

export_backend!(super::MixesUp);
