//! Says that it has more tasks than anybody may.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let names = (0..10_001).map(|number| format!("task-{number}"));
        Ok(names.map(|name| definition(&name, "{}")).collect())
    }
}

hostile!(Deed);
