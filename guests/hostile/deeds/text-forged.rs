//! Says of an empty text that it has a gigabyte.

use taskhost_hostile::*;

struct Deed;

impl Backend for Deed {
    async fn deed(_id: &str) -> Result<(), Error> {
        // Nothing of it is there, and none of it is read here.
        #[allow(unsafe_code, invalid_value, reason = "the deed")]
        let text = unsafe {
            let bytes = std::slice::from_raw_parts(std::ptr::dangling::<u8>(), 1 << 30);
            std::str::from_utf8_unchecked(bytes)
        };
        logging::log(logging::Level::Info, text, &[]);
        Ok(())
    }
}

hostile!(Deed);
