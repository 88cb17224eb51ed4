/**
 * Connections, linked or not, that end in the given ways one after the other: `linked.ts URI start|startLink [trap] END…`.
 * With `trap` the uncaught errors are printed, instead of ending the process.
 */
import { type ExitReason, Fresh, LinkedExitError, stop } from "../../../src/index.ts";

const [uri = "", start, ...ends] = process.argv.slice(2);

const REASONS: Readonly<Record<string, ExitReason>> = {
  "{shutdown}": { shutdown: "for now" },
  "{error}": { error: "unknown" },
};

if (ends[0] === "trap") {
  ends.shift();
  process.on("uncaughtException", (error) => {
    const { reason } = error as LinkedExitError;
    const shown = typeof reason === "string" ? reason : JSON.stringify(reason);
    console.log(`${error instanceof LinkedExitError ? "LinkedExitError" : "another error"} ${shown}`);
  });
}

for (const end of ends) {
  const Linked = Fresh.define<null>("Linked", {
    handleInfo: () => {
      throw new Error("thrown");
    },
    handleDisconnect: () => stop(REASONS[end] ?? end),
  });
  const args = { uri, state: null, options: { infoLogging: false } };
  const connection = start === "startLink" ? Linked.startLink(args) : Linked.start(args);
  await connection.opened();
  if (end === "throw") connection.info("throw");
  else connection.close();
  await connection.exited;
  // Whatever is to be raised has been raised by the next turn.
  await new Promise(setImmediate);
}
console.log("still here");
