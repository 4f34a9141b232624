//! A manifest as it is written: `plugin.toml`.
//!
//! Unknown keys are errors: what somebody asked for with a typing error must not go unasked. Every error
//! has the line it is about.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{Ask, Build, Language, Manifest, ManifestError, Place, Trial, TrialTask, What};
use crate::config::allow::{guest_path, method};
use crate::config::authority::{Origin, host_in};
use crate::config::units::Size;
use crate::engine::component::Kind;
use crate::task::Json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    version: Spanned<String>,
    kind: Spanned<String>,
    summary: String,
    #[serde(default)]
    asks: Vec<Spanned<AskTable>>,
    #[serde(default)]
    config: ConfigTable,
    #[serde(default)]
    test: TestTable,
    #[serde(default)]
    build: BuildTable,
}

/// Exactly one of the first seven, and what goes with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskTable {
    tcp: Option<String>,
    dns: Option<String>,
    http: Option<String>,
    secret: Option<String>,
    env: Option<String>,
    dir: Option<String>,
    storage: Option<String>,
    methods: Option<Vec<String>>,
    secrets: Option<Vec<String>>,
    mode: Option<String>,
    reason: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigTable {
    schema: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestTable {
    config: Option<Value>,
    #[serde(default)]
    tasks: Vec<TrialTask>,
    slow: Option<TrialTask>,
    #[serde(default)]
    volatile: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildTable {
    language: Option<Language>,
}

/// What `text` says.
pub(super) fn read(text: &str) -> Result<Manifest, ManifestError> {
    let line = |at: usize| {
        let before = text.get(..at).unwrap_or(text);
        1 + before.matches('\n').count()
    };
    let wrong = |span: Range<usize>, why: String| ManifestError::wrong(line(span.start), why);
    let file: File = toml::from_str(text).map_err(|error| {
        wrong(
            error.span().unwrap_or_default(),
            error.message().trim().to_owned(),
        )
    })?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = file.name.get_ref();
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        let why = format!("`name`: `{name}` is no name: letters, digits and `-`, at most 64");
        return Err(wrong(file.name.span(), why));
    }
    if file.version.get_ref().trim().is_empty() {
        return Err(wrong(
            file.version.span(),
            "`version`: it is empty".to_owned(),
        ));
    }
    let kind = match file.kind.get_ref().as_str() {
        "backend" => Kind::Backend,
        "strategy" => Kind::Strategy,
        other => {
            let why = format!("`kind`: `{other}` is neither \"backend\" nor \"strategy\"");
            return Err(wrong(file.kind.span(), why));
        }
    };
    let config_schema = match file.config.schema {
        None => None,
        Some(schema) => match Json::parse(schema.get_ref().clone()) {
            Ok(json) if json.value().is_object() => Some(json),
            Ok(_) => {
                let why = "`config.schema`: it is not a JSON object".to_owned();
                return Err(wrong(schema.span(), why));
            }
            Err(error) => {
                let why = format!("`config.schema`: it is not JSON: {error}");
                return Err(wrong(schema.span(), why));
            }
        },
    };
    let asks = file.asks.into_iter().map(|table| {
        let span = table.span();
        ask(table.into_inner()).map_err(|why| wrong(span, why))
    });
    Ok(Manifest {
        asks: asks.collect::<Result<_, _>>()?,
        name: file.name.into_inner(),
        version: file.version.into_inner(),
        kind,
        summary: file.summary,
        config_schema,
        test: Trial {
            config: file.test.config,
            tasks: file.test.tasks,
            slow: file.test.slow,
            volatile: file.test.volatile,
        },
        build: Build {
            language: file.build.language,
        },
    })
}

fn ask(table: AskTable) -> Result<Ask, String> {
    if table.reason.trim().is_empty() {
        return Err("`reason`: say what it is for".to_owned());
    }
    let named: Vec<_> = [
        ("tcp", table.tcp),
        ("dns", table.dns),
        ("http", table.http),
        ("secret", table.secret),
        ("env", table.env),
        ("dir", table.dir),
        ("storage", table.storage),
    ]
    .into_iter()
    .filter_map(|(kind, value)| Some((kind, value?)))
    .collect();
    let [(kind, value)] = named.as_slice() else {
        return Err(
            "an ask has exactly one of tcp, dns, http, secret, env, dir and storage".to_owned(),
        );
    };
    for (key, there, goes_with) in [
        ("methods", table.methods.is_some(), "http"),
        ("secrets", table.secrets.is_some(), "http"),
        ("mode", table.mode.is_some(), "dir"),
    ] {
        if there && *kind != goes_with {
            return Err(format!(
                "`{key}` goes with `{goes_with}`, not with `{kind}`"
            ));
        }
    }
    let wrong = |wanted: &str| format!("`{kind}`: `{value}` is not {wanted}");
    let what = match *kind {
        "tcp" => What::Tcp(
            place(value, |text| text.parse().ok())
                .ok_or_else(|| wrong("HOST:PORT, \"{config.KEY}\", \"*\" or \"*:PORT\""))?,
        ),
        "dns" => What::Dns(
            place(value, host_in)
                .filter(|place| !matches!(place, Place::AnyAt(_)))
                .ok_or_else(|| wrong("a name, \"{config.KEY}\" or \"*\""))?,
        ),
        "http" => What::Http {
            server: place(value, |text| text.parse::<Origin>().ok())
                .ok_or_else(|| wrong("https://HOST[:PORT], \"{config.KEY}\" or \"*\""))?,
            methods: methods(table.methods)?,
            secrets: table.secrets.unwrap_or_default().into_iter().collect(),
        },
        "secret" => What::Secret(value.clone()),
        "env" => What::Env(value.clone()),
        "dir" => What::Dir {
            path: guest_path(value)
                .ok_or_else(|| wrong("a path that begins with `/` and has no `..`"))?,
            writable: match table.mode.as_deref() {
                None | Some("ro") => false,
                Some("rw") => true,
                Some(other) => {
                    return Err(format!("`mode`: `{other}` is neither \"ro\" nor \"rw\""));
                }
            },
        },
        _ => What::Storage(
            Size::parse(value)
                .ok_or_else(|| wrong("a size such as \"1MiB\""))?
                .0,
        ),
    };
    Ok(Ask {
        what,
        reason: table.reason,
        optional: table.optional,
    })
}

/// What stands for a place: itself, a key of the configuration, or a sign that leaves it open.
fn place<T>(text: &str, exactly: impl Fn(&str) -> Option<T>) -> Option<Place<T>> {
    if text == "*" {
        return Some(Place::Any);
    }
    if let Some(port) = text.strip_prefix("*:") {
        return port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .map(Place::AnyAt);
    }
    if let Some(key) = text.strip_prefix("{config.") {
        let key = key.strip_suffix('}')?;
        let parts_are_named = key.split('.').all(|part| !part.is_empty());
        return parts_are_named.then(|| Place::Configured(key.to_owned()));
    }
    exactly(text).map(Place::At)
}

fn methods(named: Option<Vec<String>>) -> Result<BTreeSet<String>, String> {
    let named = named.unwrap_or_else(|| vec!["GET".to_owned()]);
    if named.is_empty() {
        return Err("`methods`: there is none".to_owned());
    }
    named
        .iter()
        .map(|text| method(text).ok_or_else(|| format!("`methods`: `{text}` is no HTTP method")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
name = "celery"
version = "0.1.0"
kind = "backend"
summary = "Run tools as Celery tasks"

[[asks]]
tcp = "{config.broker}"
reason = "the broker"
optional = true
[[asks]]
dns = "redis.internal"
reason = "to find it"
[[asks]]
http = "https://hooks.example"
methods = ["get", "POST"]
secrets = ["HOOK_TOKEN"]
reason = "to call back"
[[asks]]
secret = "CELERY_BROKER_URL"
reason = "the password"
[[asks]]
env = "TZ"
reason = "times of day"
[[asks]]
dir = "/spool"
mode = "rw"
reason = "files"
[[asks]]
storage = "1MiB"
reason = "marks"

[config]
schema = '''{"type": "object"}'''

[test]
config = { broker = "redis://localhost" }
tasks = [ { name = "sleep", arguments = { ms = 300 } } ]
slow = { name = "sleep" }

[build]
language = "python"
"#;

    #[test]
    fn all_of_it_is_read() {
        let manifest = read(FULL).unwrap();
        assert_eq!(
            (manifest.name.as_str(), manifest.kind),
            ("celery", Kind::Backend)
        );
        let shown: Vec<_> = manifest
            .asks
            .iter()
            .map(|ask| format!("{} {}", ask.what.kind(), ask.what))
            .collect();
        assert_eq!(
            shown,
            [
                "tcp {config.broker}",
                "dns redis.internal",
                "http https://hooks.example (GET, POST) with HOOK_TOKEN put in by the host",
                "secret CELERY_BROKER_URL",
                "env TZ",
                "dir /spool (rw)",
                "storage 1MiB",
            ]
        );
        assert!(manifest.asks.first().unwrap().optional);
        assert_eq!(
            manifest.config_schema.unwrap().text(),
            r#"{"type": "object"}"#
        );
        assert_eq!(manifest.test.tasks.first().unwrap().arguments["ms"], 300);
        assert_eq!(manifest.test.slow.unwrap().arguments, serde_json::json!({}));
        assert_eq!(manifest.build.language, Some(Language::Python));
    }

    #[test]
    fn the_least_that_is_a_manifest() {
        let manifest =
            read("name = \"a\"\nversion = \"1\"\nkind = \"strategy\"\nsummary = \"\"\n").unwrap();
        assert_eq!((manifest.kind, manifest.asks), (Kind::Strategy, Vec::new()));
    }

    #[test]
    fn a_mistake_is_named_with_its_key_and_its_line() {
        let head = "name = \"a\"\nversion = \"1\"\nkind = \"backend\"\nsummary = \"\"\n";
        for (rest, line, said) in [
            ("[[ask]]\n", 5, "ask"),
            (
                "[[asks]]\nreason = \"r\"\ntcp = \"a:1\"\nmethod = \"GET\"\n",
                8,
                "method",
            ),
            ("\n[[asks]]\nreason = \"r\"\n", 6, "exactly one of"),
            (
                "[[asks]]\nreason = \"r\"\ntcp = \"a:1\"\ndns = \"a\"\n",
                5,
                "exactly one of",
            ),
            ("[[asks]]\ntcp = \"a:1\"\n", 5, "reason"),
            ("[[asks]]\nreason = \" \"\ntcp = \"a:1\"\n", 5, "`reason`"),
            (
                "[[asks]]\nreason = \"r\"\ntcp = \"a\"\n",
                5,
                "`tcp`: `a` is not HOST:PORT",
            ),
            (
                "[[asks]]\nreason = \"r\"\ntcp = \"a:1\"\nmode = \"rw\"\n",
                5,
                "`mode` goes with `dir`",
            ),
            ("[[asks]]\nreason = \"r\"\ndir = \"/a/../b\"\n", 5, "`dir`"),
            (
                "[[asks]]\nreason = \"r\"\nstorage = \"lots\"\n",
                5,
                "`storage`",
            ),
            (
                "[[asks]]\nreason = \"r\"\nhttp = \"https://a\"\nmethods = [\"A B\"]\n",
                5,
                "`methods`",
            ),
            ("[config]\nschema = \"{\"\n", 6, "`config.schema`"),
            ("[build]\nlanguage = \"cobol\"\n", 6, "cobol"),
            ("[test]\ntask = []\n", 6, "task"),
        ] {
            let ManifestError::Wrong { line: found, why } =
                read(&format!("{head}{rest}")).unwrap_err()
            else {
                panic!("{rest}");
            };
            assert!(why.contains(said), "{rest}: {why}");
            assert_eq!(found, line, "{rest}: {why}");
        }
        for (text, said) in [
            (head.replace("\"a\"", "\"a b\""), "`name`"),
            (head.replace("backend", "both"), "`kind`"),
            (head.replace("summary = \"\"\n", ""), "summary"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
