//! Begins waits and never ends them.

use taskhost_hostile::waits::begin_and_forget;
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        loop {
            begin_and_forget(timers::sleep(3_600_000));
        }
    }
}

hostile!(Deed);
