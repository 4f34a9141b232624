"""Tells taskhost what each Celery task takes, from the type hints and the docstring it has already.

Drop this file beside your application and add two lines where `app` is made:

    from taskhost_schema import schema_of
    app.Task.mcp = property(schema_of)

Understands all that pydantic does where pydantic is installed, and JSON's own types where it is not.
A task that says otherwise, `@app.task(mcp='{"type": "object", ...}')`, is taken at its word.
`@app.task(mcp_strategy="blocking")` names the one configured strategy that shows the task.
"""

import functools
import inspect
import json

try:
    from pydantic import TypeAdapter
except ImportError:
    TypeAdapter = None

JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}


@functools.cache
def schema_of(task) -> str:
    """JSON Schema of the task's arguments; its `title` and `description` are the tool's too."""
    try:
        schema = TypeAdapter(task.run).json_schema() if TypeAdapter else plain_schema(task.run)
        assert schema["type"] == "object"
    except Exception:  # Hints that JSON cannot express must never be the worker's problem.
        schema = {"type": "object"}
    schema["title"] = task.name.rpartition(".")[2].replace("_", " ").capitalize()
    if task.run.__doc__:
        schema["description"] = inspect.cleandoc(task.run.__doc__)
    if strategy := getattr(task, "mcp_strategy", None):
        schema["strategy"] = strategy
    return json.dumps(schema)


def plain_schema(run) -> dict:
    named = [p for p in inspect.signature(run, eval_str=True).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    kinds = {p.name: JSON_TYPES.get(getattr(p.annotation, "__origin__", p.annotation)) for p in named}
    return {
        "type": "object",
        "properties": {name: {"type": kind} if kind else {} for name, kind in kinds.items()},
        "required": [p.name for p in named if p.default is p.empty],
    }
