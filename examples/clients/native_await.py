"""Native tasks: the call is made and awaited like any other, however long it takes. (protocol 2026-07-28)"""

import asyncio

from host import Clock, taskhost
from mcp import Client
from mcp_tasks import Tasks


async def main() -> None:
    async def answer(message: str, schema: dict) -> dict:
        clock.say(f"asked: {message}")
        return {"action": "accept", "content": {"text": "green"}}

    async with taskhost("adaptive") as url, Client(url, extensions=[Tasks(answer)]) as client:
        clock = Clock()
        # Below, this is a task that is asked for again and again, and the call could last for days.
        result = await client.call_tool("count", {"steps": 3, "step_ms": 700})
        clock.say(f"result {result.structured_content}")
        assert result.structured_content == {"counted": 3}, result
        # A task may ask something on its way.
        result = await client.call_tool("ask", {"question": "which colour?"})
        clock.say(f"result {result.structured_content}")
        assert result.structured_content == {"text": "green"}, result


asyncio.run(main())
