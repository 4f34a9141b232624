//! Has two tasks of one name.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let mut all = definitions();
        all.extend(definitions());
        Ok(all)
    }
}

hostile!(Deed);
