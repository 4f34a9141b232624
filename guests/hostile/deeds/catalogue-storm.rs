//! Has another catalogue each time that it is asked, and says so without end.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn init() -> Result<(), Error> {
        wit_bindgen::spawn_local(async {
            loop {
                for _ in 0..1000 {
                    events::catalog_changed();
                }
                timers::sleep(1).await;
            }
        });
        Ok(())
    }

    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let mut all = definitions::<Self>();
        all.push(definition(&format!("task-{}", timers::now_ms()), "{}"));
        // What leads back into this very function.
        events::catalog_changed();
        Ok(all)
    }
}

hostile!(Deed);
