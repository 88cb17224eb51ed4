/**
 * Restarts children a hundred thousand times and prints by how many bytes the heap has grown since the first tenth of them: `restarts.ts
 * supervisor|dynamic sync|async`. Needs --expose-gc.
 */
import { type Child, DynamicSupervisor, type ExitReason, Supervisor } from "../../../src/index.ts";

const RESTARTS = 100_000;
const [kind, way] = process.argv.slice(2);

let restarts = -1;
let done = (): void => undefined;
const over = new Promise<void>((resolve) => {
  done = resolve;
});
let heapThen = 0;

function start(): Child {
  restarts += 1;
  let exit: (reason: ExitReason) => void = () => undefined;
  const exited = new Promise<ExitReason>((resolve) => {
    exit = resolve;
  });
  if (restarts === RESTARTS / 10) heapThen = heap();
  if (restarts === RESTARTS) done();
  else setImmediate(() => exit("boom"));
  return { exited, stop: async (reason = "normal") => exit(reason) };
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const spec = { id: "a", start: way === "async" ? async () => start() : start };
const options = { maxRestarts: 2 * RESTARTS, maxSeconds: 0.01, logger: { error: () => undefined } };
const supervisor = kind === "dynamic" ? DynamicSupervisor.start(options) : Supervisor.start([spec], options);
if (kind === "dynamic") await supervisor.startChild(spec);
await over;
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(heap() - heapThen);
await supervisor.stop();
