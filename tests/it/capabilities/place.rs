//! Where a component under test could go: servers, directories and secrets of this test alone.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use tempfile::TempDir;

/// All of it. Servers end with the process.
pub(super) struct Place {
    dir: TempDir,
    visits: Arc<AtomicUsize>,
}

impl Place {
    pub(super) fn new() -> Self {
        let dir = TempDir::with_prefix("taskhost-place-").unwrap();
        let place = Self {
            dir,
            visits: Arc::default(),
        };
        fs::create_dir(place.data()).unwrap();
        fs::write(place.data().join("in.txt"), "inside").unwrap();
        place.outside("hook", "hook-secret\n");
        place.outside("read", "read-secret\n");
        place.outside("other", "other-secret\n");
        place
    }

    /// The directory that may be granted.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A file beside that directory.
    pub(super) fn outside(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// A symbolic link inside of it.
    pub(super) fn link(&self, name: &str, to: &str) {
        std::os::unix::fs::symlink(to, self.data().join(name)).unwrap();
    }

    /// Connections that any of the servers has seen.
    pub(super) fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    /// The port of a server on 127.0.0.1 that says `pong` to a line.
    pub(super) fn echo(&self) -> u16 {
        self.serve(|stream| {
            let mut line = String::new();
            _ = BufReader::new(&stream).read_line(&mut line);
            _ = (&stream).write_all(b"pong");
        })
    }

    /// The address of a server of HTTP there. `/seen` gives back the `authorization` that it saw, and
    /// `/away` leads to somewhere else.
    pub(super) fn http(&self) -> String {
        let port = self.serve(|stream| {
            let mut reader = BufReader::new(&stream);
            let mut first = String::new();
            let mut seen = String::new();
            let mut line = String::new();
            _ = reader.read_line(&mut first);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("authorization")
                {
                    value.trim().clone_into(&mut seen);
                }
                line.clear();
            }
            let head = if first.contains(" /away ") {
                "302 Found\r\nlocation: http://127.0.0.1:1/"
            } else {
                "200 OK"
            };
            let answer = format!(
                "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{seen}",
                seen.len()
            );
            _ = (&stream).write_all(answer.as_bytes());
        });
        format!("http://127.0.0.1:{port}")
    }

    fn serve(&self, answer: impl Fn(TcpStream) + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = self.visits.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                visits.fetch_add(1, Ordering::SeqCst);
                answer(stream);
            }
        });
        port
    }

    /// The configuration with the component as the backend `prober`, granted this.
    pub(super) fn config(&self, component: &str, grants: &[(&str, &str)]) -> String {
        let mut text = format!(
            "version = 1\n\n[backends.prober]\ncomponent = {component:?}\n\n[backends.prober.grant]\n"
        );
        let mut keys: Vec<_> = grants.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let words: Vec<_> = grants
                .iter()
                .filter(|(other, _)| *other == key)
                .map(|(_, word)| *word)
                .collect();
            if key == "storage" {
                writeln!(text, "{key} = {:?}", words[0]).unwrap();
            } else {
                writeln!(text, "{key} = {words:?}").unwrap();
            }
        }
        text.push_str("\n[strategies.polling]\ncomponent = \"polling\"\n\n[secrets]\n");
        for (name, file) in [
            ("HOOK_TOKEN", "hook"),
            ("TOKEN", "read"),
            ("OTHER", "other"),
        ] {
            let path = self.dir.path().join(file);
            writeln!(text, "{name} = {{ file = \"{}\" }}", path.display()).unwrap();
        }
        text
    }
}
