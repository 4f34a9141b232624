"""Many readers: whoever has the id has the result, as often as they like. (protocol 2026-07-28)"""

import asyncio

from host import Clock, taskhost
from mcp import Client
from mcp_tasks import Task, Tasks

READERS = 8


async def main() -> None:
    tasks = Tasks()
    async with taskhost("adaptive") as url:
        clock = Clock()
        async with Client(url, extensions=[tasks]) as client:
            id = (await tasks.start(client, "count", {"steps": 3, "step_ms": 700})).id
        clock.say(f"one client has started {id}, and is gone")

        async def read() -> str:
            async with Client(url, extensions=[Tasks()]) as client:
                native = (await Task(client, id).result()).structured_content
                # It is a document, too.
                document = (await client.read_resource(f"task://{id}/result")).contents[0].text
                return f"{native} {document}"

        said = await asyncio.gather(*(read() for _ in range(READERS)))
        assert len(set(said)) == 1, said
        clock.say(f"{READERS} others have read {said[0]}")


asyncio.run(main())
