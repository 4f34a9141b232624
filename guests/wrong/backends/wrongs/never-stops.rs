//! Says that it has heard, and goes on.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use taskhost_wrong_backends::{
    Backend, CancelAnswer, Error, Observation, Work, export_backend, honest,
};

struct NeverStops;

impl Backend for NeverStops {
    async fn cancel(work: Work, _: Option<String>) -> Result<CancelAnswer, Error> {
        Ok(match honest::look(&work).await? {
            Observation::Finished(_) => CancelAnswer::AlreadyFinished,
            _ => CancelAnswer::Accepted,
        })
    }
}

export_backend!(super::NeverStops);
