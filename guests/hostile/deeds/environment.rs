//! Looks for arguments, variables, a working directory, and other programs.

use taskhost_hostile::reach::{self, refused};
use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        let something = |found: bool| {
            if found {
                Ok(())
            } else {
                Err("nothing".to_owned())
            }
        };
        refused(&[
            something(std::env::args().next().is_some()),
            something(std::env::vars().next().is_some()),
            something(std::env::var("HOME").is_ok()),
            something(std::env::current_dir().is_ok_and(|here| std::fs::read_dir(here).is_ok())),
            reach::said(std::process::Command::new("sh").spawn()),
        ])
    }
}

hostile!(Deed);
