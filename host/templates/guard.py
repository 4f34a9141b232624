"""Keeps an exception from ending the instance, and all that runs in it."""

import functools
import traceback

from componentize_py_types import Err
from wit_world.imports import logging, types


def guarded(function):
    """An exception becomes the error `internal` of this one call. `raise Err(…)` stays what it is."""

    @functools.wraps(function)
    async def call(*arguments):
        try:
            return await function(*arguments)
        except Err:
            raise
        except Exception as error:
            logging.log(logging.Level.ERROR, repr(error), [("traceback", traceback.format_exc())])
            raise Err(types.Error_Internal(repr(error))) from error

    return call
