// node --test

import assert from "node:assert/strict";
import test from "node:test";

import { observed } from "./stand-in.mjs";

const { backend } = await import("./plugin.js");

let now = 1_000_000;
Date.now = () => now;
let last = 0;

// As the host makes them: they say when, in base 32.
const newId = () => "t" + (now * 4).toString(32).padStart(10, "0") + ++last;

async function start(task, given, id = newId()) {
  const request = { id, task, arguments: JSON.stringify(given), deadlineMs: null, options: "{}" };
  return { id, handle: await backend.start(request) };
}

const observe = async (work) => (await backend.observe([work]))[0];

test("greets at once", async () => {
  const seen = await observe(await start("hello", { who: "World" }));
  assert.equal(JSON.parse(seen.val.val), "Hello, World!");
});

test("counts and survives its instance", async () => {
  const work = await start("count", { to: 10 });
  now += 4_000;
  const { backend: another } = await import("./plugin.js?another");
  assert.equal((await another.observe([work]))[0].val.current, 4);
  now += 6_000;
  assert.deepEqual(JSON.parse((await observe(work)).val.val), { counted: 10 });
});

test("starts an id once", async () => {
  const work = await start("count", { to: 10 });
  now += 4_000;
  const again = await start("count", { to: 10 }, work.id);
  assert.equal(again.handle, work.handle);
  assert.equal((await observe(again)).val.current, 4);
});

test("stops when asked, and says so at once", async () => {
  const work = await start("count", { to: 10 });
  assert.equal(await backend.cancel(work, "enough"), "accepted");
  const [id, seen] = observed.at(-1);
  assert.equal(id, work.id);
  assert.deepEqual(seen.val, { tag: "cancelled", val: "enough" });
  assert.equal(await backend.cancel(work, null), "already-finished");
});

test("does not know what it did not begin", async () => {
  assert.equal((await observe({ id: newId(), handle: "rubbish" })).tag, "unknown");
});

test("a mistake is an error of that call", async () => {
  await assert.rejects(start("dance", {}), { tag: "unknown-task" });
  await assert.rejects(backend.init("no JSON"), { tag: "internal" });
});
