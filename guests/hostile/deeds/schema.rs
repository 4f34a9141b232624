//! Has a task with a schema that is none, and one with a schema of somewhere else.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn list_tasks() -> Result<Vec<TaskDefinition>, Error> {
        let mut all = definitions::<Self>();
        all.push(definition("wrong-type", r#"{"type":"banana"}"#));
        all.push(definition("elsewhere", r#"{"$ref":"file:///etc/passwd"}"#));
        Ok(all)
    }
}

hostile!(Deed);
