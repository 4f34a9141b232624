"""Stands in for the host, so that tests run in any Python: import it before the component.

It makes the modules that the build makes of the interface. A type is whatever is asked for; what the
host does is here as far as the tests want it. Whatever else the component imports is to be added here.
"""

import enum
import sys
from types import ModuleType

stored = {}
logged = []
observed = []
secret = {}
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


class CancelAnswer(enum.Enum):
    ACCEPTED, ALREADY_FINISHED, NOT_DELIVERED, UNSUPPORTED = range(4)


async def get(key):
    return stored.get(key)


async def set_value(key, value):
    if value is None:
        stored.pop(key, None)
    else:
        stored[key] = value


async def compare_and_set(key, expected, value):
    fits = stored.get(key) == expected
    if fits:
        await set_value(key, value)
    return fits


async def keys(prefix, limit):
    return sorted(key for key in stored if key.startswith(prefix))[:limit]


def module(name, **contents):
    made = ModuleType(name)
    made.__dict__.update(contents)
    sys.modules[name] = made
    return made


types = sys.modules["wit_world.imports.types"] = Types("wit_world.imports.types")
logging = module("wit_world.imports.logging", Level=Level, log=lambda *line: logged.append(line))
storage = module("wit_world.imports.storage", get=get, set=set_value, compare_and_set=compare_and_set, keys=keys)
timers = module("wit_world.imports.timers", now_ms=lambda: now_ms)
secrets = module("wit_world.imports.secrets", get=secret.get)
events = module("wit_world.imports.events", observed=lambda *what: observed.append(what))
imports = module("wit_world.imports", types=types, logging=logging, storage=storage, timers=timers)
imports.secrets, imports.events = secrets, events
backend = module("wit_world.exports.backend", CancelAnswer=CancelAnswer)
exports = module("wit_world.exports", Backend=object, backend=backend)
module("wit_world", imports=imports, exports=exports)
module("componentize_py_types", Err=Err)
