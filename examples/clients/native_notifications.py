"""Native tasks with notifications: changes come when they happen, and nobody asks. (protocol 2026-07-28)"""

import asyncio

from host import Clock, taskhost
from mcp import Client
from mcp_tasks import Tasks, outcome


async def main() -> None:
    tasks = Tasks()
    async with taskhost("adaptive") as url, Client(url, extensions=[tasks]) as client:
        clock = Clock()
        task = await tasks.start(client, "count", {"steps": 4, "step_ms": 700})
        clock.say(f"started {task.id}")
        async with tasks.watch(client, task.id) as changes:
            async for state in changes:
                clock.say(f"{state.status} {state.status_message or ''}")
        result = outcome(state).structured_content
        clock.say(f"result {result}")
        assert result == {"counted": 4}, result


asyncio.run(main())
