"""Five at once: one subscription tells of all of them, and they end in the order of their work. (protocol 2026-07-28)"""

import asyncio

from host import Clock, taskhost
from mcp import Client
from mcp_tasks import FINAL, Tasks, outcome


async def main() -> None:
    tasks = Tasks()
    async with taskhost("adaptive") as url, Client(url, extensions=[tasks]) as client:
        clock = Clock()
        started = await asyncio.gather(*(tasks.start(client, "sleep", {"ms": 600 * n}) for n in (5, 4, 3, 2, 1)))
        clock.say(f"started {len(started)}")
        ended = []
        async with tasks.watch(client, *(task.id for task in started)) as changes:
            async for state in changes:
                if state.status in FINAL:
                    ended.append(outcome(state).structured_content["slept_ms"])
                    clock.say(f"over: {ended[-1]} ms")
        assert sorted(ended) == [600, 1200, 1800, 2400, 3000], ended
        # One after the other they would have taken nine seconds.
        assert clock.seconds < 9, clock.seconds


asyncio.run(main())
