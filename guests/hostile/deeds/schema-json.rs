//! Has a task whose schema is no JSON.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let mut all = definitions::<Self>();
        all.push(definition("no-json", "{"));
        Ok(all)
    }
}

hostile!(Deed);
