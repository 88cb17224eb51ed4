/** A connection that is idle: nothing is open and nothing is timed, so the process exits by itself. */
import { Fresh, ignore } from "../../../src/index.ts";

const connection = Fresh.start(
  "ws://127.0.0.1:9/",
  { handleError: () => ignore(null), handleTerminate: () => console.log("never called") },
  null,
  { infoLogging: false, errorLogging: false },
);
process.on("exit", () => console.log(connection.status));
