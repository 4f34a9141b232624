//! Answers in an order of its own: what is over first.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use taskhost_wrong_backends::{Backend, Error, Observation, Work, export_backend, honest};

struct WrongOrder;

impl Backend for WrongOrder {
    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let mut seen = honest::observe(&works).await?;
        seen.sort_by_key(|one| !matches!(one, Observation::Finished(_)));
        Ok(seen)
    }
}

export_backend!(super::WrongOrder);
