/**
 * The servers and the network of the simulated soak, and all that goes wrong with them, drawn from a seed: servers die for minutes, refuse, hang, accept and
 * drop, ask for patience, and cut links after a day; links are reset, ended, closed, forgotten, and held up; peers stop reading.
 */
import type { Frame } from "../../src/frame.ts";
import type { Clock, Timer } from "../../src/platform/platform.ts";
import type { SimulatedLink } from "../support/simulated-link.ts";
import type { AttemptFate, SimulatedServer } from "../support/simulated-network.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** The longest that a link may live, as many services have it. */
const CUT_AFTER = 24 * HOUR;
/** The most that a Retry-After asks for, in s. */
export const LONGEST_RETRY_AFTER = 60;
/** How often something happens to the links of the calmest server, and to those of each next one twice as often. */
const LINK_FAULT_EVERY = 80 * HOUR;
const SERVER_FAULT_EVERY = 100 * HOUR;

type Trouble = "none" | "down" | "unreachable" | "hanging" | "cutting" | "overloaded" | "flapping";
const TROUBLES: readonly Trouble[] = ["down", "unreachable", "hanging", "cutting", "overloaded", "flapping"];
type LinkFault = "reset" | "fin" | "close" | "empty close" | "vanish" | "freeze" | "stop reading";
const LINK_FAULTS: readonly LinkFault[] = ["reset", "fin", "close", "empty close", "vanish", "freeze", "stop reading"];

type Server = { readonly index: number; trouble: Trouble; timer: Timer | undefined };
type Client = {
  readonly index: number;
  newest: SimulatedLink | undefined;
  /** The last that it had, over or not. */
  last: SimulatedLink | undefined;
  sent: number;
  /** When a Retry-After lets it come again. */
  welcomeAt: number;
};
type Record = { readonly client: Client; readonly server: Server; fault: Timer | undefined; cut: Timer | undefined };

export type WorldOptions = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly servers: number;
  /** Bytes that the system of a client takes. */
  readonly systemBuffer: (client: number) => number;
  readonly arrived: (client: number, link: SimulatedLink, frame: Frame) => void;
  readonly delivered: (client: number, frame: Frame) => void;
  /** An attempt came so many ms before a Retry-After allows it. */
  readonly early: (client: number, ms: number) => void;
  readonly missed: (client: number, frame: Frame, how: "reported" | "lost") => void;
};

export class World implements SimulatedServer {
  /** Attempts at each server. */
  readonly attempts: number[];
  messagesSent = 0;
  /** Links that were cut off for their age. */
  readonly cuts = new Map<number, number>();
  readonly faults: { [Fault in Exclude<Trouble, "none"> | LinkFault]?: number } = {};
  readonly #options: WorldOptions;
  readonly #servers: Server[];
  readonly #clients = new Map<number, Client>();
  readonly #links = new Map<SimulatedLink, Record>();
  /** All of them, those whose server has gone included: what the client still sends on them belongs to it. */
  readonly #owners = new WeakMap<SimulatedLink, Client>();
  #isWell = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#servers = Array.from({ length: options.servers }, (_, index) => ({
      index,
      trouble: "none",
      timer: undefined,
    }));
    this.attempts = this.#servers.map(() => 0);
    for (const server of this.#servers) this.#scheduleTrouble(server);
  }

  /** Where a client connects to. */
  urlOf(client: number): string {
    return `ws://server-${client % this.#servers.length}.simulated/${client}`;
  }

  get links(): number {
    return this.#links.size;
  }

  /** From now on nothing goes wrong, and what did is over, but for links that nobody knows to be dead. */
  becomeWell(): void {
    this.#isWell = true;
    for (const server of this.#servers) server.trouble = "none";
    for (const link of this.#links.keys()) {
      link.thaw();
      link.goOnReading();
    }
  }

  goOn(): void {
    this.#isWell = false;
  }

  /** Something happens to all servers at once, but for the two calmest, whose links are to grow old. */
  strike(): void {
    for (const server of this.#servers.slice(2)) {
      if (server.timer !== undefined) this.#options.clock.cancel(server.timer);
      this.#beginTrouble(server);
    }
  }

  /** The machine of the clients slept for long: much on the way has forgotten its links. */
  forgetLinks(share: number): void {
    for (const link of [...this.#links.keys()]) if (this.#options.random() < share) link.vanish();
  }

  /** A message to this client on its newest link, if there is one. */
  tell(index: number): void {
    const client = this.#clients.get(index);
    if (client?.newest?.isOpenAtServer !== true) return;
    client.sent += 1;
    this.messagesSent += 1;
    client.newest.sendDown({ type: "text", data: String(client.sent) });
  }

  /** Has this client a link that carries? */
  reaches(index: number): boolean {
    return this.#clients.get(index)?.newest?.isOpenAtServer === true;
  }

  /** Was its last link ever held up? If not, it has no reason to take it for dead. */
  wasHeldUp(index: number): boolean {
    return this.#clients.get(index)?.last?.wasHeldUp === true;
  }

  ping(index: number): void {
    this.#clients.get(index)?.newest?.sendDown({ type: "ping", data: PAYLOAD });
  }

  end(): void {
    for (const { timer } of this.#servers) if (timer !== undefined) this.#options.clock.cancel(timer);
  }

  // ── What the network asks ──────────────────────────────────────────────────────────────────────────────────────

  attempted(url: URL): AttemptFate {
    const { random, clock } = this.#options;
    const { server, client } = this.#ends(url);
    this.attempts[server.index] = (this.attempts[server.index] ?? 0) + 1;
    if (clock.now() < client.welcomeAt) this.#options.early(client.index, client.welcomeAt - clock.now());
    switch (server.trouble) {
      case "down":
        return { type: "refuse" };
      case "unreachable":
        return { type: "unreachable" };
      case "hanging":
        return { type: "silent" };
      case "cutting":
        return { type: "cut" };
      case "overloaded":
        if (random() < 0.7) {
          const seconds = random() < 0.8 ? Math.floor(random() * (LONGEST_RETRY_AFTER + 1)) : 0;
          client.welcomeAt = clock.now() + seconds * SECOND;
          return {
            type: "status",
            status: random() < 0.5 ? 503 : 429,
            headers: seconds > 0 ? [["retry-after", String(seconds)]] : [],
          };
        }
    }
    return {
      type: "accept",
      latency: () => 5 + Math.floor(random() * 20),
      systemBuffer: this.#options.systemBuffer(client.index),
    };
  }

  accepted(link: SimulatedLink, url: URL): void {
    const { server, client } = this.#ends(url);
    const record: Record = { client, server, fault: undefined, cut: undefined };
    this.#links.set(link, record);
    this.#owners.set(link, client);
    client.newest = link;
    client.last = link;
    const { clock, random } = this.#options;
    record.cut = clock.after(
      CUT_AFTER,
      () => {
        this.cuts.set(client.index, (this.cuts.get(client.index) ?? 0) + 1);
        link.endFromServer(random() < 0.5 ? "fin" : "reset");
      },
      true,
    );
    if (server.trouble === "flapping") {
      const how = random();
      record.fault = clock.after(
        exponential(random, SECOND),
        () => (how < 0.5 ? link.closeFromServer(1012) : link.endFromServer(how < 0.75 ? "fin" : "reset")),
        true,
      );
    } else {
      this.#scheduleLinkFault(link, record, LINK_FAULT_EVERY / 2 ** server.index);
    }
  }

  arrived(link: SimulatedLink, frame: Frame): void {
    this.#options.arrived(this.#ownerOf(link), link, frame);
  }

  delivered(link: SimulatedLink, frame: Frame): void {
    this.#options.delivered(this.#ownerOf(link), frame);
  }

  missed(link: SimulatedLink, frame: Frame, how: "reported" | "lost"): void {
    this.#options.missed(this.#ownerOf(link), frame, how);
  }

  ended(link: SimulatedLink): void {
    const record = this.#links.get(link);
    if (record === undefined) return;
    this.#links.delete(link);
    const { clock } = this.#options;
    for (const timer of [record.fault, record.cut]) if (timer !== undefined) clock.cancel(timer);
    if (record.client.newest === link) record.client.newest = undefined;
  }

  // ── What goes wrong ────────────────────────────────────────────────────────────────────────────────────────────

  #scheduleTrouble(server: Server): void {
    const { clock, random } = this.#options;
    const wait = exponential(random, SERVER_FAULT_EVERY / 2 ** server.index);
    server.timer = clock.after(wait, () => this.#beginTrouble(server), true);
  }

  #beginTrouble(server: Server): void {
    const { clock, random } = this.#options;
    if (this.#isWell) {
      this.#scheduleTrouble(server);
      return;
    }
    const trouble = TROUBLES[Math.floor(random() * TROUBLES.length)] as Exclude<Trouble, "none">;
    server.trouble = trouble;
    this.#count(trouble);
    const how = random();
    for (const [link, record] of [...this.#links]) {
      if (record.server !== server) continue;
      if (trouble === "down") {
        if (how < 0.4) link.endFromServer("reset");
        else if (how < 0.8) link.endFromServer("fin");
        else link.vanish();
      } else if (trouble === "unreachable") {
        link.freeze();
      } else if (trouble === "overloaded" && how < 0.5) {
        link.closeFromServer(1013);
      }
    }
    const lasts = 10 * SECOND + random() * 10 * MINUTE;
    server.timer = clock.after(
      lasts,
      () => {
        server.trouble = "none";
        for (const [link, record] of this.#links) if (record.server === server) link.thaw();
        this.#scheduleTrouble(server);
      },
      true,
    );
  }

  #scheduleLinkFault(link: SimulatedLink, record: Record, every: number): void {
    const { clock, random } = this.#options;
    record.fault = clock.after(exponential(random, every), () => this.#harm(link, record, every), true);
  }

  #harm(link: SimulatedLink, record: Record, every: number): void {
    const { clock, random } = this.#options;
    if (this.#isWell) {
      this.#scheduleLinkFault(link, record, every);
      return;
    }
    const fault = LINK_FAULTS[Math.floor(random() * LINK_FAULTS.length)] as LinkFault;
    this.#count(fault);
    const undo = (ms: number, what: () => void): void => {
      record.fault = clock.after(
        ms,
        () => {
          what();
          this.#scheduleLinkFault(link, record, every);
        },
        true,
      );
    };
    switch (fault) {
      case "reset":
      case "fin":
        link.endFromServer(fault);
        return;
      case "close":
        link.closeFromServer(random() < 0.5 ? 1001 : 1012);
        return;
      case "empty close":
        link.closeFromServer();
        return;
      case "vanish":
        link.vanish();
        return;
      case "freeze":
        link.freeze();
        undo(5 * SECOND + random() * 55 * SECOND, () => link.thaw());
        return;
      case "stop reading":
        link.stopReading();
        undo(10 * SECOND + random() * 110 * SECOND, () => link.goOnReading());
        return;
    }
  }

  #count(fault: Exclude<Trouble, "none"> | LinkFault): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }

  #ends(url: URL): { readonly server: Server; readonly client: Client } {
    const index = Number(url.pathname.slice(1));
    let client = this.#clients.get(index);
    if (client === undefined) {
      client = { index, newest: undefined, last: undefined, sent: 0, welcomeAt: 0 };
      this.#clients.set(index, client);
    }
    return { server: this.#servers[index % this.#servers.length] as Server, client };
  }

  #ownerOf(link: SimulatedLink): number {
    return (this.#owners.get(link) as Client).index;
  }
}

const PAYLOAD = new TextEncoder().encode("server");

/** A wait of so many ms on average, as between events that know nothing of each other. */
export function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean;
}
