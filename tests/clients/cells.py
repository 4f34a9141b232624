"""What a client script says to the test that runs it: one JSON line for each cell of the matrix."""

import contextlib
import json
import sys
import traceback


@contextlib.asynccontextmanager
async def cell(name: str):
    """Yields a dictionary for facts; what is raised inside is what is wrong."""
    facts: dict = {}
    try:
        yield facts
    except BaseException as error:
        say({"cell": name, "failed": "".join(traceback.format_exception(error)), "facts": facts})
        if not isinstance(error, Exception):
            raise
    else:
        say({"cell": name, "passed": True, "facts": facts})


def not_run(name: str, why: str) -> None:
    say({"cell": name, "not_run": why})


def say(line: dict) -> None:
    print(json.dumps(line, default=repr), flush=True)


def server() -> str | list[str]:
    """From the command line: a URL, or what to start."""
    kind, *rest = sys.argv[1:]
    return rest[0] if kind == "http" else rest


# What is true for every client.

STARTED = ("start", "status", "result", "cancel")


async def polling(call, output_schemas: dict, facts: dict) -> None:
    """Through the tools of the polling strategy: one task ends, one is cancelled."""
    for action in STARTED:
        assert isinstance(output_schemas[f"count_{action}"], dict), f"count_{action} has an output schema"
    token = (await call("count_start", steps=3, step_ms=200))["token"]
    status = {"status": "PENDING"}
    while status["status"] in ("PENDING", "RUNNING"):
        status = await call("count_status", token=token, wait_seconds=5)
    assert status["status"] == "COMPLETED", status
    result = await call("count_result", token=token)
    assert result["result"] == {"counted": 3}, result
    # One that nobody is too slow to see on its way.
    token = (await call("count_start", steps=1000, step_ms=1000))["token"]
    while not status.get("progress"):
        status = await call("count_status", token=token, wait_seconds=5)
        assert status["status"] in ("PENDING", "RUNNING"), status
    facts["progress"] = status["progress"]
    status = await call("count_cancel", token=token)
    while status["status"] in ("PENDING", "RUNNING"):
        status = await call("count_status", token=token, wait_seconds=5)
    assert status["status"] == "CANCELLED", status


def counted(structured: dict | None, steps: int) -> None:
    assert structured == {"counted": steps}, structured


def steps_of(messages: list[str | None]) -> list[str]:
    """Of a task that counts, what it said on its way, once each."""
    seen = [message for message in dict.fromkeys(messages) if message and "steps" in message]
    assert seen, messages
    return seen


ASKED = {
    "question": "which colour?",
    "schema": {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]},
}
ANSWER = {"colour": "green"}
