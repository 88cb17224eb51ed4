/**
 * A client that sends without end to a server that doesn't read, in a process of its own: as much as ten times what it may hold. It
 * says over IPC what its sends were answered and what memory it holds; told to go on, it waits until all has gone out.
 */
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { Fresh } from "../../../src/index.ts";
import { DIGITS } from "../number-stream.ts";
import { heldMemory } from "./measure.ts";

const [url = "", size = ""] = process.argv.slice(2);
const MOST = 200_000_000;

const connection = Fresh.start(url, {}, null, { infoLogging: false, errorLogging: false });
await connection.opened();
const before = { held: heldMemory(), rss: process.memoryUsage.rss() };
const answers = { sent: 0, queued: 0, dropped: 0 };
let mostBuffered = 0;
let next = 0;
for (let sent = 0; sent * Number(size) < MOST; sent += 1) {
  const answer = connection.send(new Uint8Array(Buffer.alloc(Number(size), String(next).padStart(DIGITS, "0"))));
  answers[answer] += 1;
  // So what arrives is numbered without a gap.
  if (answer !== "dropped") next += 1;
  mostBuffered = Math.max(mostBuffered, connection.bufferedAmount);
  if (sent % 50 === 0) await turn();
}
process.send?.({
  answers,
  mostBuffered,
  held: heldMemory() - before.held,
  rss: process.memoryUsage.rss() - before.rss,
  overflow: connection.stats.dropped.overflow,
});
await once(process, "message");
await connection.drain();
// The stream lets go of what it has written a little behind it.
await turn();
process.send?.({ drained: connection.bufferedAmount, held: heldMemory() - before.held });
process.disconnect();
await connection.stop("normal", { timeout: 0 });
