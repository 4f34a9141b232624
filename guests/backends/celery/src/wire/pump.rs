//! Bytes between the redis client's pipe and the host's connection.
//!
//! Each direction is one future that is dropped only with the connection: dropping a `read` in
//! flight could lose bytes that the host has read already.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::bindings::net::Connection;

/// Large enough that a result of a megabyte takes few turns.
pub(crate) const CHUNK: usize = 256 * 1024;

/// From the client to the server, until either ends.
pub(crate) async fn outgoing(connection: &Connection, mut pipe: impl AsyncRead + Unpin) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let Ok(count @ 1..) = pipe.read(&mut buffer).await else {
            return;
        };
        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
        if connection.write(bytes).await.is_err() {
            return;
        }
    }
}

/// From the server to the client, until either ends.
pub(crate) async fn incoming(connection: &Connection, mut pipe: impl AsyncWrite + Unpin) {
    let most = u32::try_from(CHUNK).unwrap_or(u32::MAX);
    loop {
        match connection.read(most).await {
            Ok(bytes) if !bytes.is_empty() => {
                if pipe.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
