"""Starts `long_running_analysis` as a native task of MCP, polls it, and prints each state.

    client.py taskhost run --config taskhost.toml
"""

import asyncio
import json
import sys
from pathlib import Path

# `mcp_tasks.py` teaches the SDK native tasks: one file, to drop beside a client.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients"))

from mcp import Client, StdioServerParameters
from mcp_tasks import FINAL, TaskFailed, Tasks, outcome

TOOL = "long_running_analysis"


async def main() -> None:
    tasks = Tasks()
    async with Client(StdioServerParameters(command=sys.argv[1], args=sys.argv[2:]), extensions=[tasks]) as client:
        print("# from start to result")
        task = await tasks.start(client, TOOL, {"dataset": "sales-2026"})
        messages, state = await follow(task)
        result = outcome(state).structured_content
        print(f"← {json.dumps(result)}")
        assert state.status == "completed" and result["stages"][-1] == "summarise sales-2026", state
        assert any("sales-2026" in message for message in messages), f"custom status is progress: {messages}"

        print("\n# another one, cancelled on its way: its orchestration is terminated")
        task = await tasks.start(client, TOOL, {"dataset": "sales-2025"})
        await follow(task, until=lambda state: "sales-2025" in (state.status_message or ""))
        await task.cancel()
        _, state = await follow(task)
        assert state.status == "cancelled", state
        try:
            outcome(state)
        except TaskFailed as end:
            print(f"← {end}")


async def follow(task, until=lambda state: False) -> tuple[list[str], object]:
    """Polls as often as the server likes. Prints a state once."""
    shown, messages = None, []
    while True:
        state = await task.get()
        if shown != (state.status, state.status_message):
            shown = (state.status, state.status_message)
            messages.append(state.status_message or "")
            print(f"  {state.status:10} {state.status_message or ''}", flush=True)
        if state.status in FINAL or until(state):
            return messages, state
        await asyncio.sleep((state.poll_interval_ms or 1000) / 1000)


asyncio.run(main())
