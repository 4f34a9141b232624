"""Stands in for the host, so that tests run in any Python: import it before the component.

It makes the modules that the build makes of the interface. A type is whatever is asked for; what the
host does is here as far as the tests want it.
"""

import enum
import sys
from types import ModuleType

logged = []
now_ms = 1_000_000


class Err(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value


class Types(ModuleType):
    """Has a class of every name, which keeps what it is given."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Value,), {})
        setattr(self, name, made)
        return made


class Value:
    def __init__(self, *values, **fields):
        self.value = values[0] if values else None
        self.values = values
        self.__dict__.update(fields)

    def __repr__(self):
        return f"{type(self).__name__}{self.__dict__}"


class Level(enum.Enum):
    TRACE, DEBUG, INFO, WARN, ERROR = range(5)


class TaskSupport(enum.Enum):
    FORBIDDEN, OPTIONAL, REQUIRED = range(3)


class Call:
    """A call on behalf of a client, who may have one task, which ends after so many looks at it.

    Before that it asks `question`, where there is one.
    """

    def __init__(self, ends_after, question=None):
        self.id = "t1"
        self.left = ends_after
        self.question = question
        self.answers = {}
        self.cancelled = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    async def start(self, task, arguments, options):
        return await self.get(self.id)

    async def get(self, id):
        if self.left <= 0 or self.cancelled:
            observation = types.Observation_Finished()
        elif self.question and self.question.key not in self.answers:
            observation = types.Observation_InputRequired([self.question])
        else:
            observation = types.Observation_Running()
        return Value(id=id, revision=self.left, observation=observation)

    async def wait(self, id, since, timeout_ms):
        global now_ms
        now_ms += 1000
        self.left -= 1
        return await self.get(id)

    async def answer(self, id, key, response):
        self.answers[key] = response.value

    async def cancel(self, id, reason):
        self.cancelled = reason
        return await self.get(id)

    async def result(self, id):
        return '{"content":[{"type":"text","text":"done"}]}'


def module(name, **contents):
    made = ModuleType(name)
    made.__dict__.update(contents)
    sys.modules[name] = made
    return made


types = sys.modules["wit_world.imports.types"] = Types("wit_world.imports.types")
logging = module("wit_world.imports.logging", Level=Level, log=lambda *line: logged.append(line))
tasks = module("wit_world.imports.tasks", StartOptions=Value)
timers = module("wit_world.imports.timers", now_ms=lambda: now_ms)
imports = module("wit_world.imports", types=types, logging=logging, tasks=tasks, timers=timers)
strategy = sys.modules["wit_world.exports.strategy"] = Types("wit_world.exports.strategy")
strategy.TaskSupport = TaskSupport
exports = module("wit_world.exports", Strategy=object, strategy=strategy)
module("wit_world", imports=imports, exports=exports)
module("componentize_py_types", Err=Err)
