"""The backend `{{name}}`: one task that is over at once, and one that takes its time.

An instance may end at any moment, and the next one goes on in its place. So nothing that matters is
kept in variables: a run is an entry in `storage`, written before `start` returns, and how far it is
follows from that entry and the time.
"""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.backend import CancelAnswer
from wit_world.imports import logging, storage, timers, types

from guard import guarded

DAY_MS = 24 * 60 * 60 * 1000

CONFIG = {
    "type": "object",
    "properties": {"greeting": {"type": "string", "description": "Said before the name. Default: Hello"}},
    "additionalProperties": False,
}
HELLO = {
    "type": "object",
    "properties": {"who": {"type": "string", "maxLength": 200}},
    "required": ["who"],
    "additionalProperties": False,
}
COUNT = {
    "type": "object",
    "properties": {
        "to": {"type": "integer", "minimum": 1, "maximum": 1000},
        "every_ms": {"type": "integer", "minimum": 10, "maximum": 60000},
    },
    "required": ["to"],
    "additionalProperties": False,
}

settings = {"greeting": "Hello"}


class Backend(exports.Backend):
    def describe(self):
        return types.PluginInfo("{{name}}", "0.1.0", "Greets, and counts", json.dumps(CONFIG), 500)

    @guarded
    async def init(self, config):
        given = json.loads(config)
        if not isinstance(given, dict) or not given.keys() <= settings.keys():
            raise Err(types.Error_InvalidInput(f"the configuration has these keys: {', '.join(settings)}"))
        if not all(isinstance(value, str) for value in given.values()):
            raise Err(types.Error_InvalidInput("a greeting is text"))
        settings.update(given)
        # A crash of the host may skip a `release`.
        for key in await storage.keys("run/", 1000):
            run = await load(key)
            if run and timers.now_ms() - run["at"] > DAY_MS:
                await storage.set(key, None)
        logging.log(logging.Level.INFO, "ready", [("greeting", settings["greeting"])])

    @guarded
    async def list_tasks(self):
        return [definition("hello", "Greets somebody", HELLO, 1), definition("count", "Counts aloud", COUNT, 10_000)]

    @guarded
    async def start(self, request):
        arguments = json.loads(request.arguments)
        if request.task == "hello":
            result = f"{settings['greeting']}, {arguments['who']}!"
        elif request.task == "count":
            result = {"counted": arguments["to"]}
        else:
            raise Err(types.Error_UnknownTask(request.task))
        run = {"at": timers.now_ms(), "arguments": arguments, "result": result}
        # The same id may come twice: the run that is there already stays as it is.
        await storage.compare_and_set("run/" + request.id, None, json.dumps(run).encode())
        return request.id

    @guarded
    async def observe(self, works):
        return [state(await load("run/" + work.handle), timers.now_ms()) for work in works]

    @guarded
    async def cancel(self, work, reason):
        run = await load("run/" + work.handle)
        if run is None:
            raise Err(types.Error_UnknownTask(work.handle))
        if isinstance(state(run, timers.now_ms()), types.Observation_Finished):
            return CancelAnswer.ALREADY_FINISHED
        run["cancelled"] = reason
        await storage.set("run/" + work.handle, json.dumps(run).encode())
        return CancelAnswer.ACCEPTED

    @guarded
    async def answer(self, work, key, response):
        pass  # Nothing is ever asked here, and answers to unknown questions are ignored.

    @guarded
    async def release(self, work):
        await storage.set("run/" + work.handle, None)


def definition(name, description, schema, estimate_ms):
    return types.TaskDefinition(
        name=name,
        title=None,
        description=description,
        input_schema=json.dumps(schema),
        output_schema=None,
        cancellable=True,
        idempotent=True,
        estimate_ms=estimate_ms,
        timeout_ms=None,
        strategy=None,
    )


async def load(key):
    text = await storage.get(key)
    return None if text is None else json.loads(text)


def state(run, now):
    """What has become of a run."""
    if run is None:
        return types.Observation_Unknown()
    if "cancelled" in run:
        return types.Observation_Finished(types.Outcome_Cancelled(run["cancelled"]))
    to = run["arguments"].get("to", 0)
    counted = (now - run["at"]) // run["arguments"].get("every_ms", 1000)
    if counted < to:
        return types.Observation_Running(types.Progress(float(counted), float(to), f"counted to {counted}", None))
    return types.Observation_Finished(types.Outcome_Completed(json.dumps(run["result"])))
