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
  const { token } = await call("count_start", { steps: 4, step_ms: 500 });
  facts.progress = [];
  let status = { status: "PENDING" };
  while (["PENDING", "RUNNING"].includes(status.status)) {
    status = await call("count_status", { token, wait_seconds: 5 });
    facts.progress.push(status.progress ?? null);
  }
  assert.equal(status.status, "COMPLETED");
  assert.ok(facts.progress.some((share) => typeof share === "number"), "there was progress");
  assert.deepEqual((await call("count_result", { token })).result, { counted: 4 });
  const long = await call("sleep_start", { ms: 600_000 });
  status = await call("sleep_cancel", { token: long.token });
  while (["PENDING", "RUNNING"].includes(status.status))
    status = await call("sleep_status", { token: long.token, wait_seconds: 5 });
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
