// What a client script says to the test that runs it: one JSON line for each cell of the matrix.

import assert from "node:assert/strict";

export async function cell(name, act) {
  const facts = {};
  try {
    await act(facts);
    say({ cell: name, passed: true, facts });
  } catch (error) {
    say({ cell: name, failed: String(error?.stack ?? error), facts });
  }
}

export const notRun = (name, why) => say({ cell: name, not_run: why });

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** From the command line: `{ url }`, or the `{ command, args }` to start. */
export function server() {
  const [kind, ...rest] = process.argv.slice(2);
  return kind === "http" ? { url: new URL(rest[0]) } : { command: rest[0], args: rest.slice(1) };
}

// What is true for every client.

/** Through the tools of the polling strategy: one task ends, one is cancelled. */
export async function polling(call, outputSchemas, facts) {
  for (const action of ["start", "status", "result", "cancel"])
    assert.equal(typeof outputSchemas[`count_${action}`], "object", `count_${action} has an output schema`);
  let { token } = await call("count_start", { steps: 3, step_ms: 200 });
  let status = { status: "PENDING" };
  while (["PENDING", "RUNNING"].includes(status.status)) status = await call("count_status", { token, wait_seconds: 5 });
  assert.equal(status.status, "COMPLETED");
  assert.deepEqual((await call("count_result", { token })).result, { counted: 3 });
  // One that nobody is too slow to see on its way.
  ({ token } = await call("count_start", { steps: 1000, step_ms: 1000 }));
  while (!status.progress) {
    status = await call("count_status", { token, wait_seconds: 5 });
    assert.ok(["PENDING", "RUNNING"].includes(status.status), JSON.stringify(status));
  }
  facts.progress = status.progress;
  status = await call("count_cancel", { token });
  while (["PENDING", "RUNNING"].includes(status.status)) status = await call("count_status", { token, wait_seconds: 5 });
  assert.equal(status.status, "CANCELLED");
}

export const counted = (structured, steps) => assert.deepEqual(structured, { counted: steps });

/** Of a task that counts, what it said on its way. */
export function stepsOf(messages) {
  const seen = [...new Set(messages)].filter((message) => message?.includes("steps"));
  assert.ok(seen.length > 0, JSON.stringify(messages));
  return seen;
}

export const ASKED = {
  question: "which colour?",
  schema: { type: "object", properties: { colour: { type: "string" } }, required: ["colour"] },
};
export const ANSWER = { colour: "green" };
