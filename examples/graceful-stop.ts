/**
 * Ends as a service should when it is told to: takes no more work, lets what was sent reach the system, says goodbye with
 * close code 1001, and exits.
 *
 * `await using` stops the connection however the function ends; it needs TypeScript 5.2 or newer, or Node 24. To end a connection
 * from outside, give it the signal as `options.signal`: its abort is `stop("shutdown")`.
 *
 * Prints:
 *     working
 *     told to end: SIGTERM
 *     terminating: shutdown
 *     the server saw: closed with 1001, after 3 reports
 */
import { Fresh } from "everfresh";
import { TestServer } from "everfresh/testing";

const server = await TestServer.start({ script: (peer) => void peer.accept() });

async function service(signal: AbortSignal): Promise<void> {
  await using reports = Fresh.start(
    server.url,
    { handleTerminate: (reason) => console.log(`terminating: ${reason}`) },
    undefined,
    { infoLogging: false },
  );
  await reports.opened();
  console.log("working");
  for (const report of ["report 1", "report 2", "report 3"]) reports.send(report);
  process.kill(process.pid, "SIGTERM"); // here the example plays the one who ends it
  await aborted(signal);

  // What was sent on an open connection goes out before the close frame in any case. This is for a link that is away just now.
  const inTime = AbortSignal.timeout(2000);
  await reports.drain({ signal: inTime }).catch(() => console.log("some reports could not be sent"));
  await reports.stop("shutdown", { timeout: 3000 });
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

const ending = new AbortController();
process.once("SIGTERM", (name) => {
  console.log(`told to end: ${name}`);
  ending.abort();
});
await service(ending.signal);

const [peer] = server.connections;
const end = await peer?.ended;
const count = peer?.received.filter(({ type }) => type === "text").length;
console.log(
  `the server saw: ${end?.type} with ${end?.type === "closed" ? end.code : "nothing"}, after ${count} reports`,
);
await server.stop();
