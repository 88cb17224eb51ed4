/**
 * A linked supervisor that gives up, in the place that the argument says: `alone`, `below` another supervisor, or `told` to stop. What is
 * raised uncaught is printed.
 */
import { LinkedExitError, Supervisor, Task } from "../../../src/index.ts";

const [place] = process.argv.slice(2);
process.on("uncaughtException", (error) => console.log(error instanceof LinkedExitError ? error.message : error));

const logger = { error: () => undefined };
const failing = { ...Task.childSpec({ run: () => Promise.reject(new Error("boom")) }), restart: "permanent" } as const;
const idle = Task.childSpec({
  run: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
});
if (place === "alone") {
  await Supervisor.startLink([failing], { name: "app", logger }).exited;
} else if (place === "below") {
  const start = () => Supervisor.startLink([failing], { logger });
  await Supervisor.start([{ id: "below", start, type: "supervisor" }], { maxRestarts: 0, logger }).exited;
} else {
  await Supervisor.startLink([idle], { logger }).stop("shutdown");
}
await new Promise(setImmediate);
console.log("still here");
