/** A client for a hostile server, in a process of its own. It says over IPC what memory it holds, when it is asked to. */
import { Fresh } from "../../../src/index.ts";
import { heldMemory } from "./measure.ts";

const [url = ""] = process.argv.slice(2);
const connection = Fresh.start(url, {}, null, { infoLogging: false, errorLogging: false });
await connection.opened();
const before = heldMemory();
process.on("message", () => process.send?.({ held: heldMemory() - before, status: connection.status }));
process.send?.("open");
