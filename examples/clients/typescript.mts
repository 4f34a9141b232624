// TypeScript: the official SDK with the tasks of 2025-11-25 that it has. Node runs this file as it is.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const begin = performance.now();
const say = (line: string) => console.log(`${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s  ${line}`);

const client = new Client({ name: "example", version: "1" }, { capabilities: { elicitation: {}, tasks: {} } });
client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  say(`asked: ${params.message}`);
  return { action: "accept", content: { text: "green" } };
});
await client.connect(new StreamableHTTPClientTransport(new URL(process.env.TASKHOST_URL!)));

/** Follows a call to its end. */
async function run(name: string, args: Record<string, unknown>): Promise<string> {
  const stream = client.experimental.tasks.callToolStream({ name, arguments: args }, CallToolResultSchema, { task: {} });
  for await (const message of stream) {
    if (message.type === "taskCreated") say(`started ${message.task.taskId}`);
    if (message.type === "taskStatus") say(`${message.task.status} ${message.task.statusMessage ?? ""}`);
    if (message.type === "error") throw message.error;
    if (message.type === "result") return JSON.stringify(message.result.structuredContent);
  }
  throw new Error("the stream ended without a result");
}

for (const [name, args, expected] of [
  ["count", { steps: 3, step_ms: 700 }, '{"counted":3}'],
  ["ask", { question: "which colour?" }, '{"text":"green"}'],
] as const) {
  const result = await run(name, args);
  say(`result ${result}`);
  if (result !== expected) throw new Error(`${result} is not ${expected}`);
}
await client.close();
