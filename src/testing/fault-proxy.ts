/**
 * A TCP proxy that stands before any real WebSocket server and does to connections what networks, load balancers and dying servers do:
 * `everfresh/testing`.
 *
 * ## Start, use, stop
 *
 *     await using proxy = await FaultProxy.start({ target: "ws://127.0.0.1:8080" });   // or a port; passes everything on
 *     const client = Counter.start({ uri: proxy.url, state: 0 });
 *
 * `stop()`, or the end of the scope, ends everything. Nothing stays open.
 *
 * ## A plan
 *
 * A plan is data: rules, each of which says to which connections, when, and what happens. All rules that fit a connection apply.
 *
 *     const proxy = await FaultProxy.start({
 *       target: server.url,
 *       plan: {
 *         seed: 7,
 *         connections: [
 *           { connection: 1, when: { phase: "request" }, fault: { type: "refuse", status: 503, retryAfter: 1 } },
 *           { connection: 2, when: { phase: "answer", bytes: 20 }, fault: { type: "end" } },              // a 101 cut short
 *           { connection: { from: 3 }, when: { phase: "open" }, fault: { type: "latency", ms: 50, jitter: 20 } },
 *           { connection: { from: 3, share: 0.3 }, when: { phase: "open", ms: { from: 100, to: 900 } }, fault: { type: "random" } },
 *         ],
 *       },
 *     });
 *
 * The same plan is JSON: `FaultProxy.start({ target, plan: parseFaultPlan(await readFile("plan.json", "utf8")) })`. What isn't right is
 * told by a FaultPlanError, with where it stands. `proxy.onConnection(plan)` sets another plan for the connections from now on, counted from 1 again.
 *
 * ## When: phases
 *
 *     connect      TCP stands; nothing has been read, the server isn't dialled
 *     clientHello  the client's first bytes of TLS are there (with `tls`, or before a wss: target)
 *     request      the whole request is there; the server hasn't seen it, nor been dialled (but with TLS passed on)
 *     answer       the first byte of the server's answer is there; the client hasn't seen it
 *     open         the whole 101 has gone to the client
 *     closing      somebody's first close frame is there; the other hasn't seen it
 *
 * and within a phase after so many `messages`, then `bytes` (both in `direction`, "toClient" unless told otherwise), then `ms`. A fault at a place
 * in the stream happens when all before it has been handed to the system, and before anything behind it.
 *
 * ## What: faults
 *
 *     latency { ms, jitter? }  bandwidth { bytesPerSecond }  drip { bytes?, every }  split { bytes? }  glue { messages?, ms? }
 *     stall { ms? }            nothing is read, TCP pushes back        blackHole   everything is read and lost, TCP stays up
 *     reset                    RST                                     end         FIN without a close frame
 *     close { code?, reason?, fin? }   a close frame without FIN, or with
 *     inject { frame, times?, every? }   any frame at all, also many: floods, lies about lengths, messages of 256 MiB
 *     garbage { bytes? }  corrupt { bytes? }
 *     refuse { status, retryAfter?, headers?, body? }   at "request"    tlsAlert { description? }   at "clientHello"
 *     down { ms? }             no connection is taken for so long       random { of? }    one of these, drawn
 *
 * Most take `direction`: "toClient", "toServer" or "both". fault.ts has each with its defaults. Some that are asked for often:
 *
 *     the 101 half a second late            { when: { phase: "answer" }, fault: { type: "stall", ms: 500, direction: "toClient" } }
 *     the 101 cut short, then RST           { when: { phase: "answer", bytes: 20 }, fault: { type: "reset" } }
 *     the 101 cut short, then nothing       { when: { phase: "answer", bytes: 20 }, fault: { type: "blackHole" } }
 *     a wrong status line                   { when: { phase: "answer", bytes: 9 }, fault: { type: "corrupt", bytes: 3 } }
 *     the 101 and first frames in one chunk { when: { phase: "answer" }, fault: { type: "glue", messages: 2 } }
 *     every byte by itself                  { when: { phase: "answer" }, fault: { type: "split", direction: "toClient" } }
 *     accepts and says nothing              { when: { phase: "connect" }, fault: { type: "blackHole" } }
 *     takes the ClientHello, says nothing   { when: { phase: "clientHello" }, fault: { type: "blackHole" } }
 *     breaks the TLS handshake              { when: { phase: "clientHello" }, fault: { type: "garbage" } }, or "tlsAlert"
 *     half-open, the client hears nothing   { when: { phase: "open", messages: 3 }, fault: { type: "blackHole", direction: "toClient" } }
 *     a frame that announces 2^40 bytes     { …, fault: { type: "inject", frame: { opcode: "binary", length: 1099511627776 } } }
 *     a flood of pings                      { …, fault: { type: "inject", frame: { opcode: "ping", size: 125 }, times: 100000 } }
 *     cut in the middle of a frame          { when: { phase: "open", messages: 2, bytes: 3 }, fault: { type: "reset" } }
 *
 * ## By hand
 *
 *     const connection = await proxy.connection(1);      // as soon as it is there; proxy.connections has all
 *     await connection.reached("open");
 *     connection.blackHole("toClient");                  // reset(), end(), or apply(any fault)
 *     connection.heal();                                 // takes latency, pace, glue and stalls away
 *     proxy.apply({ type: "reset" });                    // to all that stand
 *     await proxy.down(); await proxy.up();              // refuses connections, takes them again on the same port
 *     await connection.ended;
 *
 * ## The record
 *
 * `proxy.history` tells what happened to which connection, and when (ms since the start): "connected", "phase", "fault" (with everything drawn),
 * "failed", "ended". `proxy.faults` has the faults alone and without times: with the same seed they are the same.
 *
 * ## Chance
 *
 * Each rule draws for each connection from a chance of its own, made of the seed, the number of the connection and the rule's place. So the same seed gives
 * the same draws in whatever order connections live and die, and a rule that is added behind the others changes none of them.
 *
 * ## TLS
 *
 * With `tls: { key, cert }` the proxy is the server's end of TLS, `url` is wss:, and it sees everything; the target may be ws: or wss:, and its certificate isn't
 * judged. Without it, before a wss: target, TLS passes as it is, and the phases are connect and clientHello.
 */
import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { Arrivals, type NoArrival } from "./arrivals.ts";
import type { DrawnFault, Fault, FaultPhase, FaultPlan } from "./fault.ts";
import { chanceFor, rulesFor } from "./fault-draws.ts";
import { checkFaultPlan, FaultPlanError } from "./fault-plan.ts";
import { Door, tlsOver, urlOf } from "./listening.ts";
import { type ConnectionEvent, ProxiedConnection } from "./proxied-connection.ts";
import type { Route } from "./proxy-link.ts";
import { startTimer } from "./start-timer.ts";
import { type Target, targetOf } from "./target.ts";

export type FaultProxyOptions = {
  /** The server behind it: its URL (ws:, wss:, http:, https: or ws+unix:), or its port on 127.0.0.1. */
  readonly target: string | URL | number;
  /** What happens to connections. Default: nothing. */
  readonly plan?: FaultPlan;
  /** Makes it wss, and the proxy the server's end of TLS: `{ key, cert }` and whatever else tls.createSecureContext takes. */
  readonly tls?: SecureContextOptions;
  /** Default 0: a free one. */
  readonly port?: number;
  /** The address to listen on. Default "127.0.0.1". */
  readonly host?: string;
  /** How long a test may wait for a connection or a phase, in ms. Default 5000. */
  readonly timeout?: number;
  /** ms that one side of a connection is left standing when the other has ended and a fault hides that. Default 30 000. */
  readonly abandonAfter?: number;
  /** How many records `history` keeps, the newest. Default 10 000. */
  readonly historyLimit?: number;
};

/** Something that happened to a connection; `at` is in ms since the proxy was started. */
export type FaultRecord = ConnectionEvent & { readonly connection: number; readonly at: number };

/** A fault that was done to a connection, everything drawn. */
export type FaultDone = { readonly connection: number; readonly phase: FaultPhase; readonly fault: DrawnFault };

const NO_FAULTS: FaultPlan = { connections: [] };
/** The draws of what is done by hand have a part of the seed for themselves, far behind those of the rules. */
const BY_HAND = 1_000_000;

export class FaultProxy implements AsyncDisposable {
  readonly #route: Route;
  readonly #target: Target;
  readonly #timeout: number;
  readonly #abandonAfter: number;
  readonly #historyLimit: number;
  readonly #door: Door;
  readonly #arrivals = new Arrivals<ProxiedConnection>(noArrival);
  readonly #live = new Set<ProxiedConnection>();
  readonly #history: FaultRecord[] = [];
  readonly #startedAt = performance.now();
  #plan: FaultPlan = NO_FAULTS;
  #countBeforePlan = 0;
  #cancelUp: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(options: FaultProxyOptions) {
    const { port = 0, host = "127.0.0.1", tls } = options;
    this.#target = targetOf(options.target);
    this.#route = {
      target: this.#target.place,
      dialsTls: this.#target.isTls && tls !== undefined,
      tls: tls !== undefined ? { ends: tlsOver(tls) } : this.#target.isTls ? "passed" : "none",
    };
    this.#timeout = options.timeout ?? 5000;
    this.#abandonAfter = options.abandonAfter ?? 30_000;
    this.#historyLimit = options.historyLimit ?? 10_000;
    this.#door = new Door(
      { port, host },
      (socket) => this.#connected(socket),
      () => {},
    );
    this.onConnection(options.plan ?? NO_FAULTS);
  }

  /** Resolves when it listens. Rejects with a FaultPlanError, a TypeError for a target that is none, or the system's error. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await proxy.up();
    return proxy;
  }

  /** What clients connect to instead of the target, with the target's path. */
  get url(): string {
    return urlOf(this.#door.place, this.#route.tls === "none" ? "ws" : "wss") + this.#target.path;
  }

  get port(): number {
    return "port" in this.#door.place ? this.#door.place.port : 0;
  }

  /** All connections so far, oldest first, ended or not; of those that have ended, the newest 1000. */
  get connections(): readonly ProxiedConnection[] {
    return this.#arrivals.all;
  }

  /** What happened, oldest first. */
  get history(): readonly FaultRecord[] {
    return [...this.#history];
  }

  /** The faults of the history without their times: what a seed decides, apart from the order between connections. */
  get faults(): readonly FaultDone[] {
    return this.#history.flatMap((record) =>
      record.type === "fault" ? [{ connection: record.connection, phase: record.phase, fault: record.fault }] : [],
    );
  }

  /** The plan for the connections from now on, which are counted from 1. @throws FaultPlanError */
  onConnection(plan: FaultPlan): void {
    const checked = checkFaultPlan(plan);
    this.#checkPhases(checked);
    this.#plan = checked;
    this.#countBeforePlan = this.#arrivals.count;
  }

  /** The how-manyth connection, from 1: at once if it has come, else as soon as it does. Rejects when it doesn't in time. */
  connection(
    number: number,
    { timeout = this.#timeout }: { readonly timeout?: number } = {},
  ): Promise<ProxiedConnection> {
    return this.#arrivals.wait(number, timeout);
  }

  /** Does this now to all connections that stand. @throws FaultPlanError */
  apply(fault: Fault): void {
    for (const connection of [...this.#live]) connection.apply(fault);
  }

  /** Takes connections again, on the same port. Rejects with the system's error if that has been taken meanwhile. */
  async up(): Promise<void> {
    if (this.#stopped !== undefined) return;
    this.#cancelUp?.();
    this.#cancelUp = undefined;
    await this.#door.open();
  }

  /** Refuses connections until up(). Those that stand are left alone. */
  async down(): Promise<void> {
    this.#cancelUp?.();
    this.#cancelUp = undefined;
    this.#door.shut();
  }

  /** Ends everything at once; resolves when nothing is open any more. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    await undefined;
    await this.down();
    this.#arrivals.stop();
    const ended = [...this.#live].map((connection) => connection.ended);
    for (const connection of this.#live) connection.destroy();
    await Promise.all(ended);
    await this.#door.gone();
  }

  #connected(socket: Socket): void {
    if (this.#stopped !== undefined) {
      socket.destroy();
      return;
    }
    const number = this.#arrivals.next();
    const numberInPlan = number - this.#countBeforePlan;
    const connection = new ProxiedConnection(number, socket, {
      route: this.#route,
      rules: rulesFor(this.#plan, numberInPlan),
      random: chanceFor(this.#plan, numberInPlan, BY_HAND),
      timeout: this.#timeout,
      abandonAfter: this.#abandonAfter,
      tell: (event) => this.#tell(number, event),
      down: (ms) => this.#downFor(number, ms),
    });
    this.#live.add(connection);
    this.#arrivals.add(number, connection);
    void connection.ended.then(() => {
      this.#live.delete(connection);
      this.#arrivals.ended(number);
    });
  }

  #tell(connection: number, event: ConnectionEvent): void {
    this.#history.push({ ...event, connection, at: performance.now() - this.#startedAt });
    if (this.#history.length > this.#historyLimit) this.#history.shift();
  }

  #downFor(connection: number, ms: number): void {
    void this.down();
    this.#cancelUp = startTimer(ms, () => {
      this.up().catch((error: Error) => this.#tell(connection, { type: "failed", message: error.message }));
    });
  }

  // Inside TLS that is passed on nothing can be seen, so a rule for it would never come true.
  #checkPhases({ connections }: FaultPlan): void {
    const { tls } = this.#route;
    for (const [index, { when }] of connections.entries()) {
      const isTlsPhase = when.phase === "clientHello";
      if (tls === "passed" ? isTlsPhase || when.phase === "connect" : tls !== "none" || !isTlsPhase) continue;
      const why = isTlsPhase
        ? "there is no TLS here: give the proxy `tls`, or a wss: target"
        : "TLS passes through here, and hides it: give the proxy `tls: { key, cert }`";
      throw new FaultPlanError(
        `connections[${index}].when.phase`,
        `connections[${index}].when.phase is "${when.phase}", which never comes: ${why}.`,
      );
    }
  }
}

function noArrival(number: number, why: NoArrival): Error {
  switch (why.type) {
    case "timeout":
      return new Error(`Connection ${number} did not come within ${why.timeout} ms; there were ${why.count}.`);
    case "forgotten":
      return new Error(`Connection ${number} has ended long ago, and is forgotten.`);
    case "stopped":
      return new Error("The fault proxy is being stopped.");
  }
}
