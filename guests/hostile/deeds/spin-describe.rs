//! Loops in `describe`.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    fn describe() -> PluginInfo {
        spin()
    }
}

hostile!(Deed);
