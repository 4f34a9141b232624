"""Fire and forget: one process starts the work and ends; another one, later, has only the id. (protocol 2026-07-28)"""

import asyncio
import os
import sys

from host import Clock, taskhost
from mcp import Client
from mcp_tasks import Task, Tasks


async def fire(url: str) -> None:
    tasks = Tasks()
    async with Client(url, extensions=[tasks]) as client:
        task = await tasks.start(client, "count", {"steps": 4, "step_ms": 700})
    print(task.id)


async def fetch(url: str, id: str) -> None:
    async with Client(url, extensions=[Tasks()]) as client:
        result = await Task(client, id).result()
    print(result.structured_content)


async def main() -> None:
    async with taskhost("adaptive") as url:
        clock = Clock()
        id = await process("fire", url)
        clock.say(f"a process has started {id}, and is gone")
        await asyncio.sleep(1)
        result = await process("fetch", url, id)
        clock.say(f"another process has fetched {result}")
        assert result == "{'counted': 4}", result


async def process(*arguments: str) -> str:
    """This file again, as a process of its own."""
    child = await asyncio.create_subprocess_exec(sys.executable, __file__, *arguments, stdout=asyncio.subprocess.PIPE, env=os.environ)
    said, _ = await child.communicate()
    assert child.returncode == 0, arguments
    return said.decode().strip()


match sys.argv[1:]:
    case ["fire", url]:
        asyncio.run(fire(url))
    case ["fetch", url, id]:
        asyncio.run(fetch(url, id))
    case _:
        asyncio.run(main())
