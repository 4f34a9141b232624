//! Has results that are no JSON.

#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "no exports"))]

use taskhost_wrong_backends::{
    Backend, Error, Observation, Outcome, StartRequest, Work, events, export_backend, honest,
};

struct NotJson;

fn spoilt(observation: Observation) -> Observation {
    match observation {
        Observation::Finished(Outcome::Completed(_)) => {
            Observation::Finished(Outcome::Completed("{'text': None}".into()))
        }
        other => other,
    }
}

impl Backend for NotJson {
    async fn start(request: StartRequest) -> Result<String, Error> {
        let record = honest::record(&request)?;
        let bytes = honest::encode(&record)?;
        let key = honest::key(&request.id);
        taskhost_wrong_backends::storage::compare_and_set(key, None, Some(bytes)).await?;
        events::observed(&request.id, &spoilt(honest::at(&record)));
        Ok(honest::handle(&request.id))
    }

    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let seen = honest::observe(&works).await?;
        Ok(seen.into_iter().map(spoilt).collect())
    }
}

export_backend!(super::NotJson);
