/** Every frame that a sender accepts has exactly one outcome, whatever happens: a model of it, and any order of events. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Counters } from "../../src/connection/counters.ts";
import type { SendOptions } from "../../src/connection/option-types.ts";
import { Sender } from "../../src/connection/sender.ts";
import { byteLengthOf, type Frame, ping, text } from "../../src/frame.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { SlowChannel } from "./slow-channel.ts";

const MARK = 100;
const LONGEST = 60;
const OUTBOX = { maxMessages: 5, maxBytes: 120, maxAge: 1000 } as const;

/** A frame that says its number, in at least four bytes. */
const numbered = (number: number, size: number, type: "text" | "ping"): Frame =>
  type === "text"
    ? text(String(number).padStart(4, "0").padEnd(size, "."))
    : ping(`p${String(number).padStart(4, "0")}`);
const numberOf = (frame: Frame): number =>
  Number.parseInt(
    frame.type === "text"
      ? frame.data
      : Buffer.from((frame as { data: Uint8Array }).data)
          .toString()
          .slice(1),
    10,
  );

type Waiting = { readonly bytes: number; readonly key: string | undefined; readonly place: number };

/** Drives a sender and keeps the account that it ought to keep. */
class Model {
  readonly clock = new FakeClock();
  readonly counters = new Counters();
  readonly sender: Sender;
  readonly accepted = new Set<number>();
  readonly handed = new Set<number>();
  readonly reported = new Map<number, string>();
  readonly waiting = new Map<number, Waiting>();
  /** The place in the line that each frame has: its own number, or that of the one it replaced. */
  readonly places = new Map<number, number>();
  channel: SlowChannel | undefined;
  /** How often whoever is told of a drop sends something in its stead. */
  resends = 0;
  lost = 0;
  #next = 0;
  #isOpen = false;
  #inDrop = false;
  /** A reply that is being given: its drop is an answer, not the fate of one that waited. */
  #replying: number | undefined;
  readonly refusedReplies = new Set<number>();

  constructor(overflow: "reject" | "drop-oldest", hasOutbox: boolean) {
    const outbox = hasOutbox ? { ...OUTBOX, overflow } : (false as const);
    this.sender = new Sender({ outbox, sendBuffer: MARK }, this.clock, this.counters, {
      dropped: (frame, cause) => {
        const number = numberOf(frame);
        if (number === this.#replying) {
          this.refusedReplies.add(number);
          return;
        }
        assert.ok(this.accepted.has(number), `${number} was never accepted`);
        assert.ok(!this.reported.has(number) && !this.handed.has(number), `${number} has two outcomes`);
        this.reported.set(number, cause);
        this.waiting.delete(number);
        if (this.resends === 0) return;
        this.resends -= 1;
        this.#inDrop = true;
        this.send(4, "text", {});
        this.#inDrop = false;
      },
      dropping: () => undefined,
      refused: () => assert.fail("nothing was refused"),
    });
  }

  send(size: number, type: "text" | "ping", options: SendOptions, reply = false): void {
    const number = this.#next;
    this.#next += 1;
    const frame = numbered(number, size, type);
    const { key } = reply ? {} : options;
    const old = [...this.waiting].find(([, entry]) => key !== undefined && entry.key === key);
    const before = this.#heldNumbers();
    const full = this.channel?.full ?? false;
    const idle = this.waiting.size === 0;
    // A frame that pushes others out is accepted before they are told of.
    this.accepted.add(number);
    let result: string;
    if (reply) {
      this.#replying = number;
      this.sender.reply(frame);
      this.#replying = undefined;
      const went = this.#heldNumbers().length > before.length;
      result = this.refusedReplies.has(number) ? "dropped" : went ? "sent" : "queued";
    } else {
      ({ result } = this.sender.cast(frame, options));
    }
    if (this.#isOpen && type === "text" && !this.#inDrop) {
      if (full) assert.notEqual(result, "sent", "past the mark nothing goes to the channel");
      else if (idle) assert.equal(result, "sent", "while there is room, and nothing waits, frames go out at once");
    }
    if (result === "dropped") {
      this.accepted.delete(number);
      assert.ok(!reply || this.refusedReplies.has(number), "a reply isn't dropped without a word");
    } else if (result === "sent") {
      this.places.set(number, number);
      this.#handedOver();
    } else {
      const replaces = old !== undefined && this.reported.get(old[0]) === "replaced";
      if (old !== undefined && !this.reported.has(old[0])) assert.fail("two wait with one key");
      const place = replaces ? (old[1].place as number) : number;
      this.places.set(number, place);
      // Whoever was told of a drop may have pushed it out again.
      if (!this.reported.has(number)) this.waiting.set(number, { bytes: byteLengthOf(frame), key, place });
      // In a flush, or between two reads, it may have gone out by now.
      this.#handedOver();
    }
  }

  open(words: number): void {
    if (this.channel !== undefined) return;
    const channel = new SlowChannel();
    this.channel = channel;
    this.sender.attach(channel.channel);
    this.sender.open();
    for (let word = 0; word < words; word += 1) this.send(LONGEST, "text", {}, true);
    this.#spoken.set(channel, words);
    assert.equal(channel.held.length, words, "handleConnect's frames go out, whatever waits");
    this.#isOpen = true;
    this.sender.flush();
    this.#handedOver();
  }

  /** Our close frame has been sent: nothing goes out any more. */
  shut(): void {
    this.#isOpen = false;
    this.sender.shut();
  }

  end(): void {
    const { channel } = this;
    if (channel === undefined) return;
    this.channel = undefined;
    this.#isOpen = false;
    this.#inOrder(channel);
    const lost = channel.end();
    this.lost += lost;
    this.sender.shut();
    if (lost > 0) this.sender.lost(lost, new Error("lost"));
    this.sender.detach();
  }

  read(frames: number): void {
    this.channel?.read(frames);
    this.#handedOver();
  }

  check(): void {
    const inside = [...this.waiting.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const held = this.channel?.bufferedAmount ?? 0;
    assert.equal(this.sender.bufferedAmount, inside + held, "bufferedAmount is the sum of what waits and what is held");
    assert.ok(this.waiting.size <= OUTBOX.maxMessages && inside <= OUTBOX.maxBytes, "the outbox's bounds hold");
    const controls = this.channel?.held.filter(({ type }) => type === "ping").length ?? 0;
    assert.ok(held < MARK + 2 * LONGEST + controls * 5 && controls < 100 + MARK / 5, `the channel holds ${held}`);
    assert.equal(this.accepted.size, this.handed.size + this.reported.size + this.waiting.size);
    const { dropped } = this.counters.snapshot([], { lastRoundTrip: undefined, openSince: undefined });
    const all = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(all, this.#next - this.accepted.size + this.reported.size + this.lost, "every drop is counted once");
    assert.equal(this.counters.framesSent, this.handed.size);
  }

  #heldNumbers(): readonly number[] {
    const { channel } = this;
    return channel === undefined ? [] : [...channel.wire, ...channel.held].map(numberOf);
  }

  #handedOver(): void {
    for (const number of this.#heldNumbers()) {
      assert.ok(!this.reported.has(number), `${number} was sent and reported`);
      this.handed.add(number);
      this.waiting.delete(number);
    }
  }

  /** What went into one channel behind handleConnect's words went in the order of the line; pings and pongs may pass by. */
  #inOrder(channel: SlowChannel): void {
    const messages = [...channel.wire, ...channel.held].filter(({ type }) => type === "text").map(numberOf);
    const spoken = this.#spoken.get(channel) ?? 0;
    const places = messages.slice(spoken).map((number) => this.places.get(number) as number);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
      "the order of the sends is the order on the wire",
    );
  }

  readonly #spoken = new Map<SlowChannel, number>();
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("send" as const),
      size: fc.integer({ min: 4, max: LONGEST }),
      frame: fc.constantFrom("text" as const, "text" as const, "text" as const, "ping" as const),
      reply: fc.boolean(),
      options: fc.record(
        {
          key: fc.constantFrom("a", "b"),
          ttl: fc.constantFrom(0, 100, 500, 5000),
          whenClosed: fc.constantFrom("queue" as const, "drop" as const),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("open" as const), words: fc.constantFrom(0, 0, 1, 2) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("shut" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("end" as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("read" as const), frames: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("resend" as const), times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 400 }) }) },
);

test("whatever is sent, read, opened, closed and waited for: what was accepted is sent, reported or waits, once, in order, within the bounds", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.constantFrom("reject" as const, "drop-oldest" as const),
      fc.boolean(),
      (steps, overflow, hasOutbox) => {
        const model = new Model(overflow, hasOutbox);
        for (const one of steps) {
          if (one.type === "send") model.send(one.size, one.frame, one.options, one.reply);
          else if (one.type === "open") model.open(one.words);
          else if (one.type === "shut") model.shut();
          else if (one.type === "end") model.end();
          else if (one.type === "resend") model.resends = one.times;
          else if (one.type === "read") model.read(one.frames);
          else model.clock.advance(one.ms);
          model.check();
        }
        model.resends = 0;
        model.end();
        model.sender.close();
        model.sender.end(new Error("over"));
        model.check();
        assert.equal(model.waiting.size, 0, "nothing waits after the end");
        assert.equal(model.sender.bufferedAmount, 0);
        assert.equal(model.accepted.size, model.handed.size + model.reported.size);
        assert.equal(model.clock.pending, 0, "no timer is left");
      },
    ),
    { numRuns: 1000 },
  );
});
