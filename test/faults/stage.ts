/**
 * The stage of a cell: a real server, a fault proxy before it, and our connection on a fake clock, whose every word is written down.
 */
import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { type Connection, type ConnectionResponse, Fresh, FreshError, ignore, ok, reconnect } from "../../src/index.ts";
import {
  FakeClock,
  type Fault,
  FaultProxy,
  type Peer,
  type ProxiedConnection,
  TestServer,
} from "../../src/testing/index.ts";
import { Ledger } from "../fresh/ledger.ts";
import { CERTIFICATE, KEY } from "../testing/certificate.ts";
import type { Setting } from "./cell.ts";
import { asServer, Handles } from "./handles.ts";

const TLS = { key: KEY, cert: CERTIFICATE };
/** Turns of the event loop in which what is ready is done. */
const TURNS = 20;
/** How often something that nothing tells of is looked for, a turn of the event loop and a bit apart. */
const LOOKS = 5000;

export class Stage implements AsyncDisposable {
  readonly server: TestServer;
  readonly proxy: FaultProxy;
  readonly clock = new FakeClock();
  readonly trace = new Ledger<string>((line) => line);
  readonly controller = new AbortController();
  /** How many pings and pongs, ticks and loads have been delivered. */
  readonly count = { controls: 0, ticks: 0, loads: 0 };
  /** Loads that `send` took, by its answer. */
  readonly sent = { sent: 0, queued: 0, dropped: 0 };
  readonly #setting: Setting;
  readonly #handles: Handles;
  #connection: Connection<null> | undefined;
  #nextTick = 0;
  #mayRestart = true;
  #echoes = 0;

  readonly #foreign: WebSocketServer | undefined;

  private constructor(
    setting: Setting,
    handles: Handles,
    servers: { readonly server: TestServer; readonly foreign: WebSocketServer | undefined },
    proxy: FaultProxy,
  ) {
    this.#foreign = servers.foreign;
    this.#setting = setting;
    this.#handles = handles;
    this.server = servers.server;
    this.proxy = proxy;
  }

  static async set(setting: Setting): Promise<Stage> {
    const { script, rules = [], tls } = setting;
    const handles = new Handles();
    return asServer(async () => {
      const server = await TestServer.start({ ...(script && { script }), ...(tls === "passed" && { tls: TLS }) });
      const foreign = setting.server === "ws" ? await wsServer() : undefined;
      const proxy = await FaultProxy.start({
        target: foreign === undefined ? server.url : (foreign.address() as { readonly port: number }).port,
        plan: { connections: rules },
        ...(tls === "ended" && { tls: TLS }),
      });
      return new Stage(setting, handles, { server, foreign }, proxy);
    });
  }

  /** Starts the connection: to the proxy, or where the setting says. */
  start(): void {
    const write = (line: string) => this.trace.add(line);
    const { options: given, tls, uri } = this.#setting;
    const options = typeof given === "function" ? given() : given;
    const transportOptions = { ...(tls !== undefined && { ca: CERTIFICATE }), ...options?.transportOptions };
    this.#connection = Fresh.start<null>(
      uri?.(this) ?? this.proxy.url,
      {
        handleConnect: (status) => {
          this.#mayRestart = true;
          write(`handleConnect ${status}`);
          return ok(null);
        },
        handleControl: () => {
          this.count.controls += 1;
          return ok(null);
        },
        handleIn: (frame) => {
          this.#received(String(frame.data));
          return ok(null);
        },
        handleDisconnect: (code, reason): ConnectionResponse<null> => {
          write(`handleDisconnect ${code ?? "-"} ${reason === undefined ? "-" : reason || '""'}`);
          return reconnect();
        },
        handleError: (error): ConnectionResponse<null> => {
          write(`handleError ${wordsOf(error)}`);
          return error.kind === "encoding_failed" || error.kind === "casting_failed" ? ignore(null) : reconnect();
        },
        handleTerminate: (reason) => write(`handleTerminate ${String(reason)}`),
      },
      null,
      {
        clock: this.clock,
        random: () => 0.5,
        signal: this.controller.signal,
        logger: {
          error: () => undefined,
          info: () => undefined,
          debug: ({ wait }) => {
            if (wait !== undefined) write(`waits ${wait}`);
          },
        },
        ...options,
        transportOptions,
      },
    );
    void this.connection.exited.then((reason) => write(`exit ${String(reason)}`));
  }

  get connection(): Connection<null> {
    assert.ok(this.#connection, "the connection has not been started");
    return this.#connection;
  }

  /** What happens on the stage that isn't the connection's doing. */
  proxied(number: number): Promise<ProxiedConnection> {
    return this.proxy.connection(number);
  }

  peer(number: number): Promise<Peer> {
    return this.server.connection(number);
  }

  /** Has the proxy do this now to the how-manyth connection. */
  async fault(fault: Fault, number = 1): Promise<void> {
    const connection = await this.proxied(number);
    asServer(() => connection.apply(fault));
  }

  /** The server's end of the how-manyth connection does something. */
  async asPeer(number: number, act: (peer: Peer) => unknown): Promise<void> {
    const peer = await this.peer(number);
    void asServer(() => act(peer));
  }

  /** Calls replace(), and writes down what comes of it. */
  replace(): void {
    this.connection.replace().then(
      () => this.trace.add("replace() resolves"),
      (error: Error) =>
        this.trace.add(
          `replace() rejects ${error instanceof FreshError ? wordsOf(error) : error.message.split(/[,.]/)[0]}`,
        ),
    );
  }

  /** Sends a message that the server gives back; resolves when it is back. */
  async echo(at: number): Promise<void> {
    this.#echoes += 1;
    this.connection.send(`echo ${this.#echoes}`);
    await this.line(at);
  }

  /** Sends a numbered message of so many bytes. */
  load(bytes: number): "sent" | "queued" | "dropped" {
    const result = this.connection.send(`load ${this.sent.sent + this.sent.queued}`.padEnd(bytes, "."));
    this.sent[result] += 1;
    return result;
  }

  /** The line at this place of the trace, as soon as it is there. */
  line(at: number): Promise<string> {
    return this.trace.nth(at + 1, (line): line is string => line !== undefined, "line of the trace");
  }

  /** Resolves when this holds; within some seconds. */
  async until(holds: () => boolean, what: string): Promise<void> {
    for (let look = 0; look < LOOKS; look += 1) {
      if (holds()) return;
      await (look < TURNS ? nextTurn() : new Promise((resolve) => setTimeout(resolve, 1)));
    }
    assert.fail(`${what}: that did not come; what came: ${this.trace.lines.join(" → ")}`);
  }

  /** Lets happen what is ready to happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
  }

  /** What the connection has left behind, now that it has exited, while servers and proxy are still there; in words, empty if nothing. */
  async leftovers(): Promise<readonly string[]> {
    const listeners = getEventListeners(this.controller.signal, "abort").length;
    return [
      ...(await this.#handles.left()),
      ...(this.clock.pending === 0 ? [] : [`${this.clock.pending} timers of its own`]),
      ...(listeners === 0 ? [] : [`${listeners} listeners on the signal`]),
      ...(this.connection.bufferedAmount === 0 ? [] : [`${this.connection.bufferedAmount} buffered bytes`]),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#handles.end();
    // A cell that held has stopped it; one that didn't has left it anywhere, with its clock standing still.
    const stopped = this.#connection?.stop("normal", { timeout: 0 });
    this.clock.advance(0);
    await stopped;
    await this.proxy.stop();
    await this.server.stop();
    const foreign = this.#foreign;
    if (foreign === undefined) return;
    for (const client of foreign.clients) client.terminate();
    await new Promise((resolve) => foreign.close(resolve));
  }

  #received(text: string): void {
    if (text.startsWith("load ")) {
      this.count.loads += 1;
    } else if (text.startsWith("tick ")) {
      this.count.ticks += 1;
      // Each connection begins to count anew, behind the last of the one before.
      if (this.#mayRestart && text === "tick 0") {
        this.#mayRestart = false;
        this.#nextTick = 0;
      }
      if (text !== `tick ${this.#nextTick}`) this.trace.add(`handleIn ${text} where tick ${this.#nextTick} was due`);
      else if (this.connection.status !== "open" && this.connection.status !== "closing")
        this.trace.add(`late ${text}`);
      this.#nextTick += 1;
    } else {
      this.trace.add(text === `echo ${this.#echoes}` ? "echo" : `handleIn ${text}`);
    }
  }
}

async function wsServer(): Promise<WebSocketServer> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await once(server, "listening");
  return server;
}

function wordsOf({ kind, phase, reason, status, closeCode, retryAfter }: FreshError): string {
  return [
    `${kind}/${phase}/${reason}`,
    ...(status === undefined ? [] : [`${status}`]),
    ...(closeCode === undefined ? [] : [`closeCode ${closeCode}`]),
    ...(retryAfter === undefined ? [] : [`retryAfter ${retryAfter}`]),
  ].join(" ");
}
