//! Prints without a pause, and lets the host run in between.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        let line = "x".repeat(4096);
        wit_bindgen::spawn_local(async move {
            let end = timers::now_ms() + FLOOD_MS;
            while timers::now_ms() < end {
                for _ in 0..1000 {
                    events::output(&id, &line);
                }
                timers::sleep(1).await;
            }
        });
        Ok(())
    }
}

hostile!(Deed);
