//! The asker's end of the control socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::protocol::{LONGEST_LINE, Request, Response};
use super::socket;
use crate::error::{Code, Report};

/// A running host.
pub struct Host(UnixStream);

impl Host {
    /// The host that runs on `data_dir`, or `None` where none does.
    pub fn find(data_dir: &Path) -> Option<Self> {
        UnixStream::connect(socket::path(data_dir)).ok().map(Self)
    }

    /// Asks, and gives each answer to `each` until it returns false or there are no more.
    pub fn ask(
        mut self,
        request: &Request,
        mut each: impl FnMut(Response) -> Result<bool, Report>,
    ) -> Result<(), Report> {
        let broken = |error: &io::Error| {
            Report::new(
                Code(730),
                format!("the running host did not answer: {error}"),
            )
            .help("look at its log, or ask again")
        };
        let mut line = serde_json::to_vec(request).map_err(|error| broken(&error.into()))?;
        line.push(b'\n');
        self.0.write_all(&line).map_err(|error| broken(&error))?;
        let mut reader = BufReader::new(self.0.take(u64::MAX));
        let mut answered = false;
        loop {
            let mut line = String::new();
            let read = reader
                .by_ref()
                .take(LONGEST_LINE)
                .read_line(&mut line)
                .map_err(|error| broken(&error))?;
            if read == 0 {
                return if answered {
                    Ok(())
                } else {
                    Err(broken(&io::ErrorKind::UnexpectedEof.into()))
                };
            }
            answered = true;
            let response = serde_json::from_str(&line).map_err(|error| broken(&error.into()))?;
            if let Response::Error(error) = response {
                return Err(error.into_report());
            }
            if !each(response)? {
                return Ok(());
            }
        }
    }
}
