//! Is in order until its task breaks it, and then traps in `init` for three seconds.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn init() -> Result<(), Error> {
        let until = storage::get("broken-until".into()).await?;
        if let Some(until) = until.and_then(|bytes| bytes.try_into().ok()) {
            assert!(
                u64::from_le_bytes(until) < timers::now_ms(),
                "in a bad mood"
            );
        }
        Ok(())
    }

    async fn deed(_id: &str) -> Result<(), Error> {
        if storage::get("broken-until".into()).await?.is_some() {
            return Ok(());
        }
        let until = timers::now_ms() + 3000;
        storage::set("broken-until".into(), Some(until.to_le_bytes().to_vec())).await?;
        panic!("from now on in a bad mood")
    }
}

hostile!(Deed);
