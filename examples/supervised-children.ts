/**
 * What isn't a connection under a supervisor: a child is anything with a promise `exited` and a function `stop`. Here an HTTP server, a worker
 * thread, a child process and a plain async loop are made into children, in a few lines each. The worker crashes and is started again; in the end
 * all of them stop, the last one first.
 *
 * Prints:
 *     the server answers: hello
 *     supervisor "app": the child "worker" ended (crashed with code 3). It is restarted.
 *     the worker says: started again
 *     stopped: loop, process, worker, http
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import { type Child, type ChildSpec, type ExitReason, Supervisor, Task } from "everfresh";

/** An HTTP server: no new requests from the stop on; those under way have until its time is up. */
function httpServer(id: string, listener: RequestListener, listening: (port: number) => void): ChildSpec {
  return {
    id,
    async start({ signal }): Promise<Child> {
      const server = createServer(listener).listen({ port: 0, host: "127.0.0.1", signal });
      await once(server, "listening");
      listening((server.address() as AddressInfo).port);
      let told: ExitReason = "normal";
      return {
        exited: once(server, "close").then(() => told),
        async stop(reason = "normal", { timeout = 5000 } = {}) {
          told = reason;
          server.close();
          server.closeIdleConnections();
          if (timeout === 0) server.closeAllConnections();
          else if (timeout !== Number.POSITIVE_INFINITY)
            setTimeout(() => server.closeAllConnections(), timeout).unref();
        },
      };
    },
  };
}

/** A worker thread: it is told with a message, and cut off when its time is up. */
function workerThread(id: string, code: string, started: (worker: Worker) => void): ChildSpec {
  return {
    id,
    start(): Child {
      const worker = new Worker(code, { eval: true });
      worker.once("message", () => started(worker));
      // An error that isn't listened for would be this program's own; the exit code says it all the same.
      worker.on("error", () => undefined);
      let told: ExitReason | undefined;
      return {
        exited: once(worker, "exit").then(([code]) => told ?? (code === 0 ? "normal" : `crashed with code ${code}`)),
        async stop(reason = "normal", { timeout = 5000 } = {}) {
          told = reason;
          if (timeout === 0) void worker.terminate();
          else worker.postMessage("stop");
        },
      };
    },
  };
}

/** A child process: SIGTERM, and SIGKILL when its time is up. */
function childProcess(id: string, start: () => ChildProcess): ChildSpec {
  return {
    id,
    async start(): Promise<Child> {
      const child = start();
      const exited = once(child, "exit");
      await once(child, "spawn");
      let told: ExitReason | undefined;
      return {
        exited: exited.then(([code, signal]) => told ?? (code === 0 ? "normal" : `ended with ${code ?? signal}`)),
        async stop(reason = "normal", { timeout = 5000 } = {}) {
          told = reason;
          child.kill(timeout === 0 ? "SIGKILL" : "SIGTERM");
        },
      };
    },
  };
}

/** A loop: an async function that ends when its signal says so. */
async function loop(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // … whatever is to be done again and again, and then:
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000);
      signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
    });
  }
}

// What of this is yours begins here; above are the four adapters.
let port = 0;
const WORKER = `
  const { parentPort } = require("node:worker_threads");
  parentPort.on("message", (message) => process.exit(message === "crash" ? 3 : 0));
  parentPort.postMessage("started");
`;
let startedAgain = (): void => undefined;
const restarted = new Promise<void>((resolve) => {
  startedAgain = resolve;
});
let newest: Worker | undefined;
const started = (worker: Worker): void => {
  if (newest !== undefined) startedAgain();
  newest = worker;
};
const stopped: string[] = [];
/** The same child, whose end is noted for the last line. */
const noted = (spec: ChildSpec): ChildSpec => ({
  ...spec,
  async start(context) {
    const child = await spec.start(context);
    void child?.exited.then((reason) => reason === "shutdown" && stopped.push(spec.id));
    return child;
  },
});

const app = Supervisor.start(
  [
    httpServer(
      "http",
      (_request, response) => response.end("hello"),
      (listening) => {
        port = listening;
      },
    ),
    workerThread("worker", WORKER, started),
    childProcess("process", () => spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" })),
    { ...Task.childSpec({ id: "loop", run: loop }), restart: "permanent" } as const,
  ].map(noted),
  { name: "app", strategy: "one_for_one", logger: { error: (_fields, message) => console.log(message) } },
);
await app.started;
console.log(`the server answers: ${await (await fetch(`http://127.0.0.1:${port}/`)).text()}`);
newest?.postMessage("crash");
await restarted;
console.log("the worker says: started again");
await app.stop("shutdown");
console.log(`stopped: ${stopped.join(", ")}`);
