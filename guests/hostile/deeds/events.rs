//! Pushes without a pause, of its task and of tasks that never were, and lets the host run in between.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        wit_bindgen::spawn_local(async move {
            let mut seen = 0_u32;
            let end = timers::now_ms() + FLOOD_MS;
            while timers::now_ms() < end {
                for _ in 0..1000 {
                    seen = seen.wrapping_add(1);
                    let progress = Progress {
                        current: f64::from(seen),
                        total: None,
                        message: None,
                        detail: None,
                    };
                    events::observed(&id, &Observation::Running(Some(progress)));
                    // Forty characters, as an id has, and nobody's.
                    events::observed(&format!("{}{seen:08x}", &id[..32]), &Observation::Pending);
                }
                timers::sleep(1).await;
            }
        });
        Ok(())
    }
}

hostile!(Deed);
