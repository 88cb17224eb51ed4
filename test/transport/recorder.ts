/**
 * A listener that writes down all it is told, holds it against the port's contract, and lets a test wait for it.
 *
 *     const { recorder, opening } = open("ws://127.0.0.1:1234/");
 *     await recorder.until("opened");
 *     recorder.channel.send("hello");
 *     await recorder.until("ended");
 *     await recorder.silent();            // nothing else is said, and no rule was broken
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Frame } from "../../src/frame.ts";
import type {
  Channel,
  ChannelEnd,
  ChannelFailure,
  ChannelListener,
  ChannelRedirect,
  ChannelRequest,
  HeaderPair,
  Opening,
} from "../../src/transport/channel.ts";
import { openHttp1Channel } from "../../src/transport/http1.ts";
import { followingRedirects } from "../../src/transport/redirect.ts";

type CastFailure = Parameters<ChannelListener["castFailed"]>[0];

export type Said =
  | { readonly type: "connected" }
  | { readonly type: "redirected"; readonly redirect: ChannelRedirect }
  | { readonly type: "opened"; readonly status: number; readonly headers: readonly HeaderPair[] }
  | { readonly type: "failed"; readonly failure: ChannelFailure }
  | { readonly type: "frame"; readonly frame: Frame }
  | { readonly type: "castFailed"; readonly failure: CastFailure }
  | { readonly type: "ended"; readonly end: ChannelEnd };

type Saying<T extends Said["type"]> = Extract<Said, { type: T }>;

/** What may follow what (channel.ts): the state after each event, or none when the event breaks the contract. */
const CONTRACT: Readonly<Record<string, Readonly<Partial<Record<Said["type"], string>>>>> = {
  new: { connected: "connected", opened: "open", failed: "over" },
  connected: { redirected: "connected", opened: "open", failed: "over" },
  open: { frame: "open", castFailed: "lost", ended: "over" },
  lost: { ended: "over" },
  over: {},
};

export class Recorder implements ChannelListener {
  readonly said: Said[] = [];
  /** Called on each event after it has been written down. */
  react: (said: Said) => void = () => undefined;
  #channel: Channel | undefined;
  #state = "new";
  readonly #breaches: string[] = [];
  #waiting: (() => void)[] = [];

  /** There is one since "opened". */
  get channel(): Channel {
    return this.#channel as Channel;
  }

  get frames(): readonly Frame[] {
    return this.all("frame").map(({ frame }) => frame);
  }

  get kinds(): readonly Said["type"][] {
    return this.said.map(({ type }) => type);
  }

  all<T extends Said["type"]>(type: T): readonly Saying<T>[] {
    return this.said.filter((said): said is Saying<T> => said.type === type);
  }

  /** The next or only event of this type: the `count`-th since the beginning. */
  async until<T extends Said["type"]>(type: T, count = 1): Promise<Saying<T>> {
    while (this.all(type).length < count) {
      if (this.#state === "over") {
        assert.fail(`The channel is over without ${count} × ${type}: ${JSON.stringify(this.said.at(-1))}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.all(type)[count - 1] as Saying<T>;
  }

  async failure(): Promise<ChannelFailure> {
    return (await this.until("failed")).failure;
  }

  async end(): Promise<ChannelEnd> {
    return (await this.until("ended")).end;
  }

  /** Nothing more is said in some turns of the event loop, and all that was said keeps to the contract. */
  async silent(): Promise<void> {
    const before = this.said.length;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(this.kinds.slice(before), [], "nothing more is said");
    assert.deepEqual(this.#breaches, []);
  }

  connected(): void {
    this.#say({ type: "connected" });
  }

  redirected(redirect: ChannelRedirect): void {
    this.#say({ type: "redirected", redirect });
  }

  opened(channel: Channel, status: number, headers: readonly HeaderPair[]): void {
    this.#channel = channel;
    this.#say({ type: "opened", status, headers });
  }

  failed(failure: ChannelFailure): void {
    this.#say({ type: "failed", failure });
  }

  frame(frame: Exclude<Frame, { type: "close" }>): void {
    this.#say({ type: "frame", frame });
  }

  castFailed(failure: CastFailure): void {
    this.#say({ type: "castFailed", failure });
  }

  ended(end: ChannelEnd): void {
    this.#say({ type: "ended", end });
  }

  #say(said: Said): void {
    const next = CONTRACT[this.#state]?.[said.type];
    if (next === undefined) this.#breaches.push(`${said.type} while ${this.#state}`);
    else this.#state = next;
    this.said.push(said);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
    this.react(said);
  }
}

const openChannel = followingRedirects(openHttp1Channel);

export function requestTo(url: string | URL, overrides: Partial<ChannelRequest> = {}): ChannelRequest {
  return {
    url: new URL(url),
    headers: [],
    subprotocols: [],
    extensions: [],
    transportOptions: {},
    maxMessageSize: 16 * 1024 * 1024,
    maxFragments: 1024,
    maxRedirects: 0,
    closeTimeout: 3000,
    hibernates: false,
    ref: true,
    ...overrides,
  };
}

/** Opens a channel, and asserts that nothing is said before that returns. */
export function open(
  url: string | URL,
  overrides: Partial<ChannelRequest> = {},
  react: (said: Said, recorder: Recorder) => void = () => undefined,
): { readonly recorder: Recorder; readonly opening: Opening } {
  const recorder = new Recorder();
  recorder.react = (said) => react(said, recorder);
  const opening = openChannel(requestTo(url, overrides), recorder);
  assert.deepEqual(recorder.said, [], "nothing is said before open returns");
  return { recorder, opening };
}

/** Resolves when the condition holds; it is looked at once a turn of the event loop. The test's own timeout bounds it. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs `action`, then waits until the process holds no more sockets, lookups and timers than before. */
export async function leavesNothing(action: () => Promise<void>): Promise<void> {
  const before = activeResources();
  await action();
  const left = () => activeResources().filter((name, _index, all) => countOf(all, name) > countOf(before, name));
  const deadline = performance.now() + 2000;
  await eventually(() => left().length === 0 || performance.now() > deadline);
  assert.deepEqual(left(), [], "left behind");
}

function activeResources(): readonly string[] {
  // Servers are the test's own.
  return process.getActiveResourcesInfo().filter((name) => name !== "Immediate" && !name.endsWith("ServerWrap"));
}

function countOf(names: readonly string[], name: string): number {
  return names.filter((one) => one === name).length;
}

/** Takes what would end the process, until the test is over. */
export function uncaught(t: TestContext): readonly unknown[] {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  t.after(() => process.setUncaughtExceptionCaptureCallback(null));
  return thrown;
}
