//! Listening on servers before Redis 6, which push only on a connection of its own.
//!
//! The redis crate's client for that starts a task on a runtime, which does not exist here. What is
//! needed of the protocol is little: subscribe, wait for the confirmations, hear names of channels.

use std::cell::RefCell;
use std::collections::VecDeque;

use redis::cmd;
use taskhost_sdk::net::{self, Connection};
use tokio::sync::{mpsc, oneshot};

use crate::endpoint::Endpoint;
use crate::wire::first;
use crate::wire::wakeups::Wakeups;

/// A request to the listener.
pub(crate) struct Ask {
    /// `SUBSCRIBE` or `UNSUBSCRIBE`.
    pub(crate) verb: &'static str,
    pub(crate) channels: Vec<String>,
    /// Answered when the server has confirmed all; the error is the server's.
    pub(crate) done: oneshot::Sender<Result<(), String>>,
}

/// A request that the server has not confirmed yet.
struct Open {
    left: usize,
    done: oneshot::Sender<Result<(), String>>,
}

/// Runs until the connection ends.
pub(crate) async fn listen(
    connection: &Connection,
    endpoint: &Endpoint,
    mut asks: mpsc::Receiver<Ask>,
    wakeups: &Wakeups,
) {
    let open: RefCell<VecDeque<Open>> = RefCell::default();
    let write = async {
        if let Some(password) = &endpoint.password {
            let mut auth = cmd("AUTH");
            if let Some(user) = &endpoint.user {
                auth.arg(user);
            }
            auth.arg(password);
            // The other connection has told the operator, if this is refused.
            let (done, _) = oneshot::channel();
            open.borrow_mut().push_back(Open { left: 1, done });
            if connection.write(auth.get_packed_command()).await.is_err() {
                return;
            }
        }
        while let Some(Ask {
            verb,
            channels,
            done,
        }) = asks.recv().await
        {
            open.borrow_mut().push_back(Open {
                left: channels.len(),
                done,
            });
            let command = cmd(verb).arg(channels).get_packed_command();
            if connection.write(command).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        let most = u32::try_from(net::PIPE).unwrap_or(u32::MAX);
        let mut parser = Parser::default();
        while let Ok(bytes) = connection.read(most).await {
            if bytes.is_empty() {
                return;
            }
            parser.buffer.extend_from_slice(&bytes);
            while let Some(frame) = parser.next() {
                heard(frame, &open, wakeups);
            }
        }
    };
    first(write, read).await;
}

fn heard(frame: Frame, open: &RefCell<VecDeque<Open>>, wakeups: &Wakeups) {
    match frame {
        Frame::Message(channel) => wakeups.add(channel),
        Frame::Confirmed => {
            let mut open = open.borrow_mut();
            let Some(front) = open.front_mut() else {
                return;
            };
            front.left = front.left.saturating_sub(1);
            if front.left == 0
                && let Some(front) = open.pop_front()
            {
                _ = front.done.send(Ok(()));
            }
        }
        Frame::Error(text) => {
            if let Some(front) = open.borrow_mut().pop_front() {
                _ = front.done.send(Err(text));
            }
        }
    }
}

/// What a listening connection can hear.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    /// Something was published on this channel.
    Message(String),
    Confirmed,
    Error(String),
}

#[derive(Default)]
struct Parser {
    buffer: Vec<u8>,
}

impl Parser {
    /// The next complete frame. A line of another kind is skipped.
    fn next(&mut self) -> Option<Frame> {
        let (frame, used) = match self.buffer.first()? {
            b'*' => self.array()?,
            kind => {
                let (line, used) = self.line(0)?;
                let text = line.get(1..).unwrap_or_default();
                match kind {
                    b'-' => (Frame::Error(text.to_owned()), used),
                    _ => (Frame::Confirmed, used),
                }
            }
        };
        self.buffer.drain(..used);
        Some(frame)
    }

    /// `["message", channel, payload]` or `["subscribe", channel, count]`.
    fn array(&self) -> Option<(Frame, usize)> {
        let (line, mut at) = self.line(0)?;
        let count: usize = line.get(1..)?.parse().ok()?;
        let mut items = Vec::new();
        for _ in 0..count {
            let (line, after) = self.line(at)?;
            at = after;
            let length = line
                .strip_prefix('$')
                .and_then(|length| length.parse::<usize>().ok());
            if let Some(length) = length {
                // The payload is not kept: it may be large, and the key says the same.
                let bytes = self.buffer.get(at..at.checked_add(length)?)?;
                self.buffer.get(at + length..at + length + 2)?;
                at += length + 2;
                if items.len() < 2 {
                    items.push(String::from_utf8_lossy(bytes).into_owned());
                }
            }
        }
        let frame = match items.as_slice() {
            [kind, channel] if kind == "message" => Frame::Message(channel.clone()),
            _ => Frame::Confirmed,
        };
        Some((frame, at))
    }

    /// The line that begins at `from`, and where the next one begins.
    fn line(&self, from: usize) -> Option<(&str, usize)> {
        let rest = self.buffer.get(from..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..end)?).unwrap_or_default();
        Some((line, from + end + 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"+OK\r\n\
        *3\r\n$9\r\nsubscribe\r\n$3\r\na:b\r\n:1\r\n\
        *3\r\n$7\r\nmessage\r\n$3\r\na:b\r\n$9\r\nx\r\n*3\r\n$7\r\n\
        -NOPERM no\r\n\
        *3\r\n$11\r\nunsubscribe\r\n$3\r\na:b\r\n:0\r\n";

    #[test]
    fn frames_are_found_however_the_bytes_arrive() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let mut frames = Vec::new();
            for chunk in STREAM.chunks(size) {
                parser.buffer.extend_from_slice(chunk);
                frames.extend(std::iter::from_fn(|| parser.next()));
            }
            assert_eq!(
                frames,
                [
                    Frame::Confirmed,
                    Frame::Confirmed,
                    Frame::Message("a:b".into()),
                    Frame::Error("NOPERM no".into()),
                    Frame::Confirmed,
                ],
                "in pieces of {size}"
            );
            assert!(parser.buffer.is_empty());
        }
    }

    #[test]
    fn a_request_is_done_when_all_its_channels_are_confirmed() {
        let open: RefCell<VecDeque<Open>> = RefCell::default();
        let (done, mut waits) = oneshot::channel();
        let wakeups = Wakeups::default();
        open.borrow_mut().push_back(Open { left: 2, done });
        heard(Frame::Confirmed, &open, &wakeups);
        assert!(waits.try_recv().is_err());
        heard(Frame::Message("c".into()), &open, &wakeups);
        heard(Frame::Confirmed, &open, &wakeups);
        assert_eq!(waits.try_recv(), Ok(Ok(())));
        assert_eq!(wakeups.take().into_iter().collect::<Vec<_>>(), ["c"]);
        heard(Frame::Confirmed, &open, &wakeups);
    }
}
