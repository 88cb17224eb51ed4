/**
 * The two sockets of a proxied connection and a lane each way: how they come about, what they carry, and how they end. It knows nothing of plans.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { FaultDirection } from "./fault.ts";
import { Lane } from "./lane.ts";
import type { Place } from "./listening.ts";
import { startTimer } from "./start-timer.ts";

/** How the proxy serves: what it dials, and whether it sees through TLS. */
export type Route = {
  readonly target: Place;
  /** TLS towards the server. */
  readonly dialsTls: boolean;
  /** "none": plain TCP. "passed": TLS goes through, and hides everything. `ends`: the proxy itself is the server's end of it. */
  readonly tls: "none" | "passed" | { readonly ends: (raw: Socket) => Socket };
};

/** Who hears of what happens here. */
export type LinkOwner = {
  /** The first bytes of TLS are there; nothing is done with them before the event that is put into the lane next. */
  readonly hello: () => void;
  readonly received: (direction: FaultDirection, chunk: Uint8Array) => void;
  /** This stream is over; what of it has been held back, if it is to be passed on. */
  readonly finished: (direction: FaultDirection) => Uint8Array;
  readonly failed: (message: string) => void;
  /** Both sockets are gone. */
  readonly ended: () => void;
};

export const DIRECTIONS: readonly FaultDirection[] = ["toClient", "toServer"];
/**
 * ms that RST comes after the last bytes. A system that sees both at once may throw the bytes away, or may make an end without error of
 * the RST, as libuv does; a fault after so many bytes is to mean that they arrived.
 */
const RESET_DISTANCE = 10;

export class ProxyLink {
  readonly lanes = { toClient: new Lane(), toServer: new Lane() };
  readonly #route: Route;
  readonly #owner: LinkOwner;
  readonly #abandonAfter: number;
  readonly #client: Socket;
  #server: Socket | undefined;
  /** Where the bytes are that the lanes carry: on top of TLS, if the proxy sees through it. */
  #clientStream: Socket;
  #serverStream: Socket | undefined;
  readonly #timers = new Set<() => void>();
  #hasBegun = false;
  #hasDialled = false;
  #isAbandoned = false;
  #hasEnded = false;

  constructor(client: Socket, route: Route, abandonAfter: number, owner: LinkOwner) {
    this.#client = client;
    this.#clientStream = client;
    this.#route = route;
    this.#abandonAfter = abandonAfter;
    this.#owner = owner;
    client.on("error", () => {});
    client.once("close", () => this.#sideClosed());
    this.lanes.toClient.sink = client;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Begins to read the client. */
  begin(): void {
    this.#hasBegun = true;
    const { tls } = this.#route;
    if (tls === "none" || tls === "passed") {
      this.#listen("toServer", this.#client);
      return;
    }
    this.#client.once("end", () => this.#client.end());
    // The ClientHello is looked at before TLS begins, and then put back.
    this.#client.once("data", (chunk: Buffer) => {
      this.#client.pause();
      this.#client.unshift(chunk);
      this.#owner.hello();
      this.lanes.toServer.event(() => this.#beginTls(tls.ends(this.#client)));
    });
  }

  /** Puts bytes on their way to the server, which is dialled with the first of them: so it never sees those whom a fault answers in its place. */
  dialOnce(): void {
    if (this.#hasDialled) return;
    this.#hasDialled = true;
    this.lanes.toServer.event(() => this.#dial());
  }

  /** Calls back later, unless the connection has ended by then. */
  later(ms: number, run: () => void): void {
    const cancel = startTimer(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  /** RST or FIN to these sides. Neither side learns from the other how that has ended. */
  finish(how: "reset" | "end", hit: readonly FaultDirection[]): void {
    for (const direction of hit) {
      this.lanes[direction].flush();
      if (how === "end") this.#sink(direction)?.end();
      else this.#resetSide(direction);
    }
    for (const direction of DIRECTIONS) {
      if (hit.includes(direction)) this.swallow(direction);
      else this.lanes[direction].hideEnd();
    }
    this.#abandon();
  }

  /** Bytes for the client in place of all that the server would say, then FIN or nothing. `raw`: under TLS, not in it. */
  answerInPlace(bytes: Uint8Array, { raw, end }: { readonly raw: boolean; readonly end: boolean }): void {
    const stream = raw ? this.#client : this.#clientStream;
    stream.write(bytes);
    if (end) stream.end();
    this.#server?.destroy();
    for (const direction of DIRECTIONS) this.swallow(direction);
  }

  /** What goes this way is read and lost. */
  swallow(direction: FaultDirection): void {
    this.lanes[direction].swallow();
    // A client that nobody listens to yet is listened to now, so that its end is seen.
    if (direction === "toServer" && !this.#hasBegun) {
      this.#hasBegun = true;
      this.#client.once("end", () => this.#abandon());
      this.#client.resume();
    }
  }

  /** Both sockets are gone at once, and no timer is left. */
  destroy(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const direction of DIRECTIONS) this.lanes[direction].close();
    for (const socket of [this.#clientStream, this.#client, this.#serverStream, this.#server]) socket?.destroy();
  }

  #beginTls(stream: Socket): void {
    this.#clientStream = stream;
    stream.on("error", (error) => this.#owner.failed(`The client: ${error.message}`));
    stream.once("close", () => this.#client.destroy());
    this.lanes.toClient.sink = stream;
    this.#listen("toServer", stream);
  }

  #dial(): void {
    const server = connect({ ...this.#route.target, allowHalfOpen: true, noDelay: true });
    this.#server = server;
    server.on("error", (error) => this.#owner.failed(`The server: ${error.message}`));
    server.once("close", () => this.#sideClosed());
    // A proxy that is for tests does not judge the certificate of the server that it was told to stand before.
    const stream = this.#route.dialsTls ? connectTls({ socket: server, rejectUnauthorized: false }) : server;
    this.#serverStream = stream;
    if (stream !== server) {
      stream.on("error", (error) => this.#owner.failed(`The server: ${error.message}`));
      stream.once("close", () => server.destroy());
    }
    this.#listen("toClient", stream);
    this.lanes.toServer.sink = stream;
  }

  #listen(direction: FaultDirection, source: Socket): void {
    const lane = this.lanes[direction];
    const hidden = () => this.#abandon();
    let hasFinished = false;
    source.on("data", (chunk: Buffer) => this.#owner.received(direction, chunk));
    source.once("end", () => {
      hasFinished = true;
      const held = this.#owner.finished(direction);
      if (held.byteLength > 0) {
        this.dialOnce();
        lane.push(held, "inside");
      }
      lane.end(() => (this.#sink(direction) ?? this.#clientStream).end(), hidden);
    });
    // What ends without FIN has been reset, or never came about.
    source.once("close", () => {
      if (!hasFinished) lane.end(() => this.#resetSide(direction), hidden);
    });
    lane.source = source;
  }

  #sink(direction: FaultDirection): Socket | undefined {
    return direction === "toClient" ? this.#clientStream : this.#serverStream;
  }

  #resetSide(direction: FaultDirection): void {
    const raw = direction === "toClient" ? this.#client : this.#server;
    if (raw === undefined || raw.destroyed) return;
    const wait = this.lanes[direction].lastWriteAt + RESET_DISTANCE - performance.now();
    if (wait > 0) this.later(wait, () => this.#resetSide(direction));
    // A unix socket knows no RST.
    else if (raw.remoteFamily === undefined) raw.destroy();
    else raw.resetAndDestroy();
  }

  #sideClosed(): void {
    if (this.#hasEnded) return;
    if (!this.#client.closed || this.#server?.closed === false) {
      this.#abandon();
      return;
    }
    this.#hasEnded = true;
    this.destroy();
    this.#owner.ended();
  }

  // A fault may keep one side from learning of the other's end. It isn't left standing for ever.
  #abandon(): void {
    if (this.#isAbandoned || this.#hasEnded) return;
    this.#isAbandoned = true;
    this.later(this.#abandonAfter, () => this.destroy());
  }
}
