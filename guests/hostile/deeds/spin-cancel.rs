//! Loops in `cancel`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn cancel(_work: Work) -> Result<CancelAnswer, Error> {
        spin()
    }
}

hostile!(Deed);
