/**
 * Places where an attempt hangs, each a real one: it gets that far and no farther, whatever is waited for.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import type { FreshErrorPhase, Options, Provider, TransportOptions } from "../../src/index.ts";
import { accepting, headOf, rawPeer, wire } from "../transport/peers.ts";
import { eventually } from "../transport/recorder.ts";
import { TunnelAgent } from "../transport/tunnel-agent.ts";

export type Hanging = {
  readonly uri: string | Provider<string>;
  readonly options: Options<null>;
  /** Resolves when an attempt, the how-manyth from 1, has come as far as it comes. */
  readonly reached: (attempt?: number) => Promise<void>;
  /** The server's ends of what the attempts opened. */
  readonly sockets: readonly Socket[];
  /** What was waited for comes after all, for every attempt so far. */
  readonly late: () => void;
};

export type HangingPlace = {
  readonly name: string;
  readonly phase: FreshErrorPhase;
  readonly kind: "connecting_failed" | "establishing_failed";
  /** The option whose time runs out, with its default in ms. */
  readonly option: "providerTimeout" | "connectTimeout" | "upgradeTimeout";
  readonly sentence: RegExp;
  readonly make: (t: TestContext) => Promise<Hanging>;
};

const counting = () => {
  let count = 0;
  return {
    more: () => {
      count += 1;
    },
    reached: (attempt = 1) => eventually(() => count >= attempt),
  };
};

const all = (acts: readonly (() => void)[]): void => {
  for (const act of acts) act();
};

/** A listener whose process doesn't accept, with its queue full: the system answers no SYN any more. */
async function fullBacklog(t: TestContext): Promise<number> {
  const worker = new Worker(
    `const server = require("node:net").createServer();
     server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
       require("node:worker_threads").parentPort.postMessage(server.address().port);
       // What was posted goes out first.
       setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 20);
     });`,
    { eval: true },
  );
  const [port] = await once(worker, "message");
  await new Promise((resolve) => setTimeout(resolve, 60));
  const queued: Socket[] = [];
  t.after(async () => {
    for (const socket of queued) socket.destroy();
    await worker.terminate();
  });
  // One by one, until one of them isn't taken.
  for (let count = 0; count < 16; count += 1) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    queued.push(socket);
    const taken = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, 100, false)),
    ]);
    if (!taken) return port;
  }
  throw new Error("The system takes connections that nobody accepts, however many.");
}

export const HANGING: readonly HangingPlace[] = [
  {
    name: "a provider that never answers",
    phase: "provider",
    kind: "connecting_failed",
    option: "providerTimeout",
    sentence: /the functions given for uri and headers took more than 10000 ms\. .*providerTimeout/,
    async make() {
      const { more, reached } = counting();
      const answers: (() => void)[] = [];
      const uri = () => {
        more();
        return new Promise<string>((resolve) => answers.push(() => resolve("ws://127.0.0.1:9/")));
      };
      return { uri, options: {}, reached, sockets: [], late: () => all(answers) };
    },
  },
  {
    name: "a lookup that never calls back",
    phase: "dns",
    kind: "connecting_failed",
    option: "connectTimeout",
    sentence: /the host name was not looked up within 10000 ms\. Check this machine's resolver.*connectTimeout/,
    async make(t) {
      const { more, reached } = counting();
      const peer = await rawPeer(t, () => {
        throw new Error("Nobody is to come here: the attempt had been given up.");
      });
      const answers: (() => void)[] = [];
      const lookup: NonNullable<TransportOptions["lookup"]> = (_host, _options, done) => {
        more();
        answers.push(() => done(null, [{ address: "127.0.0.1", family: 4 }]));
      };
      const uri = `ws://slow.test:${peer.port}/`;
      return { uri, options: { transportOptions: { lookup } }, reached, sockets: [], late: () => all(answers) };
    },
  },
  {
    // A connection that the system takes and a program doesn't is one for the client: it would hang in "upgrade".
    name: "a listener with a full queue",
    phase: "tcp",
    kind: "connecting_failed",
    option: "connectTimeout",
    sentence: /the server was not reached within 10000 ms\. Check host, port and firewalls.*connectTimeout/,
    async make(t) {
      const port = await fullBacklog(t);
      // Nothing can be seen of a SYN that nobody answers.
      const reached = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
      return { uri: `ws://127.0.0.1:${port}/`, options: {}, reached, sockets: [], late: () => undefined };
    },
  },
  {
    name: "a TLS server that says nothing to the ClientHello",
    phase: "tls",
    kind: "connecting_failed",
    option: "connectTimeout",
    sentence: /the server was reached, but didn't finish the TLS handshake within 10000 ms\. .*connectTimeout/,
    async make(t) {
      const { more, reached } = counting();
      const peer = await rawPeer(t, (socket) => socket.once("data", more));
      const late = () => all(peer.sockets.map((socket) => () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")));
      return { uri: peer.url().replace("ws:", "wss:"), options: {}, reached, sockets: peer.sockets, late };
    },
  },
  {
    name: "a proxy that never answers the CONNECT",
    phase: "proxy",
    kind: "connecting_failed",
    option: "connectTimeout",
    sentence: /the proxy didn't open a way to the server within 10000 ms\. Check the proxy.*connectTimeout/,
    async make(t) {
      const { more, reached } = counting();
      const proxy = await rawPeer(t, (socket) => socket.once("data", more));
      const agent = new TunnelAgent(proxy.port);
      return {
        uri: "ws://behind.test/",
        options: { transportOptions: { agent } },
        reached,
        sockets: proxy.sockets,
        late: () => all(proxy.sockets.map((socket) => () => socket.write("HTTP/1.1 200 OK\r\n\r\n"))),
      };
    },
  },
  {
    name: "a server that takes the request and says nothing",
    phase: "upgrade",
    kind: "establishing_failed",
    option: "upgradeTimeout",
    sentence: /the server did not answer the upgrade request within 10000 ms\. .*upgradeTimeout/,
    async make(t) {
      const { more, reached } = counting();
      const answers: (() => void)[] = [];
      const peer = await rawPeer(t, async (socket) => {
        const request = await headOf(socket);
        answers.push(() => socket.write(Buffer.concat([accepting(request), wire("too late")])));
        socket.resume();
        more();
      });
      return { uri: peer.url(), options: {}, reached, sockets: peer.sockets, late: () => all(answers) };
    },
  },
  {
    name: "a server that drips its 101 for ever",
    phase: "upgrade",
    kind: "establishing_failed",
    option: "upgradeTimeout",
    sentence: /the server did not answer the upgrade request within 10000 ms\. .*upgradeTimeout/,
    async make(t) {
      const { more, reached } = counting();
      const peer = await rawPeer(t, async (socket) => {
        await headOf(socket);
        socket.resume();
        socket.write("HTTP/1.1 101 Switching Protocols\r\nx-slow: ");
        let drops = 0;
        const drip = setInterval(() => {
          socket.write("a");
          drops += 1;
          if (drops === 5) more();
        }, 2);
        socket.once("close", () => clearInterval(drip));
      });
      return { uri: peer.url(), options: {}, reached, sockets: peer.sockets, late: () => undefined };
    },
  },
];
