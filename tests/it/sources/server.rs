//! A server of files on 127.0.0.1, which is also a registry of artifacts.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// It. Answers until it is stopped, or the process ends.
pub(super) struct Server {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<HashMap<String, (&'static str, Vec<u8>)>>,
    stopped: AtomicBool,
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !serving.stopped.load(Ordering::SeqCst) {
                    // A client that hangs up is the client's affair.
                    _ = serving.answer(&stream);
                }
            }
        });
        Self { port, shared }
    }

    /// Hangs up on everybody from now on.
    pub(super) fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
    }

    /// Offers a file. Its URL.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> String {
        self.file(path, "application/octet-stream", bytes);
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Offers a component as an artifact. Its reference, without a digest.
    pub(super) fn push(&self, name: &str, tag: &str, component: &[u8]) -> String {
        let config = b"{}";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.wasm.config.v0+json",
                "digest": digest(config),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/wasm",
                "digest": digest(component),
                "size": component.len(),
            }],
        });
        let manifest = manifest.to_string().into_bytes();
        for blob in [&config[..], component] {
            let path = format!("/v2/{name}/blobs/{}", digest(blob));
            self.file(&path, "application/octet-stream", blob);
        }
        for reference in [tag, &digest(&manifest)] {
            let path = format!("/v2/{name}/manifests/{reference}");
            self.file(&path, MANIFEST, &manifest);
        }
        self.file("/v2/", "application/json", b"{}");
        format!("oci://127.0.0.1:{}/{name}:{tag}", self.port)
    }

    fn file(&self, path: &str, kind: &'static str, bytes: &[u8]) {
        let mut files = self.shared.files.lock().unwrap();
        files.insert(path.to_owned(), (kind, bytes.to_vec()));
    }
}

impl Shared {
    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let found = self.files.lock().unwrap().get(path).cloned();
        let (status, (kind, body)) = match found {
            Some(file) => ("200 OK", file),
            None => ("404 Not Found", ("text/plain", b"no such file".to_vec())),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body)
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        _ = write!(text, "{byte:02x}");
    }
    text
}
