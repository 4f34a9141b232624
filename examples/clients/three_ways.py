"""The same three tasks, of 3, 2 and 1 seconds, in three ways: one after the other, gathered, and in the background."""

import asyncio

from host import Clock, say, taskhost
from mcp import Client
from mcp_tasks import Tasks

SECONDS = (3, 2, 1)


async def main() -> None:
    tasks = Tasks()
    async with taskhost("adaptive") as url, Client(url, extensions=[tasks]) as client:

        async def sequential() -> list:
            return [await client.call_tool("sleep", {"ms": 1000 * s}) for s in SECONDS]

        async def gathered() -> list:
            return await asyncio.gather(*(client.call_tool("sleep", {"ms": 1000 * s}) for s in SECONDS))

        async def background() -> list:
            started = [await tasks.start(client, "sleep", {"ms": 1000 * s}) for s in SECONDS]
            free_after.append(clock.seconds)
            # …whatever else there is to do…
            return [await task.result() for task in started]

        times, free_after = {}, []
        for way in (sequential, gathered, background):
            clock = Clock()
            results = await way()
            times[way.__name__] = clock.seconds
            assert [r.structured_content["slept_ms"] for r in results] == [1000 * s for s in SECONDS], results

    say("sleep 3 s + 2 s + 1 s")
    for way, seconds in times.items():
        free = f", free for other things after {free_after[0]:.2f} s" if way == "background" else ""
        say(f"  {way:<10} {seconds:4.1f} s{free}")
    assert times["sequential"] >= 6
    assert 3 <= times["gathered"] < times["sequential"]
    assert 3 <= times["background"] < times["sequential"]
    assert free_after[0] < 3


asyncio.run(main())
