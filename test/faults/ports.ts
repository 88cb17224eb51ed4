/** Two ports of the loopback interface that no server of a stage has: one refuses connections, and one answers no SYN. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { asServer } from "./handles.ts";

/** More than this no queue takes. */
const MOST_QUEUED = 16;
/** ms in which a system that takes a connection at all has taken it. */
const TAKEN_WITHIN = 100;

let refusing = 0;
let unanswering = 0;

/** Nobody listens here. */
export const refusingPort = (): number => refusing;
/** Somebody listens here, but doesn't accept, and the queue is full: the system answers no SYN any more. */
export const unansweringPort = (): number => unanswering;

/** Opens both; answers how to close them. */
export function openPorts(): Promise<() => Promise<void>> {
  return asServer(async () => {
    refusing = await closedPort();
    const { port, close } = await fullPort();
    unanswering = port;
    return close;
  });
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function fullPort(): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const server = require("node:net").createServer();
     server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       // This thread accepts nothing from here on.
       parentPort.once("message", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
     });`,
    { eval: true },
  );
  const [port] = (await once(worker, "message")) as [number];
  worker.postMessage("stand still");
  const queued: Socket[] = [];
  const close = async (): Promise<void> => {
    for (const socket of queued) socket.destroy();
    await worker.terminate();
  };
  // One by one, until several in a row aren't taken: the first ones may have come before the thread stood still.
  for (let refused = 0; refused < 2; ) {
    if (queued.length === MOST_QUEUED)
      throw new Error("The system takes connections that nobody accepts, however many.");
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    queued.push(socket);
    const wasTaken = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, TAKEN_WITHIN, false)),
    ]);
    refused = wasTaken ? 0 : refused + 1;
  }
  return { port, close };
}
