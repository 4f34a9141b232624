//! Pushes what is no JSON without a pause, each of which the host would like to mention.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        wit_bindgen::spawn_local(async move {
            let rubbish = Observation::Finished(Outcome::Completed("{".into()));
            let end = timers::now_ms() + FLOOD_MS;
            while timers::now_ms() < end {
                for _ in 0..1000 {
                    events::observed(&id, &rubbish);
                }
                timers::sleep(1).await;
            }
        });
        Ok(())
    }
}

hostile!(Deed);
