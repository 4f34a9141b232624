//! Loops in `list-tasks`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        spin()
    }
}

hostile!(Deed);
