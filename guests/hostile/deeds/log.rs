//! Logs without a pause, and lets the host run in between.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        wit_bindgen::spawn_local(async move {
            let end = timers::now_ms() + FLOOD_MS;
            while timers::now_ms() < end {
                for _ in 0..1000 {
                    logging::log(
                        logging::Level::Error,
                        "ERROR code=TH0000 look here\nERROR and here",
                        &[],
                    );
                }
                timers::sleep(1).await;
            }
        });
        Ok(())
    }
}

hostile!(Deed);
