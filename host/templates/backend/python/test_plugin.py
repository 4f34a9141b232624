"""python3 -m unittest"""

import json
import unittest

import stand_in
from stand_in import CancelAnswer, Err, Value

from plugin import Backend


class TheBackend(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        stand_in.stored.clear()
        self.backend = Backend()

    async def start(self, task, **arguments):
        request = Value(id="t1", task=task, arguments=json.dumps(arguments), deadline_ms=None, options="{}")
        return Value(id="t1", handle=await self.backend.start(request))

    async def observe(self, work):
        [observation] = await self.backend.observe([work])
        return observation

    async def test_greets_at_once(self):
        seen = await self.observe(await self.start("hello", who="World"))
        self.assertEqual(json.loads(seen.value.value), "Hello, World!")

    async def test_counts_and_survives_its_instance(self):
        work = await self.start("count", to=10)
        stand_in.now_ms += 4_000
        self.backend = Backend()
        self.assertEqual((await self.observe(work)).value.values[:2], (4.0, 10.0))
        stand_in.now_ms += 6_000
        self.assertEqual(json.loads((await self.observe(work)).value.value), {"counted": 10})

    async def test_starts_an_id_once(self):
        work = await self.start("count", to=10)
        stand_in.now_ms += 4_000
        self.assertEqual((await self.start("count", to=10)).handle, work.handle)
        self.assertEqual((await self.observe(work)).value.values[0], 4.0)

    async def test_stops_when_asked(self):
        work = await self.start("count", to=10)
        self.assertEqual(await self.backend.cancel(work, "enough"), CancelAnswer.ACCEPTED)
        self.assertEqual((await self.observe(work)).value.value, "enough")
        self.assertEqual(await self.backend.cancel(work, None), CancelAnswer.ALREADY_FINISHED)

    async def test_forgets_what_is_released(self):
        work = await self.start("hello", who="World")
        await self.backend.release(work)
        self.assertEqual(type(await self.observe(work)).__name__, "Observation_Unknown")

    async def test_a_mistake_is_an_error_of_that_call(self):
        work = await self.start("count", to="ten")
        with self.assertRaises(Err) as caught:
            await self.observe(work)
        self.assertEqual(type(caught.exception.value).__name__, "Error_Internal")
        with self.assertRaises(Err) as caught:
            await self.start("dance")
        self.assertEqual(type(caught.exception.value).__name__, "Error_UnknownTask")


if __name__ == "__main__":
    unittest.main()
