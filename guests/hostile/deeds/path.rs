//! Reads files by paths that lead out of wherever it is.

use taskhost_hostile::reach::{self, refused};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        let paths = [
            "/etc/passwd",
            "../../../../etc/passwd",
            "./taskhost.toml",
            "/proc/self/environ",
        ];
        refused(&paths.map(|path| reach::said(std::fs::read(path))))
    }
}

hostile!(Deed);
