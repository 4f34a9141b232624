"""FastMCP's client 4.x, with the tasks of 2026-07-28 that `fastmcp_tasks` teaches it."""

import asyncio
import json

import cells
import fastmcp_tasks
from cells import cell
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError


async def main() -> None:
    at = cells.server()
    asked = []

    async def elicited(message, response_type, params, context):
        asked.append(message)
        return cells.ANSWER

    def connect() -> Client:
        transport = at if isinstance(at, str) else StdioTransport(command=at[0], args=at[1:], keep_alive=False)
        return Client(transport, elicitation_handler=elicited)

    async with connect() as client:
        tools = {tool.name: tool for tool in await client.list_tools()}

        async def call(name: str, **arguments: object) -> dict:
            result = await client.call_tool(name, arguments)
            assert json.loads(result.content[0].text) == result.structured_content, result
            return result.structured_content

        async with cell("tools") as facts:
            await cells.polling(call, {name: tool.output_schema for name, tool in tools.items()}, facts)

        async with cell("native"):
            task = await fastmcp_tasks.call_tool_task(client, "count", {"steps": 5, "step_ms": 800})
            assert (await task.status()).status == "working"
            cells.counted((await task.result()).structured_content, 5)
            # The same without asking for it.
            cells.counted((await client.call_tool("count", {"steps": 2, "step_ms": 100})).structured_content, 2)

        async with cell("cancel"):
            task = await fastmcp_tasks.call_tool_task(client, "sleep", {"ms": 600_000})
            await task.cancel()
            try:
                raise AssertionError(await task.result())
            except ToolError as error:
                assert "cancelled" in str(error), error

        async with cell("input"):
            asked.clear()
            result = await client.call_tool("ask", cells.ASKED)
            assert result.structured_content == cells.ANSWER, result
            assert asked == [cells.ASKED["question"]], asked

        cells.not_run("notifications", "the client polls, and listens to no task")
        cells.not_run("inline", "the client declares tasks with every call")


asyncio.run(main())
