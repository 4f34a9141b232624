// The command line of the MCP Inspector, in both eras. Each line below is a process of its own: the connection is
// kept by the Inspector's daemon.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANSWER, ASKED, cell, counted, notRun, polling, server } from "./cells.mjs";

const at = server();
const [mcpdo, era] = [process.env.MCPDO, process.env.ERA];
// Nothing of the user's, and no daemon of anybody else's.
const home = await mkdtemp(join(tmpdir(), "mcpdo-"));
const env = { ...process.env, HOME: home, MCP_INSPECTOR_DAEMON_DIR: join(home, "daemon"), MCP_INSPECTOR_DAEMON_TOKEN: "only-for-this-test-0123456789abcdef", MCP_INSPECTOR_SECRET_STORE: "memory" };

function run(...args) {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [mcpdo, "--format", "json", ...args], { env, maxBuffer: 1 << 24, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`mcpdo ${args.join(" ")}: ${error.message}\n${stdout}\n${stderr}`));
      try {
        resolve(JSON.parse(stdout));
      } catch {
        reject(new Error(`mcpdo ${args.join(" ")}: no JSON: ${stdout}\n${stderr}`));
      }
    });
    child.stdin.end();
  });
}

const on = (command, ...args) => run("--connection", "taskhost", command, ...args);
const pairs = (args) => Object.entries(args).map(([name, value]) => `${name}:=${JSON.stringify(value)}`);

async function call(name, args) {
  const result = await on("tools/call", name, ...pairs(args));
  assert.ok(!result.isError, JSON.stringify(result));
  return (result.result ?? result).structuredContent;
}

try {
  const target = at.url ? [at.url.href] : ["--", at.command, ...at.args];
  await run("connect", "--connection", "taskhost", "--era", era, ...target);

  await cell("tools", async (facts) => {
    const { tools } = await on("tools/list");
    await polling(call, Object.fromEntries(tools.map((tool) => [tool.name, tool.outputSchema])), facts);
  });

  await cell("native", async (facts) => {
    facts.answer = await on("tools/call", "--task", "count", ...pairs({ steps: 3, step_ms: 300 }));
    counted((facts.answer.result ?? facts.answer).structuredContent, 3);
  });

  if (era === "legacy") {
    notRun("input", "ext-tasks asks for the status until the task is over, and never for its questions");
  } else {
    await cell("input", async (facts) => {
      facts.pending = await on("tools/call", "--task", "ask", ...pairs(ASKED));
      const { elicitationId } = facts.pending.elicitationPending;
      facts.answer = await run("elicitation/respond", elicitationId, ...pairs(ANSWER));
      assert.deepEqual((facts.answer.result ?? facts.answer).structuredContent, ANSWER);
    });
  }

  notRun("cancel", "the command waits for the task, and the connection takes no other command meanwhile");
  notRun("notifications", "the command prints the end, and not what led to it");
  notRun("inline", "the Inspector declares tasks with every call");
} finally {
  await run("daemon", "stop").catch(() => {});
  await rm(home, { recursive: true, force: true });
}
