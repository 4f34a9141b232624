"""What the examples share: a taskhost to talk to, and how to print."""

import asyncio
import contextlib
import os
import shlex
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from mcp import Client

ROOT = Path(__file__).resolve().parent.parent.parent
# A binary that exists already, in place of `cargo run`.
TASKHOST = [os.environ["TASKHOST"]] if "TASKHOST" in os.environ else ["cargo", "run", "--quiet", "--manifest-path", str(ROOT / "Cargo.toml"), "--"]


@contextlib.asynccontextmanager
async def taskhost(strategy: str) -> AsyncIterator[str]:
    """Serves the mock backend's tasks over HTTP. Gives the address, or takes the one in TASKHOST_URL."""
    if url := os.environ.get("TASKHOST_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="taskhost-example-") as data:
        arguments = ["run", "--backend", "mock", "--strategy", strategy, "--http", "127.0.0.1:0"]
        say(f"$ taskhost {shlex.join(arguments)}")
        host = await asyncio.create_subprocess_exec(*TASKHOST, *arguments, "--data-dir", data, stderr=asyncio.subprocess.PIPE)
        try:
            said = ""
            while line := (await host.stderr.readline()).decode():
                said += line
                if "listening on " in line:
                    yield line.rpartition("listening on ")[2].split()[0]
                    break
            else:
                raise SystemExit(f"the host does not start:\n{said}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                host.terminate()
            # Read to its end, so that it is never held up by what nobody reads.
            await host.communicate()


async def call(client: Client, tool: str, **arguments: object) -> dict:
    """A tool's answer as a program wants it."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise RuntimeError(result.content[0].text)
    return result.structured_content


class Clock:
    """Seconds since the example began, before each line."""

    def __init__(self) -> None:
        self.begin = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begin

    def say(self, line: str) -> None:
        say(f"{self.seconds:5.1f} s  {line}")


def say(line: str) -> None:
    print(line, flush=True)
