// The backend `{{name}}`: one task that is over at once, and one that takes its time.
//
// An instance may end at any moment, and the next one goes on in its place. So nothing that matters is
// kept in variables. JavaScript has no `storage` here, but the host keeps the handle of each run for us
// and gives it back: what a run is stands in its handle, when it began in its id, and how far it is
// follows from these and the time.

import events from "taskhost:plugin/events@0.1.1";
import logging from "taskhost:plugin/logging@0.1.1";

import { guarded } from "./guard.js";

const CONFIG = {
  type: "object",
  properties: { greeting: { type: "string", maxLength: 100, description: "Said before the name. Default: Hello" } },
  additionalProperties: false,
};
const HELLO = {
  type: "object",
  properties: { who: { type: "string", maxLength: 100 } },
  required: ["who"],
  additionalProperties: false,
};
const COUNT = {
  type: "object",
  properties: {
    to: { type: "integer", minimum: 1, maximum: 1000 },
    every_ms: { type: "integer", minimum: 10, maximum: 60000 },
  },
  required: ["to"],
  additionalProperties: false,
};

const settings = { greeting: "Hello" };
// What this instance knows besides: it is not missed when it is gone.
const cancelled = new Map();

export const backend = {
  describe: () => ({
    name: "{{name}}",
    version: "0.1.0",
    description: "Greets, and counts",
    configSchema: JSON.stringify(CONFIG),
    observeEveryMs: 500,
  }),

  init: guarded(async (config) => {
    const given = JSON.parse(config);
    const unknown = Object.keys(given).filter((key) => !(key in settings));
    if (unknown.length > 0) throw { tag: "invalid-input", val: `there is no key ${unknown.join(", ")}` };
    if (typeof (given.greeting ?? "") !== "string") throw { tag: "invalid-input", val: "a greeting is text" };
    Object.assign(settings, given);
    logging.log("info", "ready", [["greeting", settings.greeting]]);
  }),

  listTasks: guarded(async () => [
    definition("hello", "Greets somebody", HELLO, 1),
    definition("count", "Counts aloud", COUNT, 10_000),
  ]),

  start: guarded(async ({ task, arguments: text }) => {
    if (!["hello", "count"].includes(task)) throw { tag: "unknown-task", val: task };
    const { who, to, every_ms } = JSON.parse(text);
    // The same request may come twice, also to another instance: nothing but what is in it makes the handle.
    return JSON.stringify({ task, who, to, every_ms });
  }),

  observe: guarded(async (works) => works.map((work) => state(work, Date.now()))),

  cancel: guarded(async (work, reason) => {
    const seen = state(work, Date.now());
    if (seen.tag === "unknown") throw { tag: "unknown-task", val: work.handle };
    if (seen.tag === "finished") return "already-finished";
    cancelled.set(work.id, reason);
    // Said at once: after a restart nobody here would remember it.
    events.observed(work.id, state(work, Date.now()));
    return "accepted";
  }),

  // Nothing is ever asked here, and answers to unknown questions are ignored.
  answer: guarded(async (work, key, response) => {}),

  release: guarded(async (work) => {
    cancelled.delete(work.id);
  }),
};

const definition = (name, description, schema, estimateMs) => ({
  name,
  title: null,
  description,
  inputSchema: JSON.stringify(schema),
  outputSchema: null,
  cancellable: true,
  idempotent: true,
  estimateMs,
  timeoutMs: null,
  strategy: null,
});

// What has become of a run.
function state({ id, handle }, now) {
  const run = parsed(handle);
  if (run === null) return { tag: "unknown" };
  if (cancelled.has(id)) return finished("cancelled", cancelled.get(id));
  if (run.task === "hello") return finished("completed", JSON.stringify(`${settings.greeting}, ${run.who}!`));
  const counted = Math.floor((now - began(id)) / (run.every_ms ?? 1000));
  if (counted < run.to) {
    const progress = { current: counted, total: run.to, message: `counted to ${counted}`, detail: null };
    return { tag: "running", val: progress };
  }
  return finished("completed", JSON.stringify({ counted: run.to }));
}

const finished = (tag, val) => ({ tag: "finished", val: { tag, val } });

// When the host took the task, as `task-id` of wit/deps/taskhost-plugin/types.wit says.
const began = (id) => Math.floor(parseInt(id.slice(1, 11), 32) / 4);

function parsed(handle) {
  try {
    const run = JSON.parse(handle);
    return typeof run?.task === "string" ? run : null;
  } catch {
    return null;
  }
}
