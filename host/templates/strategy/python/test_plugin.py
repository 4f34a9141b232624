"""python3 -m unittest"""

import json
import unittest

import stand_in
from stand_in import Call, Err, Value

from plugin import Strategy

COUNT = Value(name="count", description="Counts", input_schema='{"type":"object"}')


class TheStrategy(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.strategy = Strategy()

    async def call(self, call, route, **arguments):
        reply = await self.strategy.call_tool(call, Value(), route, json.dumps(arguments))
        self.assertEqual(type(reply).__name__, "Reply_Answer")
        return json.loads(reply.value)

    async def test_has_two_tools_for_each_task(self):
        tools = await self.strategy.list_tools([COUNT])
        self.assertEqual([tool.name for tool in tools], ["count", "count_check"])

    async def test_short_work_is_answered_at_once(self):
        answer = await self.call(Call(ends_after=2), "start count", to=3)
        self.assertEqual(answer["content"][0]["text"], "done")

    async def test_long_work_is_answered_with_an_id_and_waited_for_again(self):
        call = Call(ends_after=15)
        answer = await self.call(call, "start count", to=3)
        self.assertTrue(answer["structuredContent"]["running"])
        answer = await self.call(call, "check count", id=answer["structuredContent"]["id"])
        self.assertEqual(answer["content"][0]["text"], "done")

    async def test_work_is_stopped_when_asked(self):
        call = Call(ends_after=100)
        await self.call(call, "start count", to=3)
        await self.call(call, "check count", id=call.id, stop=True)
        self.assertEqual(call.cancelled, "the client asked")

    async def test_a_question_is_passed_on_and_its_answer_too(self):
        call = Call(ends_after=2, question=Value(key="name", message="Who is it for?", schema='{"type":"string"}'))
        answer = await self.call(call, "start count", to=3)
        self.assertEqual(answer["structuredContent"]["questions"][0]["message"], "Who is it for?")
        answer = await self.call(call, "check count", id=call.id, answers={"name": "Ada"})
        self.assertEqual(call.answers, {"name": '"Ada"'})
        self.assertEqual(answer["content"][0]["text"], "done")

    async def test_a_mistake_is_an_error_of_that_call(self):
        for route, error in [("nonsense", "Error_UnknownTask"), ("check count", "Error_Internal")]:
            with self.assertRaises(Err) as caught:
                await self.call(Call(ends_after=1), route)
            self.assertEqual(type(caught.exception.value).__name__, error)


if __name__ == "__main__":
    unittest.main()
