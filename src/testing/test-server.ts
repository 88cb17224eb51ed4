/**
 * A scripted WebSocket server that does to a client whatever a real network does, and worse: `everfresh/testing`.
 *
 * ## Start, use, stop
 *
 *     await using server = await TestServer.start();             // accepts and echoes, on a free port of 127.0.0.1
 *     const client = Counter.start({ uri: server.url, state: 0 });
 *
 * `stop()`, or the end of the scope, ends everything and throws what went wrong in the scripts. Nothing stays open.
 *
 * ## Scripts
 *
 * A script is a function that runs once for each connection, from its first byte. It says what the server does, step by step,
 * and waits for what the client does; it needs no sleeps. One script serves all connections; of an array, each serves
 * one connection and the last all later ones.
 *
 *     const server = await TestServer.start({
 *       script: [
 *         refusing(503, { headers: [["retry-after", "1"]] }),
 *         async (peer) => {
 *           const request = await peer.accept();                 // waits for the request, answers a right 101
 *           assert.equal(request.header("authorization"), "Bearer x");
 *           peer.send("hello");
 *           assert.equal((await peer.receive("text")).data, "hello back");
 *           peer.reset();                                         // RST; end() is FIN, drop() is both ways at once
 *         },
 *         echo(),
 *       ],
 *     });
 *
 * A script that throws drops its connection, and stop() throws it on (`server.failures` has it before). A wait that fails is
 * such a throw: with a sentence, within `timeout` ms. A script that returns leaves the connection as it is: so a script of
 * `() => {}` leaves all to the test, which takes `await server.connection(1)` and goes on from there.
 *
 * ## What a peer can do
 *
 *     await peer.request()                 the request's head: method, target, headers, header(name), line
 *     await peer.accept({ … })             101, with protocol, headers, omit, replace, status, httpVersion, rewrite, glue, split …
 *     await peer.refuse(429, { … })        any other answer, with headers, body, chunked, keepOpen
 *     peer.send(frame)                     "text", bytes, or a frame; sendTogether([…]) puts several in one write
 *     peer.close(1001, "bye")              a close frame
 *     peer.sendRaw(bytes)                  anything at any time: no 101 at all, half a frame, `rawFrame({ opcode: 3, rsv: 4 })`
 *     await peer.sendInPieces(bytes, 1)    byte by byte
 *     await peer.flushed()                 the system has taken all; peer.bufferedAmount is what it has not
 *     await peer.receive("text")           the next frame, of a type or to a predicate's taste; peer.frames() iterates over them
 *     peer.received, peer.violation        all that came, and how the client broke the protocol
 *     peer.end() reset() drop()            FIN, RST, vanish
 *     peer.blackHole() pause() resume()    a dead link; a slow reader
 *     await peer.delay(ms)                 true when the time is over, false as soon as the connection is
 *     await peer.ended                     how it ended: "closed" (with the client's code), "fin", "reset" or "destroyed"
 *
 * By itself the server answers pings, echoes the client's close frame, answers a violation with a close frame, and ends TCP
 * after these and after the client's FIN. `automatic: false` (of the server, of accept(), or set on the peer) turns that off, and
 * `automatic: ["close"]` or `["pong"]` leaves one of the two. A frame that nobody asked for is never sent, and before accept()
 * or refuse() not a byte.
 *
 * ## Faults by their names
 *
 * `peer.apply(fault)` plays a fault in the words of a FaultProxy: `peer.apply({ type: "inject", frame: { opcode: "ping", size: 125 }, times: 100000 })`
 * is a flood of pings. `playing(plan, script)` is a script that plays a whole plan; see fault-proxy.ts. What is the link's own takes a proxy.
 *
 * ## A server that is away
 *
 * `await server.down()` refuses connections (those that stand go on); `await server.up()` takes them again, on the same port.
 */
import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Extension } from "../protocol/extension.ts";
import { Arrivals, type NoArrival } from "./arrivals.ts";
import { PeerError, ScriptError } from "./errors.ts";
import type { Automatic } from "./frame-stream.ts";
import { Door, tlsOver, urlOf } from "./listening.ts";
import { Peer, type PeerSettings, type WaitOptions } from "./peer.ts";
import { echo, type Script } from "./scripts.ts";
import { startWait } from "./wait.ts";

export type TestServerOptions = {
  /** Default 0: a free one. */
  readonly port?: number;
  /** The address to listen on, also "::1". Default "127.0.0.1". */
  readonly host?: string;
  /** A unix socket's path, instead of host and port. */
  readonly path?: string;
  /** Makes it wss: `{ key, cert }` and whatever else tls.createSecureContext takes. */
  readonly tls?: SecureContextOptions;
  /** Default: accept and echo. */
  readonly script?: Script | readonly Script[];
  /** What peers do by themselves; default true: all that the protocol asks for. */
  readonly automatic?: Automatic;
  /** Extensions to agree to when a client offers them, such as `permessageDeflate()`; default none. */
  readonly extensions?: readonly Extension[];
  /** How long a wait of a script may take, in ms. Default 5000; Infinity: as long as it likes. */
  readonly timeout?: number;
  /** How many frames of each client `peer.received` keeps. Default 10 000. */
  readonly recordLimit?: number;
  /** Bytes of one message of a client, its fragments together. Default 16 MiB. */
  readonly maxMessageSize?: number;
  /** Frames that one message of a client may come in. Default 1024. */
  readonly maxFragments?: number;
};

// Of failures a server remembers the newest; it may run for days.
const MAX_FAILURES = 1000;
// How long stop() waits for scripts once their connections are gone, in ms.
const SCRIPT_GRACE = 1000;

export class TestServer implements AsyncDisposable {
  readonly #settings: PeerSettings;
  readonly #secure: (raw: Socket) => Socket;
  readonly #scheme: "ws" | "wss";
  readonly #door: Door;
  readonly #arrivals = new Arrivals<Peer>(noArrival);
  readonly #open = new Map<Peer, Promise<void>>();
  readonly #running = new Map<number, Promise<void>>();
  readonly #failures: Error[] = [];
  #scripts: readonly Script[] = [];
  #nextScript = 0;
  #stopped: Promise<void> | undefined;

  private constructor(options: TestServerOptions) {
    const { port = 0, host = "127.0.0.1", path, tls } = options;
    this.#door = new Door(
      path === undefined ? { port, host } : { path },
      (raw) => this.#connected(raw),
      (error) => this.#failed(error),
    );
    this.#scheme = tls === undefined ? "ws" : "wss";
    this.#secure = tls === undefined ? (raw) => raw : tlsOver(tls);
    this.#settings = {
      automatic: options.automatic ?? true,
      timeout: options.timeout ?? 5000,
      recordLimit: options.recordLimit ?? 10_000,
      maxMessageSize: options.maxMessageSize ?? 16 * 1024 * 1024,
      maxFragments: options.maxFragments ?? 1024,
      extensions: options.extensions ?? [],
      isStopping: () => this.#stopped !== undefined,
    };
    this.onConnection(options.script ?? echo());
  }

  /** Resolves when it listens; rejects with the system's error when it can't. */
  static async start(options: TestServerOptions = {}): Promise<TestServer> {
    if (options.path !== undefined && options.tls !== undefined) {
      throw new TypeError(
        "A test server has a path or tls, not both: no client has an address for TLS on a unix socket.",
      );
    }
    const server = new TestServer(options);
    await server.up();
    return server;
  }

  /** "ws://127.0.0.1:PORT", "wss://127.0.0.1:PORT", or "ws+unix:PATH:/" on a unix socket. */
  get url(): string {
    return urlOf(this.#door.place, this.#scheme);
  }

  /** The port; 0 on a unix socket. */
  get port(): number {
    const { place } = this.#door;
    return "port" in place ? place.port : 0;
  }

  /** All connections so far, oldest first, ended or not; of those that have ended, the newest 1000. */
  get connections(): readonly Peer[] {
    return this.#arrivals.all;
  }

  /** What went wrong in scripts so far, the newest 1000; `stop()` throws it. */
  get failures(): readonly Error[] {
    return this.#failures;
  }

  /** What is done with the connections from now on: one script for all, or one for each and the last for all others. */
  onConnection(script: Script | readonly Script[]): void {
    const scripts = typeof script === "function" ? [script] : script;
    if (scripts.length === 0) throw new TypeError("A test server needs at least one script.");
    this.#scripts = [...scripts];
    this.#nextScript = 0;
  }

  /** The how-manyth connection, from 1: at once if it has come, else as soon as it does. Rejects when it doesn't in time. */
  connection(number: number, { timeout = this.#settings.timeout }: WaitOptions = {}): Promise<Peer> {
    return this.#arrivals.wait(number, timeout);
  }

  /** Takes connections again, on the same port. Rejects with the system's error if that has been taken meanwhile. */
  async up(): Promise<void> {
    if (this.#stopped !== undefined) return;
    await this.#door.open();
  }

  /** Refuses connections until up(). Those that stand are left alone. */
  async down(): Promise<void> {
    this.#door.shut();
  }

  /**
   * Ends everything at once: connections are dropped, waits of scripts rejected. Resolves when nothing is open any more. Then
   * throws what went wrong in the scripts: one ScriptError, or an AggregateError of several. A later call only waits.
   */
  stop(): Promise<void> {
    if (this.#stopped !== undefined) return this.#stopped;
    const stopped = this.#stop();
    this.#stopped = stopped;
    return stopped.then(() => {
      if (this.#failures.length === 1) throw this.#failures[0];
      if (this.#failures.length > 1) throw new AggregateError(this.#failures, summary(this.#failures));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    // What follows has to see that the server is stopping, so it waits until stop() has said so.
    await undefined;
    await this.down();
    this.#arrivals.stop();
    const closed = [...this.#open.values(), this.#door.gone()];
    for (const peer of this.#open.keys()) peer.drop();
    await Promise.all(closed);
    await Promise.all([...this.#running].map(([number, running]) => this.#settled(number, running)));
  }

  // A script that waits for something of its own may never end; then that is a failure too.
  async #settled(number: number, running: Promise<void>): Promise<void> {
    const wait = startWait<void>(
      SCRIPT_GRACE,
      () =>
        new ScriptError(
          number,
          `it still runs ${SCRIPT_GRACE} ms after its connection ended; let it wait with peer.delay().`,
        ),
    );
    void running.then(wait.resolve);
    await wait.promise.catch((error) => this.#failed(error));
  }

  #connected(raw: Socket): void {
    if (this.#stopped !== undefined) {
      raw.destroy();
      return;
    }
    const number = this.#arrivals.next();
    const socket = this.#secure(raw);
    const peer = new Peer(number, raw, socket, this.#settings);
    const closed = Promise.all([hasClosed(raw), hasClosed(socket)]);
    this.#open.set(
      peer,
      closed.then(() => this.#closed(peer)),
    );
    this.#arrivals.add(number, peer);
    const script = this.#scripts[Math.min(this.#nextScript++, this.#scripts.length - 1)] as Script;
    const running = this.#run(script, peer).finally(() => this.#running.delete(number));
    this.#running.set(number, running);
  }

  async #run(script: Script, peer: Peer): Promise<void> {
    try {
      await script(peer, peer.number);
    } catch (error) {
      const isStop = error instanceof PeerError && error.reason === "stopped";
      if (!isStop) this.#failed(new ScriptError(peer.number, error));
      if (!peer.isFinishing) peer.drop();
    }
  }

  #failed(error: Error): void {
    this.#failures.push(error);
    if (this.#failures.length > MAX_FAILURES) this.#failures.shift();
  }

  #closed(peer: Peer): void {
    this.#open.delete(peer);
    this.#arrivals.ended(peer.number);
  }
}

function hasClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

function noArrival(number: number, why: NoArrival): PeerError {
  switch (why.type) {
    case "timeout":
      return new PeerError(
        "timeout",
        `Connection ${number} did not come within ${why.timeout} ms; there were ${why.count}.`,
      );
    case "forgotten":
      return new PeerError("ended", `Connection ${number} has ended long ago, and is forgotten.`);
    case "stopped":
      return new PeerError("stopped", "The test server is being stopped.");
  }
}

function summary(failures: readonly Error[]): string {
  return `${failures.length} scripts of the test server failed:\n${failures.map(({ message }) => `- ${message}`).join("\n")}`;
}
