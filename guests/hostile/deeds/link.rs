//! Makes symbolic links to files that it may not read, and reads them.

use taskhost_hostile::reach::{self, refused};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        refused(&[
            reach::said(std::fs::hard_link("/etc/passwd", "hard")),
            reach::said(std::fs::read("link")),
            reach::said(std::fs::write("file", "x")),
        ])
    }
}

hostile!(Deed);
