"""Adaptive: one tool for each task. What is quick is simply answered. (strategy `adaptive`)

What takes longer than 25 seconds is handed over: the answer is then a token for `task_status` and `task_result`, before
a client with a limit of a minute gives up.
"""

import asyncio

from host import Clock, taskhost
from mcp import Client


async def main() -> None:
    async with taskhost("adaptive") as url, Client(url) as client:
        clock = Clock()

        async def progressed(done: float, total: float | None, message: str | None) -> None:
            clock.say(f"progress {done:g} of {total} {message or ''}")

        result = await client.call_tool("count", {"steps": 3, "step_ms": 700}, progress_callback=progressed)
        clock.say(f"result {result.structured_content}")
        assert result.structured_content == {"counted": 3}, result


asyncio.run(main())
