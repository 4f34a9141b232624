"""A client without tasks and with little patience has five minutes of work done. Prints what it called, and when."""

import asyncio
import json
import time

import cells
from mcp import Client, StdioServerParameters

PATIENCE_SECONDS = 60


async def main() -> dict:
    at = cells.server()
    server = at if isinstance(at, str) else StdioServerParameters(command=at[0], args=at[1:])
    begin, calls = time.monotonic(), []
    async with Client(server, read_timeout_seconds=PATIENCE_SECONDS) as client:

        async def call(tool: str, **arguments: object) -> dict:
            at = time.monotonic()
            result = await client.call_tool(tool, arguments)
            calls.append({"tool": tool, "at": round(at - begin, 1), "took": round(time.monotonic() - at, 1)})
            assert not result.is_error, result
            return result.structured_content or json.loads(result.content[0].text)

        # As a model does that reads the answers: start, and do as they say.
        status = await call("sleep", ms=300_000)
        token = status["token"]
        while status["status"] in ("PENDING", "RUNNING"):
            status = await call("task_status", token=token, wait_seconds=25)
        assert status["status"] == "COMPLETED", status
        result = await call("task_result", token=token)
    return {"calls": calls, "result": result.get("result", result)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))
