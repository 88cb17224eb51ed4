/**
 * A deploy that loses nothing: SIGTERM under load, and the server has every number that was sent.
 *
 * It is the order of the children that does it. They are stopped in reverse: first the worker, which takes no more work and waits until
 * what it has sent has left this process; then the connection, which says goodbye with 1001. As an app of its own, this file would end
 * with `export default children`, and `everfresh run` would do the rest.
 *
 * Prints:
 *     working
 *     told to end: SIGTERM
 *     no more work is taken, and what was sent is waited for
 *     all of it has left
 *     the supervisor ended: shutdown
 *     closed with 1001; of the numbers that were sent, the server lacks 0
 */
import { setImmediate as untilTheNextTurn } from "node:timers/promises";
import { type ChildInput, Fresh, Supervisor, Task } from "everfresh";
import { TestServer } from "everfresh/testing";

// ── The service ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The work: a number after the other, as fast as the server takes them. */
let sent = 0;

async function work(signal: AbortSignal): Promise<void> {
  const connection = Fresh.whereis("reports");
  if (connection === undefined) throw new Error("The connection stands before the worker in the list.");
  await connection.opened({ signal });
  console.log("working");
  while (!signal.aborted) {
    // A server that is slow slows the work down; without this, the outbox would overflow some time, and send would say so.
    if (connection.bufferedAmount < 1024 * 1024) {
      sent += 1;
      connection.send(`${sent} ${"x".repeat(1000)}`);
    }
    await untilTheNextTurn();
  }
  console.log("no more work is taken, and what was sent is waited for");
  // Within the child's own shutdown time, below.
  await connection.drain();
  console.log("all of it has left");
}

const Reports = Fresh.define<null>("Reports", {});

function childrenFor(uri: string): readonly ChildInput[] {
  return [
    [Reports, { uri, state: null, options: { name: "reports", infoLogging: false } }],
    { ...Task.childSpec({ id: "worker", run: work }), restart: "transient", shutdown: 10_000 },
  ];
}

// ── A server that is slow, and a deploy in the middle of it ────────────────────────────────────────────────────────

const server = await TestServer.start({
  recordLimit: 0,
  script: async (peer) => {
    await peer.accept();
    peer.pause();
    for await (const frame of peer.frames()) if (frame.type === "text") arrived.push(Number.parseInt(frame.data, 10));
  },
});
const arrived: number[] = [];
const supervisor = Supervisor.start(childrenFor(server.url));
process.once("SIGTERM", (name) => {
  console.log(`told to end: ${name}`);
  void supervisor.stop("shutdown");
});

const peer = await server.connection(1);
const connection = Fresh.whereis("reports");
while ((connection?.bufferedAmount ?? 0) < 512 * 1024) await untilTheNextTurn();
process.kill(process.pid, "SIGTERM"); // here the example plays the one who deploys
setTimeout(() => peer.resume(), 200);

console.log(`the supervisor ended: ${await supervisor.exited}`);
const end = await peer.ended;
const lacking = Array.from({ length: sent }, (_, index) => index + 1).filter((number, at) => arrived[at] !== number);
console.log(
  `${end.type} with ${end.type === "closed" ? end.code : "nothing"}; of the numbers that were sent, the server lacks ${lacking.length}`,
);
await server.stop();
