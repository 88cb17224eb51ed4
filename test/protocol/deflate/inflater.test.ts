import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { type Inflater, MAX_ENDS, TAIL } from "../../../src/protocol/deflate/deflate-data.ts";
import { StreamInflater } from "../../../src/protocol/deflate/inflater.ts";
import { OneShotInflater } from "../../../src/protocol/deflate/one-shot.ts";
import { SyncStream } from "../../../src/protocol/deflate/sync-stream.ts";
import type { ExtensionFault } from "../../../src/protocol/extension.ts";
import { Collected } from "./collected.ts";
import { BreaksOff, referenceInflate } from "./reference-inflate.ts";

/** Both ways of inflating keep to the same rules. */
const WAYS: readonly (readonly [name: string, make: (windowBits: number, takeover: boolean) => Inflater])[] = [
  ["streaming", (windowBits, takeover) => new StreamInflater(windowBits, takeover)],
  ["one shot", (windowBits, takeover) => new OneShotInflater(windowBits, takeover, 2 ** 30)],
];

/** A sender with context takeover: messages to payloads, with their tails off. */
function sender(windowBits = 15): (message: string | Uint8Array) => Buffer {
  const stream = SyncStream.deflate({ windowBits, level: 6, memLevel: 8 });
  return (message) => {
    // zlib has nothing to say of nothing.
    if (message.length === 0) return Buffer.from([0]);
    const space = Buffer.alloc(message.length * 2 + 100);
    stream.write(Buffer.from(message), 0, space, 0);
    return Buffer.from(space.subarray(0, space.length - stream.roomLeft - 4));
  };
}

/** A payload of one message, without takeover. */
const alone = (message: string | Uint8Array): Buffer =>
  deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

function take(inflater: Inflater, ...frames: Uint8Array[]): string | ExtensionFault {
  const output = new Collected();
  for (const [index, frame] of frames.entries()) {
    const fault = inflater.decode(frame, index === frames.length - 1, output);
    if (fault !== undefined) return fault;
    output.settle();
  }
  return output.text;
}

const closeCodeOf = (outcome: string | ExtensionFault): number | string =>
  typeof outcome === "string" ? outcome : outcome.closeCode;

for (const [name, make] of WAYS) {
  test(`${name}: the examples of RFC 7692 §7.2.3`, () => {
    const inflater = make(15, true);
    const hello = Buffer.from("f248cdc9c90700", "hex");
    assert.equal(take(inflater, hello), "Hello");
    // §7.2.3.1: in two fragments.
    assert.equal(take(make(15, true), hello.subarray(0, 3), hello.subarray(3)), "Hello");
    // §7.2.3.2: the window is shared.
    assert.equal(take(inflater, Buffer.from("f200110000", "hex")), "Hello");
    // §7.2.3.3: a block without compression.
    assert.equal(take(inflater, Buffer.from("000500faff48656c6c6f00", "hex")), "Hello");
    // §7.2.3.4: a block with BFINAL.
    assert.equal(take(inflater, Buffer.from("f348cdc9c9070000", "hex")), "Hello");
    // §7.2.3.5: two blocks.
    assert.equal(take(inflater, Buffer.from("f248050000 00ffffcac9c90700".replaceAll(" ", ""), "hex")), "Hello");
    // §7.2.3.6: an empty message.
    assert.equal(take(inflater, Buffer.from("00", "hex")), "");
  });

  test(`${name}: the window outlives a block with BFINAL, whether the empty block behind it is there or not`, () => {
    for (const behind of [[0], []]) {
      const inflater = make(15, true);
      const send = sender();
      const first = send("a sentence that comes again and again");
      assert.equal(take(inflater, first), "a sentence that comes again and again");
      const ended = Buffer.concat([deflateRawSync("x"), Buffer.from(behind)]);
      assert.equal(take(inflater, ended), "x");
      send("x");
      const again = send("a sentence that comes again and again");
      assert.ok(again.length < 12);
      assert.equal(take(inflater, again), "a sentence that comes again and again");
    }
  });

  test(`${name}: the empty block that a message ends in may be the one with BFINAL`, () => {
    const inflater = make(15, true);
    const send = sender();
    assert.equal(take(inflater, send("twice and twice")), "twice and twice");
    assert.equal(take(inflater, Buffer.from([0x01])), "");
    assert.equal(take(inflater, send("twice and twice")), "twice and twice");
    assert.equal(take(make(15, false), Buffer.from([0x01])), "");
  });

  test(`${name}: a block with BFINAL may stand inside a message, and be split from what follows`, () => {
    const message = Buffer.concat([deflateRawSync("one, "), deflateRawSync("two, "), alone("three")]);
    for (let cut = 0; cut <= message.length; cut++) {
      assert.equal(take(make(15, true), message.subarray(0, cut), message.subarray(cut)), "one, two, three");
    }
  });

  test(`${name}: more than ${MAX_ENDS} blocks with BFINAL in a message are refused`, () => {
    const ends = (count: number) => Buffer.concat([...Array(count).fill(Buffer.from([0x03, 0x00])), alone("x")]);
    assert.equal(take(make(15, true), ends(MAX_ENDS)), "x");
    assert.equal(closeCodeOf(take(make(15, true), ends(MAX_ENDS + 1))), 1007);
    // Each message has as many, also behind one whose padding had to be proved.
    const inflater = make(15, true);
    for (const before of [Buffer.from([0xf8]), ends(MAX_ENDS), ends(MAX_ENDS)]) {
      assert.notEqual(closeCodeOf(take(inflater, before)), 1007);
      assert.equal(take(inflater, ends(MAX_ENDS)), "x");
    }
  });

  test(`${name}: a message of no bytes at all is an empty one, and leaves the window alone`, () => {
    const inflater = make(15, true);
    const send = sender();
    assert.equal(take(inflater, send("again and again and again")), "again and again and again");
    assert.equal(take(inflater, Buffer.alloc(0)), "");
    assert.equal(take(inflater, Buffer.alloc(0), Buffer.alloc(0)), "");
    assert.equal(take(inflater, send("again and again and again")), "again and again and again");
  });

  test(`${name}: bad data, references before the beginning and messages that break off are faults with 1007`, () => {
    const long = alone(Array.from({ length: 200 }, (_, at) => `${at * 7919}`).join());
    const wrong: readonly Uint8Array[] = [
      Buffer.from([0xff]),
      Buffer.from([0x06]),
      Buffer.from("not compressed at all"),
      // A stored block whose length doesn't match its complement.
      Buffer.from([0x00, 0x05, 0x00, 0x00, 0x00]),
      // Refers back without anything to refer to.
      Buffer.from("f200110000", "hex"),
      // A stored block of 5 bytes that has 3.
      Buffer.from("000500faff48656c", "hex"),
      long.subarray(0, -20),
      long.subarray(0, 10),
    ];
    for (const payload of wrong) {
      assert.equal(closeCodeOf(take(make(15, true), payload)), 1007, Buffer.from(payload).toString("hex"));
      assert.equal(closeCodeOf(take(make(15, false), payload)), 1007, Buffer.from(payload).toString("hex"));
    }
  });

  test(`${name}: what a sender takes off a message's end and a reader puts back is no block's data`, () => {
    for (const takeover of [true, false]) {
      // Stored blocks of four bytes and of five, of which none and one are there.
      for (const payload of [
        [0x01, 0x04, 0x00, 0xfb, 0xff],
        [0x00, 0x05, 0x00, 0xfa, 0xff, 0x61],
      ]) {
        assert.equal(closeCodeOf(take(make(15, takeover), Uint8Array.from(payload))), 1007, `${takeover} ${payload}`);
      }
    }
  });

  test(`${name}: padding that is not 0 is ignored as DEFLATE has it, and the window outlives it`, () => {
    const inflater = make(15, true);
    const send = sender();
    const first = send("a sentence that comes again");
    const last = first.length - 1;
    // 0x00 is all padding but for the header's bits in the byte before, or in its lowest.
    assert.ok((first[last] as number) < 0x20);
    first[last] = (first[last] as number) | 0x80;
    assert.equal(take(inflater, first), "a sentence that comes again");
    assert.equal(take(inflater, send("a sentence that comes again")), "a sentence that comes again");
  });

  test(`${name}: without takeover nothing may refer back beyond the message`, () => {
    const inflater = make(15, false);
    const hello = Buffer.from("f248cdc9c90700", "hex");
    assert.equal(take(inflater, hello), "Hello");
    assert.equal(take(inflater, hello), "Hello");
    assert.equal(closeCodeOf(take(inflater, Buffer.from("f200110000", "hex"))), 1007);
  });

  test(`${name}: hibernation between messages changes nothing, and one inside a message neither`, () => {
    const inflater = make(15, true);
    const send = sender();
    for (let round = 0; round < 50; round++) {
      const message = `round ${round}: ${"the same again, ".repeat(round)}`;
      const payload = send(message);
      const output = new Collected();
      assert.equal(inflater.decode(payload.subarray(0, 5), false, output), undefined);
      inflater.hibernate();
      assert.equal(inflater.decode(payload.subarray(5), true, output), undefined);
      assert.equal(output.text, message);
      inflater.hibernate();
      if (round % 3 === 0) inflater.hibernate();
    }
  });

  test(`${name}: any messages, in any fragments, come out as they went in, for each size of window`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(9, 10, 12, 15),
        fc.boolean(),
        fc.array(
          fc.record({
            words: fc.array(fc.constantFrom("alpha", "beta", "gamma", '{"price":', "\u{1f600}", " ".repeat(300)), {
              maxLength: 400,
              size: "max",
            }),
            cuts: fc.array(fc.nat(), { maxLength: 4 }),
          }),
          { minLength: 1, maxLength: 8 },
        ),
        (windowBits, takeover, messages) => {
          const inflater = make(windowBits, takeover);
          const send = sender(windowBits);
          for (const { words, cuts } of messages) {
            const message = words.join("");
            const payload = takeover ? send(message) : alone(message);
            if (!takeover && windowBits < 15 && message.length > 2 ** windowBits) continue;
            const places = cuts.map((cut) => cut % (payload.length + 1)).sort((a, b) => a - b);
            const frames = [0, ...places].map((from, index) => payload.subarray(from, places[index] ?? payload.length));
            assert.equal(take(inflater, ...frames), message);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test(`${name}: of any bytes it makes what DEFLATE by the book makes, or a fault`, () => {
    const seeds = [
      alone("Hello"),
      alone("abcabcabc".repeat(40)),
      deflateRawSync("x".repeat(900)),
      alone(Buffer.alloc(300, 7)),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
        fc.nat({ max: 4 }),
        (seed, edits, off) => {
          const payload = Buffer.from(seed.subarray(0, seed.length - off));
          for (const [place, value] of edits) if (payload.length > 0) payload[place % payload.length] = value;
          if (payload.length === 0) return;
          const outcome = take(make(15, false), payload);
          const expected = byTheBook(payload);
          if (expected === undefined) assert.equal(closeCodeOf(outcome), 1007);
          else assert.equal(outcome, expected);
        },
      ),
      { numRuns: 2000 },
    );
  });
}

/** What a payload without takeover means; undefined: nothing. */
function byTheBook(payload: Uint8Array): string | undefined {
  const data = Buffer.concat([payload, TAIL]);
  const parts: Uint8Array[] = [];
  try {
    for (let from = 0, ends = 0; from < payload.length; ends++) {
      if (ends > MAX_ENDS) return undefined;
      const window = Buffer.concat(parts);
      const { data: made, read } = referenceInflate(data.subarray(from), window);
      // What was put back completes a block without output; it is nothing of the message, and no block of its own.
      if (from + read > payload.length && from + read < data.length) return undefined;
      if (from + read === data.length && !Buffer.from(made).equals(beforeTail(payload.subarray(from), window)))
        return undefined;
      parts.push(made);
      from += read;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(parts).toString();
}

function beforeTail(payload: Uint8Array, window: Uint8Array): Uint8Array {
  try {
    return referenceInflate(payload, window).data;
  } catch (error) {
    if (error instanceof BreaksOff) return error.data;
    throw error;
  }
}

test("a message without end costs no more than the output takes: a step's worth is made between two answers", () => {
  // 300 MB of zeros in about 300 KB.
  const deflate = createDeflateRaw({ chunkSize: 1 << 20 });
  deflate.close();
  const bomb = deflateRawSync(Buffer.alloc(300_000_000), { level: 1, finishFlush: constants.Z_SYNC_FLUSH });
  let largest = 0;
  let total = 0;
  const output = {
    write: (bytes: Uint8Array) => {
      largest = Math.max(largest, bytes.length);
      total += bytes.length;
      return total <= 1_000_000;
    },
    lend: () => assert.fail("the message was whole"),
  };
  assert.equal(new StreamInflater(15, true).decode(bomb, true, output), undefined);
  assert.ok(largest <= 32768 + 16384);
  assert.ok(total <= 1_000_000 + largest);
});

test("without takeover a connection holds no context between messages, and connections take turns with one", () => {
  const payload = alone("x".repeat(100));
  const inflaters = Array.from({ length: 200 }, () => new StreamInflater(15, false));
  const made: SyncStream[] = [];
  const original = SyncStream.inflate;
  SyncStream.inflate = (settings) => {
    const stream = original(settings);
    made.push(stream);
    return stream;
  };
  try {
    for (const inflater of inflaters) assert.equal(take(inflater, payload), "x".repeat(100));
    assert.ok(made.length <= 1);
    // Those in the middle of a message need one each.
    const output = new Collected();
    for (const inflater of inflaters.slice(0, 9)) inflater.decode(payload.subarray(0, 2), false, output);
    for (const inflater of inflaters.slice(0, 9))
      assert.equal(inflater.decode(payload.subarray(2), true, new Collected()), undefined);
    assert.ok(made.length >= 5 && made.length <= 9);
  } finally {
    SyncStream.inflate = original;
  }
});

test("without takeover the verdict on a message is the same whatever its context has served before", () => {
  // Too long and bad data at once: which of them is found depends on how much is made in one step. No other test uses this window.
  const bad = Buffer.concat([alone(Buffer.alloc(9000)), TAIL, Buffer.from([0x07])]);
  const verdict = (): string => {
    const output = new Collected(1000);
    return `${new StreamInflater(11, false).decode(bad, true, output)?.closeCode} ${output.bytes.length}`;
  };
  const first = verdict();
  assert.equal(take(new StreamInflater(11, false), alone("x".repeat(100_000))), "x".repeat(100_000));
  assert.equal(verdict(), first);
});

test("what was lent stays as it is to the message's end, also when the history is about to move", () => {
  // Wherever in the space a message ends, its bytes are read after the tail has been put in.
  const inflater = new StreamInflater(15, true);
  const send = sender();
  for (let size = 1; size < 60_000; size += 487) {
    const message = Buffer.alloc(size, size);
    const output = new Collected();
    assert.equal(inflater.decode(send(message), true, output), undefined);
    assert.ok(output.bytes.equals(message), `${size} bytes`);
  }
});

test("streaming: nothing that came on one connection can be referred to on another, whichever ends its context has seen", () => {
  const secret = "what only the first connection may know";
  // "x", a last block, and then a reference beyond what this message has made.
  const back = Buffer.from("f200110000", "hex");
  const beyond = Buffer.concat([deflateRawSync("x"), back]);
  for (const first of [alone(secret), Buffer.concat([deflateRawSync(secret), alone("more")])]) {
    assert.notEqual(closeCodeOf(take(new StreamInflater(12, false), first)), 1007);
    assert.equal(closeCodeOf(take(new StreamInflater(12, false), back)), 1007);
    assert.notEqual(closeCodeOf(take(new StreamInflater(12, false), first)), 1007);
    assert.equal(closeCodeOf(take(new StreamInflater(12, false), beyond)), 1007);
  }
});

test("streaming: whatever room a message leaves in the space, nothing of it is left in zlib", () => {
  for (let size = 4000; size < 4400; size++) {
    const output = new Collected();
    assert.equal(new StreamInflater(15, true).decode(alone("x".repeat(size)), true, output), undefined);
    assert.equal(output.bytes.length, size);
  }
});

test("streaming: a connection has one stream, which its end, hibernation and each last block close", () => {
  const open = new Set<SyncStream>();
  let made = 0;
  const { inflate } = SyncStream;
  const { close } = SyncStream.prototype;
  SyncStream.inflate = (settings) => {
    const stream = inflate(settings);
    open.add(stream);
    made++;
    return stream;
  };
  SyncStream.prototype.close = function () {
    open.delete(this);
    close.call(this);
  };
  try {
    const inflater = new StreamInflater(15, true);
    const send = sender();
    for (let round = 0; round < 20; round++) assert.equal(take(inflater, send(`round ${round}`)), `round ${round}`);
    assert.deepEqual([made, open.size], [1, 1]);
    take(inflater, Buffer.concat([deflateRawSync("a"), deflateRawSync("b"), alone("c")]));
    assert.deepEqual([made, open.size], [3, 1]);
    inflater.hibernate();
    assert.equal(open.size, 0);
    take(inflater, alone("again"));
    assert.equal(open.size, 1);
    inflater.close();
    inflater.close();
    assert.equal(open.size, 0);
    const midway = new StreamInflater(15, true);
    midway.decode(alone("of a message").subarray(0, 4), false, new Collected());
    midway.hibernate();
    assert.equal(open.size, 1);
    midway.close();
    assert.equal(open.size, 0);
  } finally {
    SyncStream.inflate = inflate;
    SyncStream.prototype.close = close;
  }
});
