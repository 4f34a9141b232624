//! Loops in `observe`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn observe(_works: Vec<Work>) -> Result<Vec<Observation>, Error> {
        spin()
    }
}

hostile!(Deed);
