//! Calls itself without end.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        deeper(1);
        Ok(())
    }
}

#[allow(unconditional_recursion, reason = "the deed")]
fn deeper(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + room[0]
}

hostile!(Deed);
