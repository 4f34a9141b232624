"""A backend for an HTTP job server: each task is a job there.

Nothing is kept here. The server knows the jobs, and the id of the task is its idempotency key, so a start
that is repeated gets the same job. The handle is the job's id: after any restart it is all that is needed.
"""

import asyncio
import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.backend import CancelAnswer
from wit_world.imports import types

from guard import guarded
from http_client import request

CONFIG = {
    "type": "object",
    "properties": {"url": {"type": "string", "format": "uri", "description": "Where the job server is"}},
    "required": ["url"],
    "additionalProperties": False,
}
RENDER = {
    "type": "object",
    "properties": {
        "film": {"type": "string", "description": "Which film"},
        "seconds": {"type": "number", "minimum": 0, "description": "How long it takes. Default: 3"},
    },
    "required": ["film"],
    "additionalProperties": False,
}

settings = {}


class Backend(exports.Backend):
    def describe(self):
        return types.PluginInfo("jobs-python", "0.1.0", "Runs films on an HTTP job server", json.dumps(CONFIG), 250)

    @guarded
    async def init(self, config):
        given = json.loads(config)
        if not isinstance(given.get("url"), str):
            raise Err(types.Error_InvalidInput("`url` says where the job server is"))
        settings["url"] = given["url"].rstrip("/")

    @guarded
    async def list_tasks(self):
        return [
            types.TaskDefinition(
                name="render",
                title="Render a film",
                description="Renders a film on the job server",
                input_schema=json.dumps(RENDER),
                output_schema=None,
                cancellable=True,
                idempotent=True,
                estimate_ms=3000,
                timeout_ms=None,
                strategy=None,
            )
        ]

    @guarded
    async def start(self, wanted):
        if wanted.task != "render":
            raise Err(types.Error_UnknownTask(wanted.task))
        _, job = await ask("POST", "/jobs", wanted.arguments, wanted.id)
        return job["id"]

    @guarded
    async def observe(self, works):
        return await asyncio.gather(*(look(work.handle) for work in works))

    @guarded
    async def cancel(self, work, reason):
        status, job = await ask("DELETE", f"/jobs/{work.handle}")
        if status == 404:
            raise Err(types.Error_UnknownTask(work.handle))
        return CancelAnswer.ACCEPTED if job["state"] == "cancelled" else CancelAnswer.ALREADY_FINISHED

    @guarded
    async def answer(self, work, key, response):
        pass  # Jobs ask nothing.

    @guarded
    async def release(self, work):
        pass  # The server forgets jobs by itself.


async def look(handle):
    status, job = await ask("GET", f"/jobs/{handle}")
    if status == 404:
        return types.Observation_Unknown()
    if job["state"] == "running":
        return types.Observation_Running(types.Progress(job["progress"], 1.0, None, None))
    if job["state"] == "done":
        return types.Observation_Finished(types.Outcome_Completed(json.dumps(job["result"])))
    if job["state"] == "cancelled":
        return types.Observation_Finished(types.Outcome_Cancelled(None))
    return types.Observation_Finished(types.Outcome_Failed(types.Failure("job", job["error"], False, False, None)))


async def ask(method, path, body=None, key=None):
    """Status and JSON of the server's answer, which is 2xx or 404: anything else is an error."""
    # The host puts the token in, and only in requests to this server.
    headers = [("authorization", "Bearer ${secret.JOBS_TOKEN}"), ("content-type", "application/json")]
    if key:
        headers.append(("idempotency-key", key))
    status, said = await request(method, settings["url"] + path, headers, body.encode() if body else None)
    if status in (200, 201, 404):
        return status, json.loads(said)
    words = f"the job server has answered {status}: {said[:200].decode(errors='replace')}"
    if status == 422:
        raise Err(types.Error_InvalidInput(words))
    raise Err(types.Error_Unavailable((words, None)))
