// The official TypeScript SDK 1.x, with the experimental tasks of 2025-11-25 that it has.

import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema, TaskStatusNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { ANSWER, ASKED, cell, counted, polling, server, stepsOf } from "./cells.mjs";

const at = server();
const client = new Client({ name: "typescript1", version: "1" }, { capabilities: { elicitation: {}, tasks: {} } });
const asked = [];
const told = [];
client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  asked.push(params);
  return { action: "accept", content: ANSWER };
});
client.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => void told.push(params));
await client.connect(at.url ? new StreamableHTTPClientTransport(at.url) : new StdioClientTransport(at));
const { tools } = await client.listTools();
const tasks = client.experimental.tasks;

async function call(name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, JSON.stringify(result));
  assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
  return result.structuredContent;
}

/** All that the stream says: `taskCreated`, `taskStatus`…, and `result` or `error` last. */
async function stream(name, args, onMessage = async () => {}) {
  const messages = [];
  for await (const message of tasks.callToolStream({ name, arguments: args }, CallToolResultSchema, { task: { ttl: 3_600_000 } })) {
    messages.push(message);
    await onMessage(message);
  }
  return messages;
}

await cell("tools", async (facts) => {
  await polling(call, Object.fromEntries(tools.map((tool) => [tool.name, tool.outputSchema])), facts);
});

await cell("native", async () => {
  assert.equal(tools.find((tool) => tool.name === "count").execution.taskSupport, "optional");
  const messages = await stream("count", { steps: 5, step_ms: 800 });
  assert.equal(messages[0].type, "taskCreated");
  stepsOf(messages.map((message) => message.task?.statusMessage));
  assert.equal(messages.at(-1).type, "result", JSON.stringify(messages.at(-1)));
  counted(messages.at(-1).result.structuredContent, 5);
});

await cell("cancel", async () => {
  let id;
  const messages = await stream("sleep", { ms: 600_000 }, async (message) => {
    if (message.type !== "taskCreated") return;
    id = message.task.taskId;
    assert.equal((await tasks.cancelTask(id)).status, "cancelled");
  });
  assert.equal(messages.at(-1).type, "error");
  assert.match(messages.at(-1).error.message, /cancelled/);
  await assert.rejects(tasks.cancelTask(id), { code: -32602 });
});

await cell("input", async () => {
  asked.length = 0;
  const messages = await stream("ask", ASKED);
  assert.equal(messages.at(-1).type, "result", JSON.stringify(messages.at(-1)));
  assert.deepEqual(messages.at(-1).result.structuredContent, ANSWER);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].message, ASKED.question);
  assert.equal(asked[0]._meta["io.modelcontextprotocol/related-task"].taskId, messages[0].task.taskId);
});

await cell("notifications", async (facts) => {
  told.length = 0;
  const messages = await stream("count", { steps: 6, step_ms: 700 });
  const id = messages[0].task.taskId;
  const mine = () => told.filter((task) => task.taskId === id);
  for (let i = 0; i < 100 && !mine().some((task) => task.status === "completed"); i++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  facts.states = mine().map((task) => [task.status, task.statusMessage]);
  assert.equal(mine().filter((task) => task.status === "completed").length, 1);
  stepsOf(mine().map((task) => task.statusMessage));
});

await cell("inline", async (facts) => {
  facts.progress = [];
  const onprogress = (progress) => void facts.progress.push(progress);
  const result = await client.callTool({ name: "count", arguments: { steps: 3, step_ms: 400 } }, CallToolResultSchema, { onprogress });
  counted(result.structuredContent, 3);
  assert.ok(facts.progress.length > 0);
  asked.length = 0;
  assert.deepEqual((await client.callTool({ name: "ask", arguments: ASKED })).structuredContent, ANSWER);
  assert.equal(asked.length, 1);
});

await client.close();
