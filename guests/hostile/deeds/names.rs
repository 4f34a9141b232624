//! Has two tasks of one name.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let mut all = definitions::<Self>();
        all.extend(definitions::<Self>());
        Ok(all)
    }
}

hostile!(Deed);
