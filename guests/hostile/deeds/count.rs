//! Observes one more than it was asked about.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn observe(works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        let all = works.iter().map(|_| Observation::Pending);
        Ok(all.chain([Observation::Pending]).collect())
    }
}

hostile!(Deed);
