"""MCP's own tasks (protocol 2026-07-28, `io.modelcontextprotocol/tasks`) for the official Python SDK 2.x.

The SDK does not have them yet. Drop this file beside your client:

    tasks = Tasks()
    async with Client(server, extensions=[tasks]) as client:
        result = await client.call_tool("report", {"user": "u-42"})     # waits, however long it takes

        task = await tasks.start(client, "report", {"user": "u-42"})    # a handle, at once
        async with tasks.watch(client, task.id) as changes:             # pushed, not polled
            async for state in changes:
                print(state.status, state.status_message)

A task id is all that has to be kept: `Task(client, id)` goes on with it in any process.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar, Literal

from mcp.client.extension import ClaimContext, ClientExtension, NotificationBinding, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result, SubscriptionFilter, SubscriptionsListenRequest, SubscriptionsListenRequestParams
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

FINAL = ("completed", "failed", "cancelled")

# Asked with the message and the schema of a question: `{"action": "accept", "content": {…}}`.
Answer = Callable[[str, dict], Awaitable[dict]]


class Created(Result):
    """What a call is answered with that has become a task."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")

    result_type: Literal["task"]
    task_id: str
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = None
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int | None = None


class State(Created):
    """How a task stands, and what has come of it."""

    result_type: str = "complete"
    input_requests: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class TaskParams(RequestParams):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    task_id: str
    input_responses: dict[str, Any] | None = None


class TaskRequest(Request[TaskParams, str]):
    # Over HTTP the id is a header too.
    name_param: ClassVar[str | None] = "taskId"

    method: str
    params: TaskParams


class TaskFailed(Exception):
    """There is no result: the task failed, or was cancelled."""


class Task:
    """A task that goes on whether anybody asks or not."""

    def __init__(self, client, id: str):
        self.session = getattr(client, "session", client)
        self.id = id

    async def get(self) -> State:
        return await self._ask("tasks/get", State)

    async def cancel(self) -> None:
        await self._ask("tasks/cancel", Result)

    async def update(self, answers: dict[str, dict]) -> None:
        await self._ask("tasks/update", Result, input_responses=answers)

    async def result(self, answer: Answer | None = None, seen: Callable[[State], None] | None = None) -> CallToolResult:
        """Polls as often as the server likes, until the task is over."""
        answered: set[str] = set()
        while True:
            state = await self.get()
            if seen:
                seen(state)
            if state.status in FINAL:
                return outcome(state)
            questions = {key: question for key, question in (state.input_requests or {}).items() if key not in answered}
            if questions and answer is None:
                raise TaskFailed(f"{self.id} asks, and nobody is there to answer: {questions}")
            for key, question in questions.items():
                params = question["params"]
                await self.update({key: await answer(params["message"], params["requestedSchema"])})
                answered.add(key)
            if not questions:
                await asyncio.sleep((state.poll_interval_ms or 1000) / 1000)

    async def _ask(self, method: str, answer: type, **params: Any):
        request = TaskRequest(method=method, params=TaskParams(task_id=self.id, **params))
        return await self.session.send_request(request, answer)


class Tasks(ClientExtension):
    """Declares to servers that this client takes tasks, and finishes those it gets."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self, answer: Answer | None = None):
        self.answer = answer
        self.watched: dict[str, asyncio.Queue[State]] = {}

    def claims(self) -> list[ResultClaim]:
        return [ResultClaim(result_type="task", model=Created, resolve=self._finish)]

    def notifications(self) -> list[NotificationBinding]:
        return [NotificationBinding(method="notifications/tasks", params_type=State, handler=self._changed)]

    async def start(self, client, tool: str, arguments: dict | None = None) -> Task:
        """Calls a tool, and does not wait for it."""
        created = await client.session.call_tool(tool, arguments, allow_claimed=True)
        if not isinstance(created, Created):
            raise TaskFailed(f"the server made no task of {tool}: {created}")
        return Task(client, created.task_id)

    @contextlib.asynccontextmanager
    async def watch(self, client, *ids: str) -> AsyncIterator[AsyncIterator[State]]:
        """The changes of these tasks as they happen, each with where it stands first. Ends when all are over."""
        inbox: asyncio.Queue[State] = asyncio.Queue()
        self.watched |= dict.fromkeys(ids, inbox)
        filter = SubscriptionFilter.model_validate({"taskIds": list(ids)})
        listen = SubscriptionsListenRequest(params=SubscriptionsListenRequestParams(notifications=filter))
        stream = asyncio.create_task(client.session.send_request(listen, Result))
        try:
            yield self._changes(inbox, set(ids), stream)
        finally:
            stream.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await stream
            for id in ids:
                self.watched.pop(id, None)

    async def _changes(self, inbox: asyncio.Queue[State], running: set[str], stream: asyncio.Task) -> AsyncIterator[State]:
        while running:
            next_one = asyncio.ensure_future(inbox.get())
            await asyncio.wait([next_one, stream], return_when=asyncio.FIRST_COMPLETED)
            if not next_one.done():
                next_one.cancel()
                # Raises what ended it, if anything did.
                stream.result()
                raise TaskFailed("the server ended the subscription")
            state = next_one.result()
            if state.status in FINAL:
                running.discard(state.task_id)
            yield state

    async def _changed(self, state: State) -> None:
        if inbox := self.watched.get(state.task_id):
            inbox.put_nowait(state)

    async def _finish(self, created: Created, context: ClaimContext) -> CallToolResult:
        return await Task(context.session, created.task_id).result(self.answer)


def outcome(state: State) -> CallToolResult:
    """What the call has returned, as if it had been waited for."""
    if state.status == "completed":
        return CallToolResult.model_validate(state.result)
    why = (state.error or {}).get("message") or state.status_message or state.status
    raise TaskFailed(f"{state.task_id} {state.status}: {why}")
