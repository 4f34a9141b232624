"""The official Python SDK 2.x, with the tasks of 2026-07-28 by `examples/clients/mcp_tasks.py`."""

import asyncio
import json

import cells
from cells import cell
from mcp import Client, MCPError, StdioServerParameters
from mcp_tasks import FINAL, Task, TaskFailed, Tasks
from mcp_types import ElicitResult


async def main() -> None:
    at = cells.server()
    server = at if isinstance(at, str) else StdioServerParameters(command=at[0], args=at[1:])
    asked = []

    async def answer(message: str, schema: dict) -> dict:
        asked.append((message, schema))
        return {"action": "accept", "content": cells.ANSWER}

    async def elicited(context, params) -> ElicitResult:
        return ElicitResult(**await answer(params.message, params.requested_schema))

    tasks = Tasks(answer)
    async with Client(server, extensions=[tasks], elicitation_callback=elicited) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

        async def call(name: str, **arguments: object) -> dict:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result
            assert json.loads(result.content[0].text) == result.structured_content, result
            return result.structured_content

        async with cell("tools") as facts:
            facts["protocol"] = client.protocol_version
            assert client.protocol_version == "2026-07-28"
            await cells.polling(call, {name: tool.output_schema for name, tool in tools.items()}, facts)

        async with cell("native"):
            task = await tasks.start(client, "count", {"steps": 5, "step_ms": 800})
            states = []
            result = await task.result(seen=states.append)
            cells.counted(result.structured_content, 5)
            cells.steps_of([state.status_message for state in states])
            # The same without looking.
            result = await client.call_tool("count", {"steps": 2, "step_ms": 100})
            cells.counted(result.structured_content, 2)

        async with cell("cancel"):
            task = await tasks.start(client, "sleep", {"ms": 600_000})
            await task.cancel()
            try:
                raise AssertionError(await task.result())
            except TaskFailed as failed:
                assert "cancelled" in str(failed), failed
            # Once more is no error, and changes nothing.
            await task.cancel()
            assert (await task.get()).status == "cancelled"
            try:
                raise AssertionError(await Task(client, "0" * len(task.id)).get())
            except MCPError as error:
                assert error.code == -32602, error

        async with cell("input"):
            asked.clear()
            result = await client.call_tool("ask", cells.ASKED)
            assert result.structured_content == cells.ANSWER, result
            [(message, schema)] = asked
            assert message == cells.ASKED["question"], message
            assert "colour" in schema["properties"], schema

        async with cell("notifications") as facts:
            task = await tasks.start(client, "count", {"steps": 6, "step_ms": 700})
            states = []
            async with tasks.watch(client, task.id) as changes:
                async for state in changes:
                    states.append(state)
            facts["states"] = [(state.status, state.status_message) for state in states]
            assert {state.task_id for state in states} == {task.id}
            assert sum(state.status in FINAL for state in states) == 1, states
            cells.counted(next(s for s in states if s.status == "completed").result["structuredContent"], 6)
            assert len(cells.steps_of([state.status_message for state in states])) >= 2, states

    async with Client(server, elicitation_callback=elicited) as client:
        async with cell("inline") as facts:
            # Without tasks the same tool answers in the call, and says how far it is.
            shares = []

            async def progressed(progress, total, message) -> None:
                shares.append((progress, total, message))

            result = await client.call_tool("count", {"steps": 3, "step_ms": 400}, progress_callback=progressed)
            cells.counted(result.structured_content, 3)
            facts["progress"] = shares
            assert shares
            asked.clear()
            result = await client.call_tool("ask", cells.ASKED)
            assert result.structured_content == cells.ANSWER, result
            assert len(asked) == 1


asyncio.run(main())
