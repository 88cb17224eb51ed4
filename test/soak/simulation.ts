/**
 * The simulated soak: real connections on a simulated network, days in seconds, every figure decided by the seed.
 *
 *     const report = await simulate({ seed: 1, hours: 72, connections: 200 });
 *     report.violations;  // nothing, or sentences
 */
import type { Clock, Platform, Timer } from "../../src/platform/platform.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { seededRandom, seedFor } from "../../src/testing/seeded-random.ts";
import { simulatedNetwork } from "../support/simulated-network.ts";
import { heapAfterCollection, type Slope, slopeOf } from "./memory.ts";
import { OPTIONS, SimulatedClient } from "./simulated-client.ts";
import { exponential, LONGEST_RETRY_AFTER, World } from "./simulated-world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const SERVERS = 8;
const ROUND_TRIP = 20;
/** On average a message each way in so long, and everybody a hundred at once so often. */
const MESSAGE_EVERY = 2 * MINUTE;
const BURST_EVERY = 12 * HOUR;
const BURST = 60;
const PING_EVERY = 10 * MINUTE;
const REPLACE_EVERY = 8 * HOUR;
const STALL_EVERY = HOUR / 3;
const SLEEP_EVERY = 5 * HOUR;
/** So often something happens to all servers at once, for so long; then everything is well for some minutes. */
const CALM_EVERY = 6;
const STRIKE = 5 * MINUTE;
/** More than any chain of promises takes that waits for nothing else. */
const HOPS = 12;
/** How much the heap may grow over the second half of a soak, in MiB. */
const MOST_GROWTH = 4;

/** How many waits the backoff takes to reach its longest. */
const RAMP = Math.ceil(Math.log(OPTIONS.backoffMax / OPTIONS.backoffInitial) / Math.log(OPTIONS.backoffFactor));

/**
 * How long it may take until everybody is open again, once the network is well, in ms: a dead link is found within an interval and a timeout, or
 * an attempt that hangs runs out; then comes the longest wait, with a quarter on top of what a Retry-After asks for; then an attempt.
 */
export const RECOVERY_BOUND =
  Math.max(OPTIONS.pingInterval + OPTIONS.pongTimeout, OPTIONS.connectTimeout + OPTIONS.upgradeTimeout) +
  Math.max(OPTIONS.backoffMax, LONGEST_RETRY_AFTER * SECOND * 1.25) +
  OPTIONS.closeTimeout +
  SECOND;
const CALM = RECOVERY_BOUND + MINUTE;

export type SimulationOptions = { readonly seed: number; readonly hours: number; readonly connections: number };

/** What a seed decides. */
export type Figures = {
  readonly attempts: number;
  readonly opens: number;
  readonly ends: number;
  readonly replacements: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly stalls: number;
  readonly sleeps: number;
  /** In the busiest hour: how many attempts, and how many the backoff would allow. */
  readonly mostAttempts: { readonly hour: number; readonly attempts: number; readonly bound: number };
  /** The share of an hour's bound that was used, at the most. */
  readonly mostOfBound: number;
  readonly toServer: Readonly<Record<"accepted" | "refused" | "received" | "dropped" | "reported" | "lost", number>>;
  readonly toClients: { readonly sent: number; readonly delivered: number; readonly handled: number };
  /** Links that were cut for their age: of connections with replaceAfter, and of those without. */
  readonly cuts: { readonly replaced: number; readonly others: number };
  /** How long it took until everybody was open again, at the most, in ms. */
  readonly slowestRecovery: number;
  /** Timers of the connections at the end, once all is quiet, and what they are for at the least and the most. */
  readonly timers: { readonly atRest: number; readonly least: number; readonly most: number; readonly atEnd: number };
};

export type SimulationReport = {
  readonly options: SimulationOptions;
  readonly figures: Figures;
  readonly violations: readonly string[];
  /** Heap in MiB behind a collection, once an hour; its growth over the second half. */
  readonly heap: Slope;
  /** What it took of a processor, in s. */
  readonly seconds: number;
};

/** A clock on another, that counts its own timers. */
class CountedClock implements Clock {
  pending = 0;
  readonly #clock: Clock;
  readonly #live = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallClock(): number {
    return this.#clock.wallClock();
  }

  after(ms: number, callback: () => void, ref: boolean): Timer {
    const timer = this.#clock.after(
      ms,
      () => {
        this.#forget(timer);
        callback();
      },
      ref,
    );
    if (ms === Number.POSITIVE_INFINITY) return timer;
    this.#live.add(timer);
    this.pending += 1;
    return timer;
  }

  cancel(timer: Timer): void {
    this.#forget(timer);
    this.#clock.cancel(timer);
  }

  #forget(timer: Timer): void {
    if (this.#live.delete(timer)) this.pending -= 1;
  }
}

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, hours, connections } = options;
  const startedAt = process.cpuUsage();
  const violations: string[] = [];
  const violated = (sentence: string): void => {
    if (violations.length < 100) violations.push(`at ${(clock.now() / HOUR).toFixed(3)} h: ${sentence}`);
  };
  const clock = new FakeClock();
  const connectionClock = new CountedClock(clock);
  const chance = (part: number): (() => number) => seededRandom(seedFor(seed, part));
  const clients: SimulatedClient[] = [];
  const clientOf = (index: number): SimulatedClient => clients[index] as SimulatedClient;
  const world = new World({
    clock,
    random: chance(1),
    servers: SERVERS,
    systemBuffer: (index) => (index % 3 === 2 ? 4096 : 0),
    arrived: (index, link, frame) => clientOf(index).arrived(link, frame),
    delivered: (index, frame) => {
      if (frame.type === "text") clientOf(index).delivered += 1;
    },
    early: (index, ms) => {
      if (!clientOf(index).isImpatient)
        violated(`client ${index}: attempts: one ${ms} ms before Retry-After allows it`);
    },
    missed: (index, frame, how) => clientOf(index).missed(frame, how),
  });
  const openChannel = simulatedNetwork({ clock, server: world, roundTrip: ROUND_TRIP });
  let identifiers = 0;
  const platformOf = (index: number): Platform => ({
    openChannel,
    clock: connectionClock,
    random: chance(1000 + index),
    identifier() {
      identifiers += 1;
      return String(identifiers);
    },
    logError: violated,
    logInfo: () => undefined,
  });
  for (let index = 0; index < connections; index += 1) {
    clients.push(
      new SimulatedClient({
        index,
        uri: world.urlOf(index),
        platform: platformOf(index),
        clock,
        violated,
        wasHeldUp: () => world.wasHeldUp(index),
      }),
    );
  }

  // ── What the programs and the servers do ─────────────────────────────────────────────────────────────────────
  const random = chance(2);
  let isBusy = true;
  const recurring = (mean: number, what: () => void): void => {
    clock.after(exponential(random, mean), () => {
      if (!isBusy) return;
      what();
      recurring(mean, what);
    });
  };
  const burst = (client: SimulatedClient): void => {
    for (let count = 0; count < BURST; count += 1) client.send();
  };
  for (const client of clients) {
    const { index, connection } = client;
    recurring(MESSAGE_EVERY, () => client.send());
    recurring(MESSAGE_EVERY, () => world.tell(index));
    recurring(BURST_EVERY, () => burst(client));
    if (index % 4 === 0) recurring(PING_EVERY, () => world.ping(index));
    if (index % 5 === 0) recurring(PING_EVERY, () => connection.info("tick"));
    if (index % 10 === 3) recurring(PING_EVERY, () => void connection.probe().catch(() => undefined));
    if (client.replaces) recurring(REPLACE_EVERY, () => void connection.replace().catch(() => undefined));
    if (index % 10 === 5) {
      recurring(REPLACE_EVERY, () => (random() < 0.5 ? connection.reconnect() : connection.close(1000)));
    }
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────
  const settle = async (): Promise<void> => {
    for (let hop = 0; hop < HOPS; hop += 1) await undefined;
  };
  const run = async (until: number): Promise<void> => {
    while ((clock.nextAt ?? Number.POSITIVE_INFINITY) <= until) {
      clock.advanceToNext();
      await settle();
    }
    clock.advance(Math.max(0, until - clock.now()));
    await settle();
  };
  let [stalls, sleeps] = [0, 0];
  const machine = [
    {
      at: exponential(random, STALL_EVERY),
      every: STALL_EVERY,
      happens: () => {
        stalls += 1;
        clock.stall(2 * SECOND + random() * 88 * SECOND);
      },
    },
    {
      at: exponential(random, SLEEP_EVERY),
      every: SLEEP_EVERY,
      happens: () => {
        sleeps += 1;
        clock.jumpWallClock(MINUTE + random() * 8 * HOUR);
        if (random() < 0.5) world.forgetLinks(random() ** 2);
      },
    },
  ];
  const runWithFaults = async (until: number): Promise<void> => {
    for (;;) {
      const next = machine.reduce((first, event) => (event.at < first.at ? event : first));
      if (next.at > until) break;
      await run(Math.max(next.at, clock.now()));
      next.happens();
      await settle();
      next.at = clock.now() + exponential(random, next.every);
    }
    await run(until);
  };
  let slowestRecovery = 0;
  const recover = async (): Promise<void> => {
    world.becomeWell();
    const from = clock.now();
    // A link that nobody knows to be dead looks open, and isn't.
    const isRecovered = () => clients.every(({ index, connection }) => connection.isOpen && world.reaches(index));
    while (!isRecovered() && clock.now() - from < RECOVERY_BOUND) await run(clock.now() + SECOND);
    slowestRecovery = Math.max(slowestRecovery, clock.now() - from);
    for (const { index, connection } of clients) {
      if (!connection.isOpen || !world.reaches(index))
        violated(`client ${index}: ${connection.status} ${RECOVERY_BOUND} ms after all is well`);
    }
  };

  const heap: number[] = [];
  let mostAttempts = { hour: 0, attempts: 0, bound: 0 };
  let mostOfBound = 0;
  const groups = world.attempts.map((_, server) => ({
    server,
    clients: clients.filter(({ index }) => index % SERVERS === server),
    before: { attempts: 0, series: 0, down: Math.ceil(connections / SERVERS), replacements: 0 },
  }));
  /** Holds the attempts of the hour at a server against what the backoff allows its clients. */
  const judge = (group: (typeof groups)[number]): { readonly attempts: number; readonly bound: number } => {
    const { server, before } = group;
    const series = sum(group.clients, (client) => client.series);
    const replacements = sum(group.clients, (client) => client.connection.stats.replacements);
    const longestWaits = sum(group.clients, (client) => client.takeDowntime()) / (OPTIONS.backoffMax / 2);
    const attempts = (world.attempts[server] as number) - before.attempts;
    // Of each series the backoff allows so many attempts until it waits the longest, and then one in half of that on average. A replacement
    // costs one, and one that fails is tried again by a backoff of its own.
    const bound = Math.ceil(
      RAMP * (series - before.series + before.down) +
        1.25 * longestWaits +
        2 * (replacements - before.replacements) +
        20,
    );
    group.before = {
      attempts: world.attempts[server] as number,
      series,
      replacements,
      down: sum(group.clients, ({ connection }) => (connection.isOpen ? 0 : 1)),
    };
    return { attempts, bound };
  };
  for (let hour = 1; hour <= hours; hour += 1) {
    const isCalm = hour % CALM_EVERY === 0 || hour === hours;
    await runWithFaults(hour * HOUR - (isCalm ? CALM + STRIKE : 0));
    if (isCalm) {
      world.strike();
      await run(clock.now() + MINUTE);
      for (const client of clients) if (client.index % 4 === 0) burst(client);
      await run(clock.now() + STRIKE - MINUTE);
      await recover();
      await run(Math.max(hour * HOUR, clock.now()));
      world.goOn();
    }
    const judged = groups.map(judge);
    for (const [server, { attempts, bound }] of judged.entries()) {
      mostOfBound = Math.max(mostOfBound, attempts / bound);
      if (attempts <= bound) continue;
      violated(`attempts: ${attempts} in hour ${hour} at server ${server}, where the backoff allows ${bound}`);
    }
    const attempts = sum(judged, (one) => one.attempts);
    const bound = sum(judged, (one) => one.bound);
    if (attempts > mostAttempts.attempts) mostAttempts = { hour, attempts, bound };
    heap.push(heapAfterCollection());
  }

  // ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────
  isBusy = false;
  await recover();
  await run(clock.now() + 10 * MINUTE);
  // A ping each in its interval, a replacement by age, a look at idleness; and the verdict of a ping that has just gone out.
  const least = sum(clients, ({ index }) => 1 + (index % 2 === 0 ? 1 : 0) + (index % 5 === 0 ? 1 : 0));
  const most = least + connections;
  const atRest = connectionClock.pending;
  if (atRest < least || atRest > most) violated(`timers: ${atRest} at rest, where ${least} to ${most} have a use`);
  const { figures: messages, errors } = account(clients, world, violated);
  const stats = clients.map(({ connection }) => connection.stats);
  const stopped = Promise.all(clients.map(({ connection }) => connection.stop()));
  await run(clock.now() + 10 * SECOND);
  await stopped;
  const atEnd = connectionClock.pending;
  if (atEnd !== 0) violated(`timers: ${atEnd} are left of connections that have terminated`);
  if (world.links !== 0) violated(`links: ${world.links} are left of connections that have terminated`);
  world.end();
  // What recurs sees that it is over, the next time it is due.
  await run(clock.now() + 100 * BURST_EVERY);
  if (clock.pending !== 0) violated(`timers: ${clock.pending} of the network are left`);

  const slope = slopeOf(heap);
  if (slope.growth > MOST_GROWTH)
    violated(`memory: the heap grew by ${slope.growth.toFixed(1)} MiB in the second half`);
  const cuts = { replaced: 0, others: 0 };
  for (const [index, count] of world.cuts) cuts[clientOf(index).replaces ? "replaced" : "others"] += count;
  if (cuts.replaced > 0) violated(`cuts: ${cuts.replaced} links were cut in spite of replaceAfter`);
  return {
    options,
    figures: {
      attempts: sum(world.attempts, (count) => count),
      opens: sum(stats, ({ opens }) => opens),
      ends: sum(clients, ({ order }) => order.ends),
      replacements: sum(stats, ({ replacements }) => replacements),
      faults: world.faults,
      errors,
      stalls,
      sleeps,
      mostAttempts,
      mostOfBound,
      ...messages,
      cuts,
      slowestRecovery,
      timers: { atRest, least, most, atEnd },
    },
    violations,
    heap: slope,
    seconds: secondsSince(startedAt),
  };
}

/** Every message has one fate: what was accepted is received, was reported, or was the system's on a link that died, and nothing else. */
function account(clients: readonly SimulatedClient[], world: World, violated: (sentence: string) => void) {
  const toServer = { accepted: 0, refused: 0, received: 0, dropped: 0, reported: 0, lost: 0 };
  const errors: Record<string, number> = {};
  let [delivered, handled] = [0, 0];
  for (const { index, ledger, refused, connection, framesReported, order, ...client } of clients) {
    const { fates, accepted, open } = ledger;
    const { dropped } = connection.stats;
    if (open > 0) violated(`client ${index}: ${open} messages have no fate`);
    if (dropped.lost !== framesReported) {
      violated(`client ${index}: stats tell of ${dropped.lost} lost frames, the channels of ${framesReported}`);
    }
    if (client.handled !== client.delivered) {
      violated(`client ${index}: handled ${client.handled} of ${client.delivered} messages`);
    }
    if (index % 3 !== 2 && fates.lost > 0) violated(`client ${index}: ${fates.lost} lost that its system never had`);
    toServer.accepted += accepted;
    toServer.refused += refused;
    for (const fate of ["received", "dropped", "reported", "lost"] as const) toServer[fate] += fates[fate];
    delivered += client.delivered;
    handled += client.handled;
    for (const [name, count] of Object.entries(order.calls)) {
      if (!name.startsWith("handle")) errors[name] = (errors[name] ?? 0) + count;
    }
  }
  const { accepted, received, dropped, reported, lost } = toServer;
  if (accepted !== received + dropped + reported + lost) violated("messages: the sums don't agree");
  return { figures: { toServer, toClients: { sent: world.messagesSent, delivered, handled } }, errors };
}

function secondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000_000;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
