//! Loops in `release`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn release(_work: Work) -> Result<(), Error> {
        spin()
    }
}

hostile!(Deed);
