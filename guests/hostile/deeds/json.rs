//! Completes with what is no JSON.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let rubbish = |_| Observation::Finished(Outcome::Completed("{".into()));
        Ok(works.iter().map(rubbish).collect())
    }
}

hostile!(Deed);
