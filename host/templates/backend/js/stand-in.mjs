// Stands in for the host, so that tests run in Node: import it before the component.

import { register } from "node:module";

export const logged = [];
export const observed = [];

globalThis.standIn = {
  "taskhost:plugin/logging@0.1.1": { log: (...line) => logged.push(line) },
  "taskhost:plugin/events@0.1.1": {
    observed: (id, observation) => observed.push([id, observation]),
    output: () => {},
    catalogChanged: () => {},
  },
  "taskhost:plugin/secrets@0.1.1": { get: () => undefined },
};

const hooks = `
  export const resolve = (name, context, next) =>
    /^(taskhost|wasi):/.test(name) ? { url: "stand-in:" + name, shortCircuit: true } : next(name, context);
  export const load = (url, context, next) =>
    url.startsWith("stand-in:")
      ? { format: "module", shortCircuit: true, source: "export default standIn[" + JSON.stringify(url.slice(9)) + "]" }
      : next(url, context);
`;
register("data:text/javascript," + encodeURIComponent(hooks));
