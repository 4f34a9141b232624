// A backend for an HTTP job server: each task is a job there.
//
// Nothing is kept here. The server knows the jobs, and the id of the task is its idempotency key, so a start
// that is repeated gets the same job. The handle is the job's id: after any restart it is all that is needed.

import secrets from "taskhost:plugin/secrets@0.1.1";

import { guarded } from "./guard.js";
import { request } from "./http-client.js";

const CONFIG = {
  type: "object",
  properties: { url: { type: "string", format: "uri", description: "Where the job server is" } },
  required: ["url"],
  additionalProperties: false,
};
const RENDER = {
  type: "object",
  properties: {
    film: { type: "string", description: "Which film" },
    seconds: { type: "number", minimum: 0, description: "How long it takes. Default: 3" },
  },
  required: ["film"],
  additionalProperties: false,
};

let url;

export const backend = {
  describe: () => ({
    name: "jobs-js",
    version: "0.1.0",
    description: "Runs films on an HTTP job server",
    configSchema: JSON.stringify(CONFIG),
    observeEveryMs: 250,
  }),

  init: guarded(async (config) => {
    const given = JSON.parse(config);
    if (typeof given?.url !== "string") throw { tag: "invalid-input", val: "`url` says where the job server is" };
    url = given.url.replace(/\/$/, "");
  }),

  listTasks: guarded(async () => [
    {
      name: "render",
      title: "Render a film",
      description: "Renders a film on the job server",
      inputSchema: JSON.stringify(RENDER),
      outputSchema: null,
      cancellable: true,
      idempotent: true,
      estimateMs: 3000,
      timeoutMs: null,
      strategy: null,
    },
  ]),

  start: guarded(async (wanted) => {
    if (wanted.task !== "render") throw { tag: "unknown-task", val: wanted.task };
    const [, job] = await ask("POST", "/jobs", wanted.arguments, { "idempotency-key": wanted.id });
    return job.id;
  }),

  observe: guarded(async (works) => Promise.all(works.map(look))),

  cancel: guarded(async (work, reason) => {
    const [status, job] = await ask("DELETE", `/jobs/${work.handle}`);
    if (status === 404) throw { tag: "unknown-task", val: work.handle };
    return job.state === "cancelled" ? "accepted" : "already-finished";
  }),

  // Jobs ask nothing.
  answer: guarded(async (work, key, response) => {}),

  // The server forgets jobs by itself.
  release: guarded(async (work) => {}),
};

async function look(work) {
  const [status, job] = await ask("GET", `/jobs/${work.handle}`);
  if (status === 404) return { tag: "unknown" };
  switch (job.state) {
    case "running":
      return { tag: "running", val: { current: job.progress, total: 1, message: null, detail: null } };
    case "done":
      return finished("completed", JSON.stringify(job.result));
    case "cancelled":
      return finished("cancelled", null);
    default:
      return finished("failed", { code: "job", message: job.error, retryable: false, system: false, detail: null });
  }
}

const finished = (tag, val) => ({ tag: "finished", val: { tag, val } });

/// Status and JSON of the server's answer, which is 2xx or 404: anything else is an error.
async function ask(method, path, body = "", more = {}) {
  const token = secrets.get("JOBS_TOKEN") ?? "";
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...more };
  const [status, said] = await request(method, url + path, headers, body);
  if ([200, 201, 404].includes(status)) return [status, JSON.parse(said)];
  const words = `the job server has answered ${status}: ${said.slice(0, 200)}`;
  throw status === 422 ? { tag: "invalid-input", val: words } : { tag: "unavailable", val: [words, null] };
}
