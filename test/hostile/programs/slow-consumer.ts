/**
 * A client whose callback takes its time, in a process of its own. It checks each message's number, looks at its memory now and then,
 * and says over IPC what it has seen when the server has closed.
 *
 *     slow-consumer.ts URL [deflate]
 */
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { Fresh, ok, permessageDeflate, stop } from "../../../src/index.ts";
import { DIGITS, headLength } from "../number-stream.ts";
import { heldMemory } from "./measure.ts";

const [url = "", how] = process.argv.slice(2);

/** Bytes on the wire of the messages that have been handled; of a compressed stream nobody knows. */
let handled = 0;
const seen = { messages: 0, bytes: 0, wrong: 0, mostWaiting: 0, mostBytesWaiting: 0, held: 0, rss: 0 };
let before = { held: 0, rss: 0 };

function look(): void {
  seen.held = Math.max(seen.held, heldMemory() - before.held);
}

const Consumer = Fresh.define<number>("SlowConsumer", {
  async handleIn(frame, expected, self) {
    const { stats } = self;
    seen.mostWaiting = Math.max(seen.mostWaiting, stats.framesReceived - seen.messages);
    seen.mostBytesWaiting = Math.max(seen.mostBytesWaiting, stats.bytesReceived - handled);
    const { data } = frame;
    const digits = typeof data === "string" ? data.slice(0, DIGITS) : String.fromCharCode(...data.subarray(0, DIGITS));
    if (Number(digits) !== expected) seen.wrong += 1;
    seen.messages += 1;
    seen.bytes += data.length;
    handled += headLength(data.length) + data.length;
    if (expected % 10_000 === 0) look();
    if (expected % 100 === 0) seen.rss = Math.max(seen.rss, process.memoryUsage.rss() - before.rss);
    // Mostly it is only a little late; now and then it does something else for a while.
    if (expected % 1000 === 0) await delay(5);
    else if (expected % 20 === 0) await turn();
    return ok(expected + 1);
  },
  handleDisconnect: () => stop(),
  handleError: (error) => stop({ error, callback: "handleError" }),
});

before = { held: heldMemory(), rss: process.memoryUsage.rss() };
const connection = Consumer.start({
  uri: url,
  state: 0,
  options: {
    infoLogging: false,
    ...(how === "deflate" ? { upgradeOptions: { extensions: [permessageDeflate()] } } : {}),
  },
});
const reason = await connection.exited;
look();
process.send?.({ ...seen, reason: String(reason), extensions: how ?? "" });
process.disconnect?.();
