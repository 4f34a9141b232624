//! Goes on reporting progress after the end.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use taskhost_wrong_backends::{
    Backend, Error, Observation, StartRequest, events, export_backend, honest, timers, wit_bindgen,
};

struct TalksOn;

impl Backend for TalksOn {
    async fn start(request: StartRequest) -> Result<String, Error> {
        let handle = honest::start(&request).await?;
        wit_bindgen::spawn_local(async move {
            timers::sleep(200).await;
            events::observed(&request.id, &Observation::Running(None));
        });
        Ok(handle)
    }
}

export_backend!(super::TalksOn);
