// The official TypeScript SDK 2.x on protocol 2026-07-28, with the tasks of `ext-tasks`.

import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createApplicationInputHandler, createTaskSessionFromClient, resultFromTaskOutcome, taskViewFromExecutionEvent } from "@modelcontextprotocol/ext-tasks/client";
import { ANSWER, ASKED, cell, counted, notRun, polling, server, stepsOf } from "./cells.mjs";

const at = server();
const clientInfo = { name: "typescript2", version: "1" };
const capabilities = { elicitation: {} };
const transport = at.url ? new StreamableHTTPClientTransport(at.url) : new StdioClientTransport(at);
const client = new Client(clientInfo, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
const asked = [];
client.setRequestHandler("elicitation/create", ({ params }) => {
  asked.push(params);
  return { action: "accept", content: ANSWER };
});
await client.connect(transport);
const { tools } = await client.listTools();

// The SDK knows no result that is a task: such requests go past it, by ids of their own.
const waiting = new Map();
const receive = transport.onmessage;
transport.onmessage = (message, extra) => {
  const settle = waiting.get(message.id);
  if (settle === undefined || message.method !== undefined) return receive(message, extra);
  waiting.delete(message.id);
  settle(message.error ? { kind: "error", error: message.error } : { kind: "result", result: message.result });
};
function rawDispatch(request) {
  return new Promise((resolve, reject) => {
    const id = `raw-${rawDispatch.last++}`;
    waiting.set(id, resolve);
    const { name, taskId } = request.params ?? {};
    const headers = { "mcp-method": request.method, ...((name ?? taskId) && { "mcp-name": name ?? taskId }) };
    transport.send({ jsonrpc: "2.0", id, ...request }, { headers }).catch(reject);
  });
}
rawDispatch.last = 1;

const session = createTaskSessionFromClient(client, {
  endpointId: "taskhost",
  rawDispatch,
  v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo, clientCapabilities: capabilities },
  onInputRequest: createApplicationInputHandler({
    elicitation: ({ params }) => {
      asked.push(params);
      return { action: "accept", content: ANSWER };
    },
  }),
});

async function call(name, args) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, JSON.stringify(result));
  assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
  return result.structuredContent;
}

await cell("tools", async (facts) => {
  facts.protocol = client.getNegotiatedProtocolVersion();
  assert.equal(facts.protocol, "2026-07-28");
  await polling(call, Object.fromEntries(tools.map((tool) => [tool.name, tool.outputSchema])), facts);
});

await cell("native", async () => {
  const execution = await session.callTool("count", { steps: 5, step_ms: 800 });
  assert.equal(execution.kind, "task");
  const seen = [];
  const onEvent = (event) => void seen.push(taskViewFromExecutionEvent(event)?.statusMessage);
  const { outcome } = await execution.settle({ onEvent });
  counted(resultFromTaskOutcome(outcome).structuredContent, 5);
  stepsOf(seen);
});

await cell("cancel", async () => {
  const execution = await session.callTool("sleep", { ms: 600_000 });
  await execution.cancel();
  assert.equal((await execution.result()).status, "cancelled");
});

await cell("input", async () => {
  asked.length = 0;
  const execution = await session.callTool("ask", ASKED);
  const { outcome } = await execution.settle();
  assert.deepEqual(resultFromTaskOutcome(outcome).structuredContent, ANSWER);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].message, ASKED.question);
});

notRun("notifications", "the SDK opens no subscription to tasks, and ext-tasks only listens on one that is open");

await cell("inline", async (facts) => {
  // Past the session, the client declares no tasks.
  facts.progress = [];
  const onprogress = (progress) => void facts.progress.push(progress);
  const result = await client.callTool({ name: "count", arguments: { steps: 3, step_ms: 400 } }, { onprogress });
  counted(result.structuredContent, 3);
  assert.ok(facts.progress.length > 0);
  asked.length = 0;
  assert.deepEqual((await client.callTool({ name: "ask", arguments: ASKED })).structuredContent, ANSWER);
  assert.equal(asked.length, 1);
});

await session.close();
await client.close();
