/**
 * The real soak: connections in this process, servers behind fault proxies in another, sockets of the loopback interface between them.
 *
 *     const report = await soak({ seed: 1, seconds: 600, connections: 1000 });
 *     report.violations;  // nothing, or sentences
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import { heapAfterCollection, residentSize, type Slope, slopeOf } from "./memory.ts";
import { CALL, OPTIONS, RealClient } from "./real-client.ts";
import { reconcile } from "./reconcile.ts";
import type { FromServers, ServerKind, ServersOptions, ServersSaw, ToServers } from "./servers-port.ts";

const SECOND = 1000;
const KINDS: readonly ServerKind[] = ["ws", "TestServer", "ws, compressed", "ws"];
/** On average something is done on each connection in so many ms, by either side; and more often in a short soak. */
const paceOf = (seconds: number): number => (seconds < 60 ? 300 : 2000);
const TICK = 100;
/** By when an open connection meets its fault, in ms. */
const worstOf = (seconds: number): number => Math.min(60, seconds / 3) * SECOND;
const SAMPLES = 60;
/** In the first seconds all begin. */
const BEGINNING = 5;
/** How much the line through the second half of the samples may rise, in MiB: in a soak of some minutes what grows without end is far above it. */
const MOST_GROWTH = { heap: 8, resident: 48 } as const;
/** The most that one connection may want in a second, of messages (four of them are bursts of replies) and of attempts. */
const MESSAGES_A_SECOND = 20;
const ATTEMPTS_A_SECOND = 4;

const RAMP = Math.ceil(Math.log(OPTIONS.backoffMax / OPTIONS.backoffInitial) / Math.log(OPTIONS.backoffFactor));

/**
 * How long it may take until everybody is open again once nothing goes wrong any more, in ms: a dead link is found within an interval and a timeout,
 * and ends a replacement that hangs; then come the longest wait, an attempt that was under way and hangs, and another wait. A busy machine may take as long again.
 */
const RECOVERY_BOUND =
  2 *
  (OPTIONS.pingInterval +
    OPTIONS.pongTimeout +
    OPTIONS.connectTimeout +
    OPTIONS.upgradeTimeout +
    2 * 1.25 * OPTIONS.backoffMax +
    OPTIONS.closeTimeout);

export type SoakOptions = { readonly seed: number; readonly seconds: number; readonly connections: number };

export type SoakFigures = {
  readonly attempts: number;
  readonly opens: number;
  readonly ends: number;
  readonly replacements: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly attemptsPerSecond: { readonly mean: number; readonly most: number };
  /** Of the backoff's allowance for a window of time, the most that was used. */
  readonly mostOfBound: number;
  readonly toServers: {
    readonly accepted: number;
    readonly refused: number;
    readonly received: number;
    readonly dropped: number;
    /** Frames of which casting_failed told, pings among them. */
    readonly reported: number;
    /** Neither received nor dropped: reported, or the system's on a link that died. */
    readonly missing: number;
    /** Ends of links behind which some were missing, and how many at the most. */
    readonly ends: number;
    readonly mostAtAnEnd: number;
  };
  readonly toClients: { readonly sent: number; readonly received: number; readonly foreign: number };
  readonly calls: Readonly<Record<keyof typeof CALL, number>> & {
    /** Of those whose error said so, how many the servers have seen. */
    readonly yesSeen: number;
    readonly unknownSeen: number;
    readonly noSeen: number;
  };
  readonly recovery: number;
  /** What is open at the end beyond what was at the beginning. */
  readonly handlesLeft: readonly string[];
};

export type SoakReport = {
  readonly options: SoakOptions;
  readonly node: string;
  readonly figures: SoakFigures;
  readonly violations: readonly string[];
  readonly heap: Slope;
  readonly resident: Slope;
};

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed, seconds, connections } = options;
  const violations: string[] = [];
  const violated = (sentence: string): void => {
    if (violations.length < 100) violations.push(sentence);
  };
  const handlesBefore = process.getActiveResourcesInfo();
  const pace = paceOf(seconds);
  const servers = await Servers.start({ seed, kinds: KINDS, messageEvery: pace, worst: worstOf(seconds) });
  const meter = new AttemptMeter(seconds);
  const clients: RealClient[] = [];
  // Recovery and the end take their time too.
  const room = {
    messages: Math.ceil((seconds + (2 * RECOVERY_BOUND) / SECOND) * MESSAGES_A_SECOND),
    attempts: Math.ceil((seconds + (2 * RECOVERY_BOUND) / SECOND) * ATTEMPTS_A_SECOND),
  };
  for (let index = 0; index < connections; index += 1) {
    const target = servers.targets[index % servers.targets.length] as (typeof servers.targets)[number];
    clients.push(new RealClient(index, target, room, { violated, attempt: () => meter.count() }));
    // Not all in one turn of the loop.
    if (index % 50 === 49) await nextTurn();
  }

  const random = seededRandom(seed);
  const acting = setInterval(() => {
    for (const client of clients) if (random() < TICK / pace) client.act(random());
  }, TICK);
  const heap: number[] = [];
  const resident: number[] = [];
  const startedAt = performance.now();
  for (let sample = 1; sample <= SAMPLES; sample += 1) {
    await sleep(Math.max(0, startedAt + (sample * seconds * SECOND) / SAMPLES - performance.now()));
    heap.push(heapAfterCollection());
    resident.push(residentSize());
    meter.look(clients, violated);
  }

  servers.tell("be well");
  const wellAt = performance.now();
  const lasting = await recover(clients);
  const recovery = performance.now() - wellAt;
  if (lasting > 0) violated(`${lasting} connections don't work ${RECOVERY_BOUND} ms after all is well`);
  clearInterval(acting);
  servers.tell("be quiet");
  // A link that looks open may be dead still; what calls are pending ends with it, or with its timeout.
  while (clients.some(({ calls }) => calls.includes(CALL.pending))) await sleep(TICK);
  await Promise.all(clients.map(({ connection }) => connection.drain().catch(() => undefined)));
  const stats = clients.map(({ connection }) => connection.stats);
  await Promise.all(clients.map(({ connection }) => connection.stop()));
  const saw = await servers.account();
  await servers.end();

  for (const sentence of saw.violations) violated(sentence);
  const toServers = accountOf(clients, saw, violated);
  const handlesLeft = await handlesBeyond(handlesBefore);
  if (handlesLeft.length > 0) violated(`open at the end: ${handlesLeft.join(", ")}`);
  const slopes = { heap: slopeOf(heap), resident: slopeOf(resident) };
  for (const [what, most] of Object.entries(MOST_GROWTH)) {
    const { growth } = slopes[what as keyof typeof slopes];
    if (growth > most) violated(`memory: ${what} grew by ${growth.toFixed(1)} MiB over the second half`);
  }
  const sum = (of: (one: (typeof stats)[number]) => number): number => stats.reduce((total, one) => total + of(one), 0);
  return {
    options,
    node: process.version,
    figures: {
      attempts: sum(({ attempts }) => attempts),
      opens: sum(({ opens }) => opens),
      ends: clients.reduce((total, { order }) => total + order.ends, 0),
      replacements: sum(({ replacements }) => replacements),
      faults: saw.faults,
      errors: errorsOf(clients),
      attemptsPerSecond: meter.perSecond,
      mostOfBound: meter.mostOfBound,
      toServers: { ...toServers, reported: sum(({ dropped }) => dropped.lost) },
      toClients: {
        sent: saw.messagesSent,
        received: clients.reduce((total, { received }) => total + received, 0),
        foreign: clients.reduce((total, { foreign }) => total + foreign, 0),
      },
      calls: callsOf(clients, saw, violated),
      recovery,
      handlesLeft,
    },
    violations,
    ...slopes,
  };
}

/** Waits until everybody is open and has an answer of the server, or the time is over; how many haven't. */
async function recover(clients: readonly RealClient[]): Promise<number> {
  const deadline = performance.now() + RECOVERY_BOUND;
  const signal = AbortSignal.timeout(RECOVERY_BOUND);
  const works = async ({ connection }: RealClient): Promise<boolean> => {
    while (performance.now() < deadline) {
      try {
        await connection.opened({ signal });
        await connection.probe();
        return true;
      } catch {
        // It looked open, and was dead, or has been replaced, or handleConnect has yet to answer.
        await sleep(TICK);
      }
    }
    return false;
  };
  const all = await Promise.all(clients.map(works));
  return all.filter((one) => !one).length;
}

/** The servers' process. */
class Servers {
  readonly targets: Extract<FromServers, { type: "ready" }>["targets"];
  readonly #child: ReturnType<typeof fork>;
  readonly #exit: Promise<never>;

  private constructor(child: ReturnType<typeof fork>, exit: Promise<never>, targets: Servers["targets"]) {
    this.#child = child;
    this.#exit = exit;
    this.targets = targets;
  }

  static async start(options: ServersOptions): Promise<Servers> {
    const program = fileURLToPath(new URL("programs/servers.ts", import.meta.url));
    const child = fork(program, [JSON.stringify(options)], {
      execArgv: ["--conditions=everfresh-source", "--import", import.meta.resolve("tsx")],
    });
    const exit = once(child, "exit").then(([code]): never => {
      throw new Error(`The servers' process ended with ${code}.`);
    });
    exit.catch(() => undefined);
    const message = await messageOf(child, exit, "ready");
    return new Servers(child, exit, message.targets);
  }

  tell(type: ToServers["type"]): void {
    this.#child.send({ type } satisfies ToServers);
  }

  /** What they have seen, once no link stands any more; or once nothing comes any more on links that are dead, which only the clients know. */
  async account(): Promise<ServersSaw> {
    const deadline = performance.now() + 3 * SECOND;
    for (let before = -1; ; ) {
      this.tell("account");
      const saw = await messageOf(this.#child, this.#exit, "account");
      if (saw.linksLeft === 0 || (saw.received === before && performance.now() > deadline)) return saw;
      before = saw.received;
      await sleep(SECOND);
    }
  }

  async end(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.tell("end");
    await exited;
  }
}

async function messageOf<Type extends FromServers["type"]>(
  child: ReturnType<typeof fork>,
  exit: Promise<never>,
  type: Type,
): Promise<Extract<FromServers, { type: Type }>> {
  const [message] = (await Promise.race([once(child, "message"), exit])) as [FromServers];
  if (message.type !== type) throw new Error(`The servers told ${message.type} in place of ${type}.`);
  return message as Extract<FromServers, { type: Type }>;
}

/** Counts attempts, and holds them against what the backoff allows, a window of time after the other. */
class AttemptMeter {
  mostOfBound = 0;
  readonly #perSecond: Uint32Array;
  readonly #window: number;
  readonly #startedAt = performance.now();
  #lookedAt = performance.now();
  #attempts = 0;
  #before = { attempts: 0, series: 0, down: 0, replacements: 0 };

  constructor(seconds: number) {
    this.#perSecond = new Uint32Array(seconds + (2 * RECOVERY_BOUND) / SECOND);
    this.#window = Math.min(60, seconds) * SECOND;
  }

  count(): void {
    this.#attempts += 1;
    const second = Math.floor((performance.now() - this.#startedAt) / SECOND);
    this.#perSecond[second] = (this.#perSecond[second] ?? 0) + 1;
  }

  get perSecond(): { readonly mean: number; readonly most: number } {
    const seconds = Math.ceil((this.#lookedAt - this.#startedAt) / SECOND);
    const counts = this.#perSecond.subarray(BEGINNING, Math.max(BEGINNING + 1, seconds));
    return { mean: counts.reduce((sum, count) => sum + count, 0) / counts.length, most: Math.max(...counts) };
  }

  look(clients: readonly RealClient[], violated: (sentence: string) => void): void {
    const now = performance.now();
    if (now - this.#lookedAt < this.#window - TICK) return;
    this.#lookedAt = now;
    const sum = (of: (client: RealClient) => number): number => clients.reduce((total, one) => total + of(one), 0);
    const series = sum((client) => client.series);
    const tried = sum(({ connection }) => connection.stats.replacements);
    const downtime = sum((client) => client.takeDowntime(now));
    const attempts = this.#attempts - this.#before.attempts;
    // The first window begins with an attempt of everybody; those down since before go on with their series. A replacement costs one
    // attempt, and one that fails is tried again by a backoff of its own.
    const bound =
      RAMP *
        (series - this.#before.series + Math.max(this.#before.down, this.#before.attempts === 0 ? clients.length : 0)) +
      (1.25 * downtime) / (OPTIONS.backoffMax / 2) +
      2 * (tried - this.#before.replacements) +
      20;
    this.mostOfBound = Math.max(this.mostOfBound, attempts / bound);
    if (attempts > bound) violated(`attempts: ${attempts} in a window, where the backoff allows ${Math.ceil(bound)}`);
    this.#before = {
      attempts: this.#attempts,
      series,
      down: sum(({ connection }) => (connection.isOpen ? 0 : 1)),
      replacements: tried,
    };
  }
}

function accountOf(clients: readonly RealClient[], saw: ServersSaw, violated: (sentence: string) => void) {
  const links = new Map(saw.clients.map((one) => [one.client, one.links]));
  const total = { accepted: 0, refused: 0, received: 0, dropped: 0, missing: 0, ends: 0, mostAtAnEnd: 0 };
  for (const { index, fates, sent, wasOpened } of clients) {
    const result = reconcile({ fates, last: sent, opened: wasOpened }, links.get(index) ?? []);
    for (const sentence of result.violations) violated(`client ${index}: ${sentence}`);
    const counts = [0, 0, 0, 0];
    for (let number = 1; number <= sent; number += 1)
      counts[fates[number] as number] = (counts[fates[number] as number] as number) + 1;
    const [, accepted = 0, refused = 0, dropped = 0] = counts;
    const missing = result.missing.reduce((sum, count) => sum + count, 0);
    total.accepted += accepted + dropped;
    total.refused += refused;
    total.dropped += dropped;
    total.received += result.received;
    total.missing += missing;
    total.ends += result.missing.length;
    total.mostAtAnEnd = Math.max(total.mostAtAnEnd, ...result.missing);
    if (accepted !== result.received + missing) violated(`client ${index}: the sums don't agree`);
  }
  return total;
}

/** Each call has ended, with an answer once, or with an error whose `sent` is true. */
function callsOf(clients: readonly RealClient[], saw: ServersSaw, violated: (sentence: string) => void) {
  const seen = new Map(saw.clients.map(({ client, calls }) => [client, timesOf(calls)]));
  const total = {
    none: 0,
    pending: 0,
    answered: 0,
    no: 0,
    yes: 0,
    unknown: 0,
    aborted: 0,
    yesSeen: 0,
    unknownSeen: 0,
    noSeen: 0,
  };
  for (const { index, calls, callsMade } of clients) {
    const here = seen.get(index) ?? new Map<number, number>();
    for (let number = 1; number <= callsMade; number += 1) {
      const outcome = calls[number];
      const times = here.get(number) ?? 0;
      const name = (Object.keys(CALL) as (keyof typeof CALL)[]).find((key) => CALL[key] === outcome) ?? "none";
      total[name] += 1;
      // Only an idempotent one may come twice.
      if (times > 1 && number % 5 !== 0) violated(`client ${index}: call ${number} came ${times} times`);
      if (outcome === CALL.answered && times === 0) violated(`client ${index}: call ${number} was answered by nobody`);
      if (outcome === CALL.no && times > 0) violated(`client ${index}: call ${number} was never sent, and came`);
      if (times === 0) continue;
      if (outcome === CALL.yes) total.yesSeen += 1;
      if (outcome === CALL.unknown) total.unknownSeen += 1;
      if (outcome === CALL.no) total.noSeen += 1;
    }
  }
  return total;
}

function timesOf(numbers: readonly number[]): Map<number, number> {
  const times = new Map<number, number>();
  for (const number of numbers) times.set(number, (times.get(number) ?? 0) + 1);
  return times;
}

function errorsOf(clients: readonly RealClient[]): Record<string, number> {
  const errors: Record<string, number> = {};
  for (const { order } of clients) {
    for (const [name, count] of Object.entries(order.calls)) {
      if (!name.startsWith("handle")) errors[name] = (errors[name] ?? 0) + count;
    }
  }
  return errors;
}

/** What keeps the process running beyond what did before; it may take a moment until sockets are closed. */
async function handlesBeyond(before: readonly string[]): Promise<readonly string[]> {
  const deadline = performance.now() + 5 * SECOND;
  for (;;) {
    const left = [...process.getActiveResourcesInfo()];
    for (const name of before) {
      const index = left.indexOf(name);
      if (index !== -1) left.splice(index, 1);
    }
    if (left.length === 0 || performance.now() > deadline) return left;
    await nextTurn();
  }
}
