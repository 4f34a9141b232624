//! Takes its time for each start.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        timers::sleep(300).await;
        Ok(())
    }
}

hostile!(Deed);
