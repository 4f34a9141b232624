//! Panics at work that it does not know.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use taskhost_wrong_backends::{Backend, Error, Observation, Work, export_backend, honest};

struct TrapsOnUnknown;

impl Backend for TrapsOnUnknown {
    #[expect(clippy::unwrap_used, reason = "this is what is wrong with it")]
    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let mut seen = Vec::new();
        for work in &works {
            seen.push(honest::at(&honest::load(&work.id).await?.unwrap()));
        }
        Ok(seen)
    }
}

export_backend!(super::TrapsOnUnknown);
