//! Runs again when an id is started again: its result counts the runs.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use serde_json::json;
use taskhost_wrong_backends::{Backend, Error, StartRequest, export_backend, honest, storage};

struct RunsTwice;

impl Backend for RunsTwice {
    async fn start(request: StartRequest) -> Result<String, Error> {
        let counter = format!("runs/{}", request.id);
        let before = storage::get(counter.clone()).await?;
        let runs = before.map_or(0, |bytes| bytes.len()) + 1;
        storage::set(counter, Some(vec![0; runs])).await?;
        let mut record = honest::record(&request)?;
        record.result = json!({ "runs": runs });
        let bytes = honest::encode(&record)?;
        storage::set(honest::key(&request.id), Some(bytes)).await?;
        Ok(honest::handle(&request.id))
    }
}

export_backend!(super::RunsTwice);
