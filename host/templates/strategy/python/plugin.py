"""The strategy `{{name}}`: how tasks look to a client.

`TASK` starts the work and waits a few seconds for it, so that short work is answered at once. Longer work
is answered with an id, and `TASK_check` goes on waiting, answers what the task asks, or stops it. A strategy
keeps nothing: all that is known of a task is asked of the host, by the `call` that comes with each request.
"""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import strategy
from wit_world.exports.strategy import TaskSupport
from wit_world.imports import tasks, timers, types

from guard import guarded

CONFIG = {
    "type": "object",
    "properties": {
        "wait_seconds": {
            "type": "integer",
            "minimum": 0,
            "maximum": 50,
            "description": "How long a tool waits for the work. Default: 10",
        }
    },
    "additionalProperties": False,
}
CHECK = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "answers": {"type": "object", "description": "Answers to its questions, by key"},
        "stop": {"type": "boolean", "description": "Stop the work"},
    },
    "required": ["id"],
    "additionalProperties": False,
}

settings = {"wait_seconds": 10}


class Strategy(exports.Strategy):
    def describe(self):
        return types.PluginInfo("{{name}}", "0.1.0", "Tools that wait a while", json.dumps(CONFIG), None)

    @guarded
    async def init(self, config):
        given = json.loads(config)
        if not isinstance(given, dict) or not given.keys() <= settings.keys():
            raise Err(types.Error_InvalidInput(f"the configuration has these keys: {', '.join(settings)}"))
        settings.update(given)

    @guarded
    async def list_tools(self, catalog):
        return [tool for task in catalog for tool in tools(task)]

    @guarded
    async def call_tool(self, call, caller, route, arguments):
        action, _, task = route.partition(" ")
        with call:
            if action == "start":
                snapshot = await call.start(task, arguments, tasks.StartOptions(None, None, None, None, False))
            elif action == "check":
                given = json.loads(arguments)
                for key, answer in given.get("answers", {}).items():
                    await call.answer(given["id"], key, types.Response_Accepted(json.dumps(answer)))
                if given.get("stop"):
                    snapshot = await call.cancel(given["id"], "the client asked")
                else:
                    snapshot = await call.get(given["id"])
            else:
                raise Err(types.Error_UnknownTask(route))
            snapshot = await settled(call, snapshot)
            now = snapshot.observation
            if isinstance(now, types.Observation_Finished):
                return strategy.Reply_Answer(await call.result(snapshot.id))
            answer = {"id": snapshot.id, "next": f"call {task}_check with this id"}
            if isinstance(now, types.Observation_InputRequired):
                answer["questions"] = [shown(question) for question in now.value]
                answer["next"] += " and `answers`, by key"
            else:
                answer["running"] = True
            content = [{"type": "text", "text": json.dumps(answer)}]
            return strategy.Reply_Answer(json.dumps({"content": content, "structuredContent": answer}))

    @guarded
    async def list_resources(self):
        return []

    @guarded
    async def list_resource_templates(self):
        return []

    @guarded
    async def read_resource(self, call, uri):
        raise Err(types.Error_UnknownTask(uri))

    @guarded
    async def list_prompts(self):
        return []

    @guarded
    async def get_prompt(self, call, caller, name, arguments):
        raise Err(types.Error_Unsupported("there are no prompts here"))

    @guarded
    async def complete(self, call, reference, argument, value):
        return []


def tools(task):
    what = task.description or task.name
    started = f"{what}. Answers with the result, or with an id when it takes long."
    checked = f"Waits for `{task.name}` by the id that it gave, and answers what it asks."
    yield tool(task.name, f"start {task.name}", started, task.input_schema)
    yield tool(f"{task.name}_check", f"check {task.name}", checked, json.dumps(CHECK))


def tool(name, route, description, schema):
    return strategy.Tool(
        name=name,
        route=route,
        title=None,
        description=description,
        input_schema=schema,
        output_schema=None,
        annotations=None,
        meta=None,
        task_support=TaskSupport.FORBIDDEN,
    )


async def settled(call, snapshot):
    """The snapshot when the task is over or asks something, or when the time is over."""
    end_ms = timers.now_ms() + settings["wait_seconds"] * 1000
    # Each change of the task ends a wait, progress too.
    while not rests(snapshot.observation) and (left_ms := end_ms - timers.now_ms()) > 0:
        snapshot = await call.wait(snapshot.id, snapshot.revision, left_ms)
    return snapshot


def rests(now):
    """Nothing will happen unless the client does something."""
    return isinstance(now, (types.Observation_Finished, types.Observation_InputRequired))


def shown(question):
    return {"key": question.key, "message": question.message, "schema": json.loads(question.schema)}
