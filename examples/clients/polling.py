"""Polling: four tools for each task, which any client can call. (strategy `polling`)"""

import asyncio

from host import Clock, call, taskhost
from mcp import Client


async def main() -> None:
    async with taskhost("polling") as url, Client(url) as client:
        clock = Clock()
        token = (await call(client, "count_start", steps=3, step_ms=700))["token"]
        clock.say(f"started, and this is all there is to remember: {token}")
        status = {"status": "PENDING"}
        while status["status"] not in ("COMPLETED", "FAILED", "CANCELLED"):
            # Answers at the next change, and after ten seconds at the latest.
            status = await call(client, "count_status", token=token, wait_seconds=10)
            clock.say(f"{status['status']} {status.get('progress', '')}")
        result = (await call(client, "count_result", token=token))["result"]
        clock.say(f"result {result}")
        assert result == {"counted": 3}, result


asyncio.run(main())
