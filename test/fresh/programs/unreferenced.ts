/** A connection with `ref: false` (or true) that stays as it is: `unreferenced.ts URI REF`. Says its status at the exit. */
import { Fresh, ok, reconnect, stop } from "../../../src/index.ts";

const [uri = "", ref] = process.argv.slice(2);

// Keeps the process until the connection has opened, or failed once.
const keeper = setInterval(() => undefined, 1000);
const settled = () => clearInterval(keeper);

const connection = Fresh.start(
  uri,
  {
    handleConnect: () => {
      settled();
      return ok(null);
    },
    handleError: () => {
      settled();
      return reconnect(null, { after: 60_000 });
    },
    handleDisconnect: () => stop(),
  },
  null,
  { ref: ref === "true", infoLogging: false, errorLogging: false, pingInterval: 60_000 },
);
process.on("exit", () => console.log(connection.status));
