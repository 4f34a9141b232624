"""The official Python SDK 1.x, with the experimental tasks of 2025-11-25 that it has."""

import asyncio
import contextlib
import json

import cells
from cells import cell
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult, ElicitResult, TaskStatusNotification


async def main() -> None:
    at = cells.server()
    asked, told = [], []

    async def elicited(context, params) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content=cells.ANSWER)

    async def heard(message) -> None:
        if isinstance(getattr(message, "root", None), TaskStatusNotification):
            told.append(message.root.params)

    async with contextlib.AsyncExitStack() as stack:
        transport = streamablehttp_client(at) if isinstance(at, str) else stdio_client(StdioServerParameters(command=at[0], args=at[1:]))
        read, write, *_ = await stack.enter_async_context(transport)
        session = await stack.enter_async_context(ClientSession(read, write, elicitation_callback=elicited, message_handler=heard))
        hello = await session.initialize()
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        tasks = session.experimental

        async def call(name: str, **arguments: object) -> dict:
            result = await session.call_tool(name, arguments)
            assert not result.isError, result
            assert json.loads(result.content[0].text) == result.structuredContent, result
            return result.structuredContent

        async def start(tool: str, **arguments: object) -> str:
            return (await tasks.call_tool_as_task(tool, arguments)).task.taskId

        async with cell("tools") as facts:
            facts["protocol"] = hello.protocolVersion
            assert hello.protocolVersion == "2025-11-25"
            await cells.polling(call, {name: tool.outputSchema for name, tool in tools.items()}, facts)

        async with cell("native"):
            assert hello.capabilities.tasks.requests.tools.call is not None, hello.capabilities
            assert tools["count"].execution.taskSupport == "optional", tools["count"]
            task = await start("count", steps=5, step_ms=800)
            states = [state async for state in tasks.poll_task(task)]
            assert states[-1].status == "completed", states
            cells.steps_of([state.statusMessage for state in states])
            result = await tasks.get_task_result(task, CallToolResult)
            cells.counted(result.structuredContent, 5)
            assert result.meta["io.modelcontextprotocol/related-task"] == {"taskId": task}, result.meta
            # Not looked at on the way, the result is waited for.
            task = await start("count", steps=2, step_ms=300)
            cells.counted((await tasks.get_task_result(task, CallToolResult)).structuredContent, 2)

        async with cell("cancel"):
            task = await start("sleep", ms=600_000)
            assert (await tasks.cancel_task(task)).status == "cancelled"
            assert (await tasks.get_task(task)).status == "cancelled"
            for refused in (tasks.cancel_task(task), tasks.get_task("0" * len(task))):
                try:
                    raise AssertionError(await refused)
                except McpError as error:
                    assert error.error.code == -32602, error

        async with cell("input"):
            asked.clear()
            task = await start("ask", **cells.ASKED)
            while (state := await tasks.get_task(task)).status == "working":
                await asyncio.sleep((state.pollInterval or 100) / 1000)
            assert state.status == "input_required", state
            result = await tasks.get_task_result(task, CallToolResult)
            assert result.structuredContent == cells.ANSWER, result
            [params] = asked
            assert params.message == cells.ASKED["question"], params
            assert params.meta.model_extra["io.modelcontextprotocol/related-task"] == {"taskId": task}, params

        async with cell("notifications") as facts:
            told.clear()
            task = await start("count", steps=6, step_ms=700)
            await tasks.get_task_result(task, CallToolResult)
            for _ in range(100):
                states = [state for state in told if state.taskId == task]
                if any(state.status == "completed" for state in states):
                    break
                await asyncio.sleep(0.05)
            facts["states"] = [(state.status, state.statusMessage) for state in states]
            assert sum(state.status == "completed" for state in states) == 1, states
            cells.steps_of([state.statusMessage for state in states])

        async with cell("inline") as facts:
            shares = []

            async def progressed(progress, total, message) -> None:
                shares.append((progress, total, message))

            result = await session.call_tool("count", {"steps": 3, "step_ms": 400}, progress_callback=progressed)
            cells.counted(result.structuredContent, 3)
            facts["progress"] = shares
            assert shares
            asked.clear()
            result = await session.call_tool("ask", cells.ASKED)
            assert result.structuredContent == cells.ANSWER, result
            assert len(asked) == 1


asyncio.run(main())
