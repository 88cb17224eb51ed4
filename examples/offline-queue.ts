/**
 * What is sent while there is no connection waits in the outbox, within bounds, and goes out in order at the next open.
 *
 * `send` says what became of a frame: "sent", "queued" or "dropped". A queued frame that is never sent is told to `onDrop`.
 *
 * Prints:
 *     order 1: queued
 *     order 2: queued
 *     quote: queued
 *     cursor position: dropped
 *     never sent (overflow): order 1
 *     order 3: queued
 *     never sent (expired): quote
 *     the server is back
 *     order 4: sent
 *     the server got: order 2, order 3, order 4
 *     dropped: 1 overflow, 1 expired, 1 closed
 */
import { Fresh, stop } from "everfresh";
import { TestServer } from "everfresh/testing";

const received: string[] = [];
const server = await TestServer.start({
  script: async (peer) => {
    await peer.accept();
    while (received.at(-1) !== "order 4") received.push((await peer.receive("text")).data);
    peer.close(1000);
  },
});
await server.down(); // nobody listens any more: every attempt is refused

let quoteHasExpired = (): void => {};
const expired = new Promise<void>((resolve) => {
  quoteHasExpired = resolve;
});

const orders = Fresh.start(server.url, { handleDisconnect: () => stop() }, undefined, {
  outbox: { maxMessages: 3, overflow: "drop-oldest" },
  onDrop(frame, cause) {
    console.log(`never sent (${cause}): ${frame.type === "text" ? frame.data : frame.type}`);
    if (cause === "expired") quoteHasExpired();
  },
  backoffInitial: 20,
  backoffMax: 20,
  infoLogging: false,
  errorLogging: false,
});

console.log(`order 1: ${orders.send("order 1")}`);
console.log(`order 2: ${orders.send("order 2")}`);
console.log(`quote: ${orders.send("quote", { ttl: 50 })}`); // worth nothing after 50 ms
console.log(`cursor position: ${orders.send("cursor position", { whenClosed: "drop" })}`); // worth nothing later
console.log(`order 3: ${orders.send("order 3")}`); // there is no room: the oldest has to go

await expired;
await server.up();
await orders.opened();
console.log("the server is back");
console.log(`order 4: ${orders.send("order 4")}`);

await orders.exited;
console.log(`the server got: ${received.join(", ")}`);
const { dropped } = orders.stats;
console.log(`dropped: ${dropped.overflow} overflow, ${dropped.expired} expired, ${dropped.closed} closed`);
await server.stop();
