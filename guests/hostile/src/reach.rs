//! Trying to reach what was not granted, and saying what came of it.

use std::fmt::Display;

use crate::{Error, net};

/// By the host's own `net`.
pub async fn net_connect(authority: &str) -> Result<(), String> {
    match net::connect(authority.to_owned(), false).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// By the standard library, which is WASI.
pub fn std_connect(authority: &str) -> Result<(), String> {
    said(std::net::TcpStream::connect(authority))
}

/// What came of it, in words.
pub fn said<T, E: Display>(result: Result<T, E>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.to_string())
}

/// How the task is answered: `denied` when all was refused. Success is told as a defect, since a test
/// looks for it.
pub fn refused(tries: &[Result<(), String>]) -> Result<(), Error> {
    let reached: Vec<_> = (tries.iter().enumerate())
        .filter(|(_, tried)| tried.is_ok())
        .map(|(number, _)| number.to_string())
        .collect();
    if !reached.is_empty() {
        return Err(Error::Internal(format!(
            "REACHED by {}",
            reached.join(", ")
        )));
    }
    let said: Vec<_> = tries
        .iter()
        .filter_map(|tried| tried.clone().err())
        .collect();
    Err(Error::Denied(format!("all refused: {}", said.join("; "))))
}
