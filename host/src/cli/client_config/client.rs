//! What each client reads: which file, under which key, in which form.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::config::env;
use crate::error::{Code, Report};

/// The clients whose form is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// The command line and its extensions
    ClaudeCode,
    /// The desktop application
    ClaudeDesktop,
    /// With Copilot's agent mode
    Vscode,
    /// The editor and its command line
    Cursor,
    /// The command line
    Gemini,
}

/// What a client is told.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) command: Command,
    /// How long one call may take, where that can be said.
    pub(super) timeout: Option<Duration>,
}

/// How it comes by a server.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// It starts one, and speaks to its pipes.
    Start { program: String, args: Vec<String> },
    /// It connects to this address.
    Connect(String),
}

impl Client {
    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Vscode => "vscode",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
        }
    }

    /// The member of its file that holds the servers.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Vscode => "servers",
            Self::ClaudeCode | Self::ClaudeDesktop | Self::Cursor | Self::Gemini => "mcpServers",
        }
    }

    /// Its file, in `project` or for everything that the user does.
    pub(super) fn file(self, project: Option<&Path>) -> Result<PathBuf, Report> {
        let below = match self {
            Self::ClaudeCode => ".mcp.json",
            Self::ClaudeDesktop => {
                return match project {
                    None => Ok(config()?.join("Claude/claude_desktop_config.json")),
                    Some(_) => Err(Report::new(Code(780), "Claude Desktop has no projects")
                        .help("leave out `--project`")),
                };
            }
            Self::Vscode => ".vscode/mcp.json",
            Self::Cursor => ".cursor/mcp.json",
            Self::Gemini => ".gemini/settings.json",
        };
        match (project, self) {
            (Some(project), _) => Ok(project.join(below)),
            // What Claude Code keeps for the user, it rewrites all the time: that is asked for by
            // `claude mcp`, and the file is the project's.
            (None, Self::ClaudeCode) => Ok(PathBuf::from(below)),
            (None, Self::Vscode) => Ok(config()?.join("Code/User/mcp.json")),
            (None, Self::ClaudeDesktop | Self::Cursor | Self::Gemini) => Ok(home()?.join(below)),
        }
    }

    /// What stands in the file under the server's name.
    pub(super) fn entry(self, entry: &Entry) -> Result<Value, Report> {
        let mut json = Map::new();
        match &entry.command {
            Command::Start { program, args } => {
                if !matches!(self, Self::ClaudeDesktop | Self::Gemini) {
                    json.insert("type".into(), "stdio".into());
                }
                json.insert("command".into(), program.as_str().into());
                json.insert("args".into(), args.as_slice().into());
            }
            Command::Connect(url) => match self {
                Self::ClaudeCode | Self::Vscode => {
                    json.insert("type".into(), "http".into());
                    json.insert("url".into(), url.as_str().into());
                }
                Self::Cursor => {
                    json.insert("url".into(), url.as_str().into());
                }
                Self::Gemini => {
                    json.insert("httpUrl".into(), url.as_str().into());
                }
                // Its file knows programs only, and its connectors are reached from elsewhere than
                // this machine.
                Self::ClaudeDesktop => {
                    json.insert("command".into(), "npx".into());
                    json.insert("args".into(), json!(["-y", "mcp-remote", url]));
                }
            },
        }
        if let Some(timeout) = entry.timeout {
            if !matches!(self, Self::ClaudeCode | Self::Gemini) {
                return Err(Report::new(
                    Code(780),
                    format!("{} cannot be told how long a call may take", self.name()),
                )
                .help("leave out `--timeout`: with the strategies `adaptive` and `polling` no call takes longer than 25 s"));
            }
            let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            json.insert("timeout".into(), ms.into());
        }
        Ok(Value::Object(json))
    }

    /// The client's own command for the same, where it has one.
    pub(super) fn command(
        self,
        name: &str,
        json: &Value,
        entry: &Entry,
        project: bool,
    ) -> Option<String> {
        let scope = if project { "project" } else { "user" };
        match self {
            Self::ClaudeCode => Some(format!(
                "claude mcp add-json --scope {scope} {name} {}",
                quoted(&json.to_string())
            )),
            Self::Vscode if !project => {
                let mut named = Map::from_iter([("name".to_owned(), name.into())]);
                named.extend(json.as_object().cloned().unwrap_or_default());
                let named = Value::Object(named).to_string();
                Some(format!("code --add-mcp {}", quoted(&named)))
            }
            Self::Gemini => {
                let timeout = entry.timeout.map_or(String::new(), |timeout| {
                    format!(" --timeout {}", timeout.as_millis())
                });
                let rest = match &entry.command {
                    Command::Start { program, args } => {
                        let words: Vec<_> = args.iter().map(|arg| quoted(arg)).collect();
                        format!("{name} {} -- {}", quoted(program), words.join(" "))
                    }
                    Command::Connect(url) => format!("--transport http {name} {}", quoted(url)),
                };
                Some(format!("gemini mcp add --scope {scope}{timeout} {rest}"))
            }
            Self::ClaudeDesktop | Self::Vscode | Self::Cursor => None,
        }
    }

    /// What somebody should know who has configured this client.
    pub(super) fn notes(self, entry: &Entry) -> Vec<&'static str> {
        let mut notes = vec![match self {
            Self::ClaudeCode => {
                "a call may take as long as `timeout` of the entry says, in milliseconds (--timeout), or MCP_TOOL_TIMEOUT; the start, MCP_TIMEOUT; over HTTP several versions give up after 60 s whatever they are told, so keep to `adaptive` or `polling`, whose calls take 25 s at most"
            }
            Self::ClaudeDesktop => {
                "a call is given up after a time that cannot be configured: keep to the strategies `adaptive` or `polling`, whose calls take 25 s at most"
            }
            Self::Vscode => {
                "a call may take any time, and speaks MCP's own tasks as of 2025-11-25 where the server offers them"
            }
            Self::Cursor => {
                "a call is given up after about 60 s, which cannot be configured: keep to the strategies `adaptive` or `polling`, whose calls take 25 s at most"
            }
            Self::Gemini => {
                "a call may take 10 minutes, or what `timeout` of the entry says, in milliseconds (--timeout)"
            }
        }];
        match &entry.command {
            Command::Start { .. } => notes.push(
                "one data directory is for one taskhost: where a client starts several, or several clients start one each, give them one with `--data-dir DIR` each, or let them share one over HTTP",
            ),
            Command::Connect(_) if self == Self::ClaudeDesktop => {
                notes.push("`npx mcp-remote` connects its pipes to the address, and needs Node.js");
            }
            Command::Connect(_) => {}
        }
        if self == Self::ClaudeCode {
            notes.push(
                "`.mcp.json` holds for the project it lies in; for all projects use the command that `client-config` prints without `--install`",
            );
        }
        notes
    }
}

fn home() -> Result<PathBuf, Report> {
    env::home_dir().ok_or_else(homeless)
}

fn config() -> Result<PathBuf, Report> {
    env::config_dir().ok_or_else(homeless)
}

fn homeless() -> Report {
    Report::new(
        Code(784),
        "there is no home directory to look for the client's file in",
    )
    .help("set HOME")
    .help("or name the project whose file it shall be: --project DIR")
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:7420/mcp";

    fn start() -> Entry {
        Entry {
            command: Command::Start {
                program: "/bin/taskhost".into(),
                args: vec!["run".into(), "--backend".into(), "mock".into()],
            },
            timeout: None,
        }
    }

    fn connect() -> Entry {
        Entry {
            command: Command::Connect(URL.into()),
            timeout: None,
        }
    }

    #[test]
    fn each_client_gets_its_own_form() {
        let args = json!(["run", "--backend", "mock"]);
        let plain = json!({ "command": "/bin/taskhost", "args": args });
        let typed = json!({ "type": "stdio", "command": "/bin/taskhost", "args": args });
        for (client, stdio, http) in [
            (
                Client::ClaudeCode,
                &typed,
                json!({ "type": "http", "url": URL }),
            ),
            (
                Client::Vscode,
                &typed,
                json!({ "type": "http", "url": URL }),
            ),
            (Client::Cursor, &typed, json!({ "url": URL })),
            (Client::Gemini, &plain, json!({ "httpUrl": URL })),
            (
                Client::ClaudeDesktop,
                &plain,
                json!({ "command": "npx", "args": ["-y", "mcp-remote", URL] }),
            ),
        ] {
            assert_eq!(&client.entry(&start()).unwrap(), stdio, "{client:?}");
            assert_eq!(client.entry(&connect()).unwrap(), http, "{client:?}");
        }
    }

    #[test]
    fn a_timeout_is_said_in_milliseconds_or_refused() {
        let entry = Entry {
            timeout: Some(Duration::from_mins(10)),
            ..start()
        };
        let json = Client::Gemini.entry(&entry).unwrap();
        assert_eq!(json.get("timeout"), Some(&json!(600_000)));
        assert_eq!(Client::Cursor.entry(&entry).unwrap_err().code, Code(780));
    }

    #[test]
    fn a_command_is_one_line_that_a_shell_reads_back() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("--set"), "--set");
        let entry = start();
        let json = Client::ClaudeCode.entry(&entry).unwrap();
        assert_eq!(
            Client::ClaudeCode.command("taskhost", &json, &entry, false),
            Some(format!(
                "claude mcp add-json --scope user taskhost '{json}'"
            ))
        );
        let gemini = Client::Gemini.command("taskhost", &json, &entry, true);
        assert_eq!(
            gemini.as_deref(),
            Some("gemini mcp add --scope project taskhost /bin/taskhost -- run --backend mock")
        );
    }

    #[test]
    fn files_of_projects_lie_in_them() {
        let project = Path::new("/p");
        for (client, file) in [
            (Client::ClaudeCode, "/p/.mcp.json"),
            (Client::Vscode, "/p/.vscode/mcp.json"),
            (Client::Cursor, "/p/.cursor/mcp.json"),
            (Client::Gemini, "/p/.gemini/settings.json"),
        ] {
            assert_eq!(client.file(Some(project)).unwrap(), Path::new(file));
        }
        assert!(Client::ClaudeDesktop.file(Some(project)).is_err());
    }
}
